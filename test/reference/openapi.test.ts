import { readFile } from 'node:fs/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { renderOpenapi } from '../../scripts/reference/openapi.ts';
import { withRouteTables } from '../../scripts/reference/route-tables.ts';
import { DOCUMENTS } from '../../src/api/documents.ts';
import type { Route } from '../../src/http/route.ts';
import { ROUTES } from '../../src/http/routes.ts';

const ROOT = new URL('../../', import.meta.url);

interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

async function readDescription(): Promise<{
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: object };
}> {
  return JSON.parse(await readFile(new URL('openapi.json', ROOT), 'utf8'));
}

/** The operations that the table of routes asks for: `get /api/v1/batches/{id}: wait: 200 202`. */
function operationsOfTable(): readonly string[] {
  return Object.values<Route>(ROUTES)
    .filter(([, , , , , answers, kind]) => answers !== undefined && kind !== 'nginx')
    .flatMap(([methods, paths, , query, , answers]) =>
      [methods].flat().flatMap((method) =>
        [paths].flat().map((path) => {
          const names = query === 'ignored' ? [] : query;
          const url = path.replaceAll(/:(\w+)/g, '{$1}').replace('*', '{}');
          return `${method.toLowerCase()} ${url}: ${names.join(' ')}: ${Object.keys(answers ?? {}).join(' ')}`;
        }),
      ),
    );
}

describe('openapi.json', () => {
  it('is what is rendered (npm run reference)', async () => {
    expect(await readFile(new URL('openapi.json', ROOT), 'utf8')).toBe(await renderOpenapi());
  });

  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate({ ...(await readDescription()) })).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('has every route that clients use, with its parameters and answers, and no other', async () => {
    const { paths } = await readDescription();
    const described = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { parameters = [], responses }]) => {
        const names = parameters.filter((one) => one.in === 'query').map(({ name }) => name);
        const statuses = Object.keys(responses).filter((status) => status !== 'default');
        return `${method} ${path.replace(/\{(?:file|path)\}$/, '{}')}: ${names.join(' ')}: ${statuses.join(' ')}`;
      }),
    );
    expect(described.toSorted()).toEqual(operationsOfTable().toSorted());
  });

  it('has every document, and errors in each answer', async () => {
    const { paths, components } = await readDescription();
    expect(Object.keys(components.schemas)).toEqual(expect.arrayContaining(Object.keys(DOCUMENTS)));
    for (const { responses } of Object.values(paths).flatMap((item) => Object.values(item)))
      expect(responses['default']?.content).toHaveProperty(['application/problem+json']);
  });
});

describe('docs/http.md', () => {
  it('has the table of routes as it is (npm run reference)', async () => {
    const page = await readFile(new URL('docs/http.md', ROOT), 'utf8');
    expect(withRouteTables(page)).toBe(page);
    for (const group of ['uploads', 'batches', 'resumable', 'state', 'repositories', 'health'])
      expect(page).toContain(`<!-- routes: ${group} -->\n\n| request | right |`);
  });

  it('loses nothing behind a table whose end is not marked', () => {
    expect(() => withRouteTables('<!-- routes: health -->\nmore')).toThrow('end of routes');
    expect(() => withRouteTables('<!-- routes: none -->\n<!-- end of routes -->')).toThrow('group none');
  });
});
