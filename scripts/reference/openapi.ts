import swagger from '@fastify/swagger';
import fastify, { type FastifySchema } from 'fastify';
import { DOCUMENTS } from '../../src/api/documents.ts';
import { PACKAGE_WARNING } from '../../src/api/package-warning.ts';
import { PARAMETERS } from '../../src/api/parameters.ts';
import { SIGNATURE_VERDICT } from '../../src/api/signature-verdict.ts';
import { VERSION } from '../../src/base/version.ts';
import type { RouteAnswers, RouteBody } from '../../src/http/route.ts';
import { listDocumentedRoutes, rightText, type ShownRoute } from './documented-routes.ts';
import { HEADER_TEXTS, PARAMETER_TEXTS } from './route-texts.ts';

type Json = Readonly<Record<string, unknown>>;

const INFO = {
  title: 'Rpmyard',
  version: VERSION,
  description:
    'Receives RPM packages, sorts them into repositories and keeps their metadata current. docs/http.md says more of each request, docs/errors.md explains every error code. Fields and words may be added: a client must take those that it does not know. Where server.prefix_url names another path than /upload, the service shows that one.',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
};

const SECURITY = {
  bearer: { type: 'http', scheme: 'bearer', description: 'a token' },
  password: { type: 'http', scheme: 'basic', description: 'a token as password, with any user name' },
  signature: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Signature',
    description: 'a signed request (docs/http.md, "Who may do what")',
  },
} as const;

/** Documents that stand in others. */
const COMPONENTS: Readonly<Record<string, object>> = {
  ...DOCUMENTS,
  PackageWarning: PACKAGE_WARNING,
  SignatureVerdict: SIGNATURE_VERDICT,
};

const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  releasever: 'the releasever of the repository',
  basearch: 'the basearch of the repository',
  id: 'the name of the batch, or of the resumable upload',
  sha256: 'of the stored package, or of the bytes that were sent',
  type: 'the type of the metadata, as repomd.xml has it',
  file: 'a file name that ends in .rpm',
  path: 'below /repo/',
};

const BODIES: Readonly<Partial<Record<RouteBody, Json>>> = {
  'package or form': {
    'application/x-rpm': { schema: {} },
    'multipart/form-data': {
      schema: {
        type: 'object',
        properties: {
          file: { type: 'array', items: { type: 'string', contentMediaType: 'application/x-rpm' } },
          releasever: { type: 'string' },
        },
      },
    },
  },
  piece: { 'application/offset+octet-stream': { schema: {} } },
  metadata: { 'application/xml': { schema: {} }, 'application/octet-stream': { schema: {} } },
};

const STATUS_TEXTS: Readonly<Record<number, string>> = {
  200: 'Done, or there already.',
  201: 'What was sent is new here.',
  202: 'Accepted; the work goes on after this answer.',
  204: 'Done.',
  206: 'Ranges of the file.',
  207: 'Some files were taken, others not.',
  301: 'A redirect to the URL in Location.',
  302: 'A redirect to the URL in Location.',
  304: 'The client has this version.',
  503: 'An upload would fail now.',
};

/** openapi.json: the table of routes and the schemas of api/ in OpenAPI 3.1. */
export async function renderOpenapi(): Promise<string> {
  const app = fastify({ exposeHeadRoutes: false });
  // Nothing is asked of this app: its schemas are only written down.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => () => '');
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: INFO,
      servers: [{ url: '/' }],
      components: { securitySchemes: SECURITY },
    },
    refResolver: { buildLocalReference: ({ $id }) => (typeof $id === 'string' ? $id : '') },
  });
  for (const [name, schema] of Object.entries(COMPONENTS)) app.addSchema({ $id: name, ...linked(schema) });
  for (const route of listDocumentedRoutes()) {
    app.route({
      method: route.method,
      url: urlOf(route),
      schema: schemaOf(route),
      // The plugin leaves out HEAD, unless it is told otherwise.
      config: { needs: route.needs, swagger: { exposeHeadRoute: true } },
      handler: () => undefined,
    });
  }
  await app.ready();
  return `${JSON.stringify(app.swagger(), null, 2)}\n`;
}

/** What stands for any path needs a name. */
function urlOf({ path, rest = '' }: ShownRoute): string {
  return path.replace('*', `:${nameOfRest(rest)}`);
}

function nameOfRest(rest: string): string {
  return /<(?<name>\w+)>/.exec(rest)?.groups?.['name'] ?? '';
}

function schemaOf(route: ShownRoute): FastifySchema & Json {
  const { name, method, path, group, summary, query, body, answers, needs, headers = [] } = route;
  const names = urlOf(route).match(/(?<=:)\w+/g) ?? [];
  const content = BODIES[body];
  return {
    // A route with a slash at its end is another operation.
    operationId: path.endsWith('/') && path !== '/' ? `${name}WithSlash` : name,
    tags: [group],
    summary,
    description: `The right that it needs: ${rightText(route)}.`,
    security: needs === 'nothing' ? [] : [{ bearer: [] }, { password: [] }, { signature: [] }, {}],
    ...(names.length > 0 && { params: described(names, PATH_PARAMETERS) }),
    ...(query !== 'ignored' &&
      query.length > 0 && {
        querystring: {
          type: 'object',
          properties: Object.fromEntries(
            query.map((one) => [one, { ...PARAMETERS[one], description: PARAMETER_TEXTS[one] }]),
          ),
        },
      }),
    ...(headers.length > 0 && { headers: described(headers, HEADER_TEXTS) }),
    ...(content !== undefined && method !== 'GET' && { body: { content } }),
    response: responsesOf(answers),
  };
}

function described(names: readonly string[], texts: Readonly<Record<string, string>>): Json {
  const properties = names.map((name) => [name, { type: 'string', description: texts[name] }]);
  return { type: 'object', properties: Object.fromEntries(properties) };
}

function responsesOf(answers: RouteAnswers): Json {
  const successes = Object.entries(answers).map(([status, content]) => [
    status,
    { description: STATUS_TEXTS[Number(status)] ?? '', ...contentOf(content) },
  ]);
  return {
    ...Object.fromEntries(successes),
    default: {
      description: 'An error: docs/errors.md explains its code.',
      content: {
        'application/problem+json': { schema: { $ref: 'Problem#' } },
        'text/plain': { schema: { type: 'string' } },
      },
    },
  };
}

function contentOf(content: RouteAnswers[number]): Json {
  if (content.length === 0) return { type: 'null' };
  const documents = content.filter((one) => one in DOCUMENTS).map((one) => ({ $ref: `${one}#` }));
  const [first, ...more] = documents;
  const schema = more.length === 0 ? first : { anyOf: documents };
  const media = content
    .filter((one) => !(one in DOCUMENTS))
    .map((one) => [one, { schema: one === 'text/plain' ? { type: 'string' } : {} }]);
  return {
    content: {
      ...(schema !== undefined && { 'application/json': { schema } }),
      ...Object.fromEntries(media),
    },
  };
}

/** The schema with a reference in place of each document that has a name. */
function linked(schema: object): Json {
  const names = new Map(Object.entries(COMPONENTS).map(([name, one]) => [JSON.stringify(one), name]));
  const link = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(link);
    if (typeof value !== 'object' || value === null) return value;
    const name = names.get(JSON.stringify(value));
    if (name !== undefined && value !== schema) return { $ref: `${name}#` };
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, link(one)]));
  };
  return Object.fromEntries(Object.entries(schema).map(([key, one]) => [key, link(one)]));
}
