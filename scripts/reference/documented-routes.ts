import type { HttpMethod, Route } from '../../src/http/route.ts';
import { ROUTES } from '../../src/http/routes.ts';
import { type DocumentedRoute, ROUTE_TEXTS, type RouteText } from './route-texts.ts';

/** A route as people are shown it: one method and one path. */
export interface ShownRoute extends RouteText {
  readonly name: string;
  readonly method: HttpMethod;
  /** As Fastify writes it. */
  readonly path: string;
  readonly needs: Route[2];
  readonly query: Route[3];
  readonly body: Route[4];
  readonly answers: NonNullable<Route[5]>;
}

/** Every route that clients use, in the order of the texts. */
export function listDocumentedRoutes(): readonly ShownRoute[] {
  const rows: Readonly<Record<DocumentedRoute, Route>> = ROUTES;
  const texts = Object.entries(ROUTE_TEXTS);
  return texts.flatMap(([name, text]) => {
    const [methods, paths, needs, query, body, answers = {}] = rowOf(rows, name);
    return [methods]
      .flat()
      .flatMap((method) =>
        [paths].flat().map((path) => ({ ...text, name, method, path, needs, query, body, answers })),
      );
  });
}

function rowOf(rows: Readonly<Record<string, Route>>, name: string): Route {
  const row = rows[name];
  if (row === undefined) throw new Error(`no route has the name ${name}`);
  return row;
}

const WHERE = {
  // Of whatever is in several repositories each counts, and the route shows or takes only what is allowed.
  some: '',
  all: ' in all',
  route: ' in it',
  path: ' in it; none for `.repo` files and keys; above the repositories in all',
};

/** The right of a route in words: `read` in the repository. */
export function rightText({ needs }: Pick<ShownRoute, 'needs'>): string {
  if (needs === 'nothing') return 'none';
  return `\`${needs.right}\`${WHERE[needs.in]}`;
}
