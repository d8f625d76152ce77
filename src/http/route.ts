import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DocumentName } from '../api/documents.ts';
import type { ParameterName } from '../api/parameters.ts';
import type { Right } from '../trust/rights.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'OPTIONS' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

/**
 * What a route demands of a client; `route` is the repository that its parameters name, `path` the one that a path
 * below /repo/ lies in, `some` and `all` are any and every repository.
 */
export type RouteNeeds =
  | 'nothing'
  | { readonly right: Right; readonly in: 'some' | 'all' | 'route' | 'path' };

/** `ignored`: the route takes no parameters, and parameters that a cache or a probe adds to its URL change nothing. */
export type RouteQuery = readonly ParameterName[] | 'ignored';

/**
 * The body of a request. `none`: there is none, so a content type that Fastify does not know is refused. `ignored`: the
 * route does not read it. The route reads the others as they arrive.
 */
export type RouteBody = 'none' | 'ignored' | 'package or form' | 'piece' | 'metadata';

/**
 * What an answer holds by its status, in place of an error: documents of api/, or content of a media type; nothing where the list
 * is empty. Every route may be answered with a problem, as JSON or as text.
 */
export type RouteAnswers = Readonly<Record<number, readonly (DocumentName | MediaType)[]>>;

type MediaType = `${string}/${string}`;

/** One route: a row of the table in routes.ts. */
export type Route = readonly [
  method: HttpMethod | readonly HttpMethod[],
  /** As Fastify writes it. `/upload` stands for the path that `server.prefix_url` names. */
  path: string | readonly string[],
  needs: RouteNeeds,
  query: RouteQuery,
  body: RouteBody,
  /** Undefined: it only refuses. */
  answers: RouteAnswers | undefined,
  /** `tus`: a route of the tus protocol. `nginx`: only the nginx in front asks it. */
  kind?: 'tus' | 'nginx',
];

type Listed<T> = T extends readonly (infer Item)[] ? Item : T;

type ParamsIn<Path> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParamsIn<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name
    : Path extends `${string}/*`
      ? '*'
      : never;

type ParametersIn<Query> = Query extends readonly (infer Name extends string)[] ? Name : never;

/** A request as its route lets it through: with the parameters of its path, and those of its query that the client sent. */
export type RouteRequest<Row extends Route> = FastifyRequest<{
  Params: { readonly [Name in ParamsIn<Listed<Row[1]>>]: string };
  Querystring: { readonly [Name in ParametersIn<Row[3]>]?: string };
}>;

/** The function that answers the requests of a route. */
type HandlerOf<Row extends Route> = (request: RouteRequest<Row>, reply: FastifyReply) => unknown;

/**
 * The handler of any route, as Fastify calls it. A method, so that those of one route are taken for it: what its row says is what
 * Fastify has read into the request.
 */
export type AnyHandler = { handle(request: FastifyRequest, reply: FastifyReply): unknown }['handle'];

/** One handler for each route of a table. */
export type HandlersOf<Table extends Readonly<Record<string, Route>>> = {
  readonly [Name in keyof Table]: HandlerOf<Table[Name]>;
};
