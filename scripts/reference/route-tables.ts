import { listDocumentedRoutes, rightText, type ShownRoute } from './documented-routes.ts';

const BEGIN = /^<!-- routes: (?<group>\w+) -->$/;
const END = '<!-- end of routes -->';

/** A page with the table of routes between each pair of marks as the table of routes is now. */
export function withRouteTables(page: string): string {
  const kept: string[] = [];
  let isInTable = false;
  for (const line of page.split('\n')) {
    if (line === END) isInTable = false;
    if (!isInTable) kept.push(line);
    const group = BEGIN.exec(line)?.groups?.['group'];
    if (group === undefined) continue;
    kept.push('', ...renderRouteTable(group), '');
    isInTable = true;
  }
  if (isInTable) throw new Error(`a table of routes has no ${END}`);
  return kept.join('\n');
}

function renderRouteTable(group: string): readonly string[] {
  const routes = listDocumentedRoutes().filter((route) => route.group === group);
  if (routes.length === 0) throw new Error(`no route is of the group ${group}`);
  return [
    '| request | right | parameters | answer |',
    '| --- | --- | --- | --- |',
    ...routes.map((route) => `| ${cellsOf(route).join(' | ')} |`),
  ];
}

function cellsOf(route: ShownRoute): readonly string[] {
  const { method, path, rest = '', query, answer } = route;
  const shown = path.replace('*', rest).replaceAll(/:(\w+)/g, '<$1>');
  const parameters = query === 'ignored' ? [] : query.map((name) => `\`${name}\``);
  return [`\`${method} ${shown}\``, rightText(route), parameters.join(', '), answer];
}
