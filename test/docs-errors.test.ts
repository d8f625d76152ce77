import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ERROR_STATUS } from '../src/errors.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** nginx passes it on with the code of the service, and has none of its own. */
const IN_WORDS_OF_THE_SERVICE = new Set([507]);

interface Heading {
  readonly code: string;
  readonly statuses: readonly number[];
}

let text: string;
let headings: readonly Heading[];
let nginxStatuses: ReadonlyMap<string, readonly number[]>;

beforeAll(async () => {
  text = await readFile(join(ROOT, 'docs/errors.md'), 'utf8');
  headings = [...text.matchAll(/^### (?<code>[A-Z_]+) \((?<statuses>[\d, ]+)\)$/gm)].map(({ groups }) => ({
    code: groups?.['code'] ?? '',
    statuses: (groups?.['statuses'] ?? '').split(', ').map(Number),
  }));
  const files = ['nginx/http.conf', 'nginx/server.conf'].map(async (file) =>
    readFile(join(ROOT, file), 'utf8'),
  );
  nginxStatuses = readNginxCodes((await Promise.all(files)).join('\n'));
});

/** Every code that the shipped nginx configuration answers, and with which statuses. */
function readNginxCodes(conf: string): ReadonlyMap<string, readonly number[]> {
  const block = /map \$status \$rpmyard_own_code \{(?<lines>[^}]*)\}/.exec(conf)?.groups?.['lines'] ?? '';
  const codeOf = new Map(
    [...block.matchAll(/^ *(?<status>\w+) +(?<code>[A-Z_]+);$/gm)].map(({ groups }) => [
      groups?.['status'],
      groups?.['code'] ?? '',
    ]),
  );
  const codes = new Map<string, number[]>();
  for (const status of answeredStatuses(conf)) {
    const code = codeOf.get(String(status)) ?? codeOf.get('default') ?? '';
    codes.set(code, [...(codes.get(code) ?? []), status]);
  }
  for (const { groups } of conf.matchAll(
    /set \$rpmyard_refusal_code +(?<code>[A-Z_]+);[^}]*?return (?<status>\d+);/g,
  ))
    codes.set(groups?.['code'] ?? '', [Number(groups?.['status'])]);
  return codes;
}

/** The statuses that reach a client through `error_page`; `=503` changes them. */
function answeredStatuses(conf: string): readonly number[] {
  const statuses = [...conf.matchAll(/^ *error_page (?<given>[\d ]+?)(?: =(?<sent>\d+))? \S+;$/gm)].flatMap(
    ({ groups }) => {
      const given = (groups?.['given'] ?? '').trim().split(' ').map(Number);
      return groups?.['sent'] === undefined ? given : [Number(groups['sent'])];
    },
  );
  return [...new Set(statuses)]
    .filter((status) => !IN_WORDS_OF_THE_SERVICE.has(status))
    .toSorted((a, b) => a - b);
}

const statusesIn = (code: string): readonly number[][] =>
  headings.filter((heading) => heading.code === code).map(({ statuses }) => [...statuses]);

describe('docs/errors.md', () => {
  it('explains every code of the service and of nginx once, with each status that it comes with', () => {
    expect(nginxStatuses.size).toBeGreaterThan(5);
    const ofService = new Map<string, number>(Object.entries(ERROR_STATUS));
    for (const code of new Set([...ofService.keys(), ...nginxStatuses.keys()])) {
      const statuses = new Set([ofService.get(code), ...(nginxStatuses.get(code) ?? [])]);
      statuses.delete(undefined);
      expect(statusesIn(code), code).toEqual([[...statuses]]);
    }
  });

  it('explains no code that does not exist', () => {
    const known = new Set([...Object.keys(ERROR_STATUS), ...nginxStatuses.keys()]);
    expect(headings.map(({ code }) => code).filter((code) => !known.has(code))).toEqual([]);
    expect(headings).toHaveLength(known.size);
  });

  it('has a text below each heading, and no heading of another form', () => {
    const sections = text.split(/^(?=##)/m).filter((section) => section.startsWith('### '));
    expect(sections).toHaveLength(headings.length);
    for (const section of sections) {
      const [title, ...lines] = section.split('\n');
      expect(lines.join('').length, title).toBeGreaterThan(30);
    }
  });

  it('names no code in its text that it does not explain', () => {
    const named = new Set(
      [...text.matchAll(/`(?<code>[A-Z]+(?:_[A-Z]+)+)`/g)].map(({ groups }) => groups?.['code']),
    );
    const explained = new Set<string | undefined>(headings.map(({ code }) => code));
    expect([...named].filter((code) => !explained.has(code))).toEqual([]);
  });
});

describe('the list of codes', () => {
  it('holds none that the service never answers', async () => {
    const files = (await readdir(join(ROOT, 'src'), { recursive: true })).filter((name) =>
      name.endsWith('.ts'),
    );
    const sources = await Promise.all(files.map((name) => readFile(join(ROOT, 'src', name), 'utf8')));
    // A comparison with a code gives it to no client; in the list itself it has no quotes.
    const source = sources.join('\n').replaceAll(/[!=]== '[A-Z_]+'/g, '');
    expect(source.length).toBeGreaterThan(1_000_000);
    expect(Object.keys(ERROR_STATUS).filter((code) => !source.includes(`'${code}'`))).toEqual([]);
  });
});
