import { mkdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildTestApp, type TestApp } from '../../support/test-app.ts';

const SIZES = { 'b.rpm': 10, 'a.rpm': 30, 'Z.rpm': 20, 'c.rpm': 10 };

let service: TestApp;

beforeEach(async () => {
  service = await buildTestApp();
  await mkdir(join(service.topDir, '9/d'), { recursive: true });
  await mkdir(join(service.topDir, '9/e'));
  for (const [index, [name, sizeBytes]] of Object.entries(SIZES).entries()) {
    const path = join(service.topDir, '9', name);
    await writeFile(path, '');
    await truncate(path, sizeBytes);
    await utimes(path, 1, 1_700_000_000 + index);
  }
});

afterEach(() => service[Symbol.asyncDispose]());

const list = (query: string, headers: Record<string, string> = {}) =>
  service.app.inject({ url: `/repo/9/${query}`, headers });

const namesOf = (page: string): readonly (string | undefined)[] =>
  [...page.matchAll(/<td><a href="\.\/(?<name>[^"]+)"/g)].map(({ groups }) => groups?.['name']);

describe('a listing', () => {
  it.each([
    ['', ['d/', 'e/', 'Z.rpm', 'a.rpm', 'b.rpm', 'c.rpm']],
    ['?sort=name&order=descending', ['e/', 'd/', 'c.rpm', 'b.rpm', 'a.rpm', 'Z.rpm']],
    ['?sort=size', ['b.rpm', 'c.rpm', 'Z.rpm', 'a.rpm']],
    ['?sort=size&order=descending', ['a.rpm', 'Z.rpm', 'c.rpm', 'b.rpm']],
    ['?sort=modified&order=ascending', ['b.rpm', 'a.rpm', 'Z.rpm', 'c.rpm']],
    ['?sort=modified&order=descending', ['c.rpm', 'Z.rpm', 'a.rpm', 'b.rpm']],
    ['?sort=none&x=1', ['d/', 'e/', 'Z.rpm', 'a.rpm', 'b.rpm', 'c.rpm']],
  ])('%s has directories first, then files in the order that is asked for', async (query, expected) => {
    const names = namesOf((await list(query)).body);
    expect(names).toHaveLength(6);
    expect(names.slice(-expected.length)).toEqual(expected);
  });

  it.each([
    ['gzip', true],
    ['deflate, gzip;q=0.5, br', true],
    ['GZIP', true],
    ['*', true],
    ['gzip;q=0', false],
    ['*;q=1, gzip;q=0', false],
    ['identity', false],
    ['', false],
  ])('to a client that accepts %j is compressed: %s', async (acceptEncoding, isCompressed) => {
    const plain = await list('');
    const answer = await list('', { 'accept-encoding': acceptEncoding });
    expect(answer.headers).toMatchObject({
      vary: 'Accept-Encoding',
      'content-type': 'text/html; charset=utf-8',
    });
    expect(answer.headers['content-encoding']).toBe(isCompressed ? 'gzip' : undefined);
    const page = isCompressed ? gunzipSync(answer.rawPayload) : answer.rawPayload;
    expect(page.toString()).toBe(plain.body);
  });
});

it('six listings of 20,000 packages keep no other request waiting', async () => {
  const directory = join(service.topDir, '9/x86_64/Packages');
  await mkdir(directory, { recursive: true });
  const names = Array.from({ length: 20_000 }, (_, index) => `package-${index}-1.0-1.el9.x86_64.rpm`);
  for (const name of names) await writeFile(join(directory, name), '');
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 });

  const listed = new AbortController();
  const listings = Promise.all(
    Array.from({ length: 6 }, async () => {
      const answer = await fetch(`${url}/repo/9/x86_64/Packages/`);
      return namesOf(await answer.text()).length;
    }),
  ).finally(() => listed.abort());
  const pausesMs: number[] = [];
  let lastMs = performance.now();
  while (!listed.signal.aborted) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    pausesMs.push(performance.now() - lastMs);
    lastMs = performance.now();
  }
  expect(await listings).toEqual(Array.from({ length: 6 }, () => 20_000));
  // All of a listing in one piece takes 150 ms or more on a quiet machine. Half of the pauses says it also on a busy one.
  const median = pausesMs.toSorted((a, b) => a - b)[Math.floor(pausesMs.length / 2)];
  expect(pausesMs.length).toBeGreaterThan(6 * (20_000 / 500));
  expect(median).toBeLessThan(20);
});
