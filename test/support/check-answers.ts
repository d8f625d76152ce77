import { rm } from 'node:fs/promises';
import { DOCUMENTS } from '../../src/api/documents.ts';
import { PROBLEM } from '../../src/api/problem.ts';
import { findSchemaFaults } from '../../src/base/schema/find-schema-faults.ts';
import type { JsonSchema } from '../../src/base/schema/json-schema.ts';
import type { Route } from '../../src/http/route.ts';
import { ROUTES } from '../../src/http/routes.ts';
import { readIfThere } from '../../src/base/files/read-if-there.ts';

/** An answer as the service sent it. */
export interface RecordedAnswer {
  readonly method: string;
  /** The path of the route as Fastify writes it; undefined when no route took the request. */
  readonly route?: string;
  readonly url: string;
  readonly status: number;
  readonly type?: string;
  /** Of JSON. */
  readonly body?: string;
}

const ANY_TYPE = 'application/octet-stream';

/** Every answer that a service has recorded (record-answers.mjs). */
export async function readAnswers(path: string): Promise<readonly RecordedAnswer[]> {
  const text = (await readIfThere(path)) ?? '';
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): RecordedAnswer => JSON.parse(line));
}

/**
 * Compares what a service answered with the table of routes and the schemas of api/, where a field or a word that they do not
 * have is a fault as well, and forgets it.
 * @throws Error that names each answer that is not as it is described.
 */
export async function checkAnswers(path: string): Promise<void> {
  const answers = await readAnswers(path);
  await rm(path, { force: true });
  const faults = answers.flatMap((answer) =>
    findAnswerFaults(answer).map(
      (fault) => `${answer.method} ${answer.url} answered ${answer.status}: ${fault}; ${answer.body ?? ''}`,
    ),
  );
  if (faults.length === 0) return;
  throw new Error(`answers that are not as http/routes.ts and api/ describe them:\n${faults.join('\n')}`);
}

/** The name of the route that gave an answer; undefined when no route took the request. */
export function findRouteName({
  method,
  route,
}: Pick<RecordedAnswer, 'method' | 'route'>): string | undefined {
  // A site may have another path for uploads.
  const paths = [route, route?.replace(/^\/[^/]+/, '/upload')];
  const methods = method === 'HEAD' ? ['HEAD', 'GET'] : [method];
  return paths
    .flatMap((path) => methods.map((one) => ({ path, method: one })))
    .map((asked) => Object.entries<Route>(ROUTES).find(([, row]) => isOf(row, asked))?.[0])
    .find((name) => name !== undefined);
}

function isOf(
  [methods, paths]: Route,
  asked: { readonly method: string; readonly path: string | undefined },
): boolean {
  return (
    [methods].flat().some((one) => one === asked.method) && [paths].flat().some((one) => one === asked.path)
  );
}

/** In what an answer is not as it is described. */
export function findAnswerFaults(answer: RecordedAnswer): readonly string[] {
  const { type = '', status } = answer;
  const [media = ''] = type.split(';');
  if (media === 'application/problem+json') return faultsAs([PROBLEM], answer);
  const name = findRouteName(answer);
  const row = Object.entries<Route>(ROUTES).find(([one]) => one === name)?.[1];
  const content = row?.[5]?.[status];
  if (content === undefined)
    return status >= 400 && media === 'text/plain' ? [] : ['the table has no such answer'];
  if (media === '') return content.length === 0 || answer.method === 'HEAD' ? [] : ['it has no content'];
  const schemas = Object.entries(DOCUMENTS).filter(([one]) => content.some((described) => described === one));
  if (media === 'application/json' && schemas.length > 0)
    return faultsAs(
      schemas.map(([, schema]) => schema),
      answer,
    );
  const isDescribed = content.some((described) => described === media || described === ANY_TYPE);
  return isDescribed ? [] : [`${media} is not described`];
}

function faultsAs(schemas: readonly JsonSchema[], { method, body }: RecordedAnswer): readonly string[] {
  if (method === 'HEAD') return [];
  const document: unknown = JSON.parse(body ?? '');
  const faults = schemas.map((schema) => findSchemaFaults(closed(schema), document));
  if (faults.some((found) => found.length === 0)) return [];
  return faults.flat().map(({ path, message }) => `/${path.join('/')} ${message}`);
}

/** The schema without what it leaves to newer services: other words, and other fields. */
export function closed(schema: JsonSchema): JsonSchema {
  const { anyOf, items, properties, ...rest } = schema;
  const [first, second] = anyOf ?? [];
  const isOpen = first?.enum !== undefined && second?.type === 'string' && second.enum === undefined;
  return {
    ...rest,
    ...(anyOf !== undefined && { anyOf: isOpen ? [first] : anyOf.map(closed) }),
    ...(items !== undefined && { items: closed(items) }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(Object.entries(properties).map(([key, one]) => [key, closed(one)])),
      additionalProperties: false,
    }),
  };
}
