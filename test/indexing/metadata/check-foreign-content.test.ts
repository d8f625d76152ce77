import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkForeignContent } from '../../../src/indexing/metadata/check-foreign-content.ts';
import {
  BAD_COMPS,
  BAD_MODULES,
  BAD_UPDATEINFO,
  GOOD_COMPS,
  GOOD_MODULES,
} from '../../support/metadata-documents.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';

const MIB = 1024 * 1024;

let dir: TempDir;
beforeAll(async () => {
  dir = await createTempDir();
});
afterAll(() => dir.remove());

async function expectTaken(type: string, content: string | Uint8Array, packedPath?: string): Promise<string> {
  const path = join(dir.path, 'content');
  await writeFile(path, content);
  const { openSha256 } = await checkForeignContent({ type, path, packedPath });
  expect(openSha256).toMatch(/^[0-9a-f]{64}$/);
  return openSha256;
}

/** Why it is refused, as a client reads it. */
async function expectRefused(type: string, content: string | Uint8Array): Promise<string> {
  const path = join(dir.path, 'content');
  await writeFile(path, content);
  const error: unknown = await checkForeignContent({ type, path }).then(
    () => new Error('it was taken'),
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'METADATA_INVALID', statusCode: 422 });
  return error instanceof Error ? error.message : '';
}

const updates = (inner: string): string => `<updates>${inner}</updates>`;

describe('metadata of others', () => {
  test('is packed as it is checked, and known by the digest of its content', async () => {
    const packedPath = join(dir.path, 'packed.gz');
    const digest = await expectTaken('group', zstdCompressSync(Buffer.from(GOOD_COMPS)), packedPath);
    expect(digest).toBe(createHash('sha256').update(GOOD_COMPS).digest('hex'));
    expect(gunzipSync(await readFile(packedPath)).toString()).toBe(GOOD_COMPS);
  });

  test.each([...GOOD_MODULES])('is taken as modules: %s', async (_, text) => {
    await expectTaken('modules', text);
  });

  test('is taken as modules: a build order as EL 8 has it, which only its libmodulemd reads', async () => {
    const text = GOOD_MODULES.get('a stream') ?? '';
    await expectTaken('modules', text.replace('buildorder: -1', 'buildorder: 18446744073709551615'));
    await expectRefused('modules', text.replace('buildorder: -1', 'buildorder: 18446744073709551614'));
  });

  test('is refused as modules: a build order that is too small or too large for 64 bits', async () => {
    const text = GOOD_MODULES.get('a stream') ?? '';
    for (const [limit, beyond] of [
      ['-9223372036854775808', '-9223372036854775809'],
      ['9223372036854775807', '9223372036854775808'],
    ]) {
      await expectTaken('modules', text.replace('buildorder: -1', `buildorder: ${limit}`));
      await expectRefused('modules', text.replace('buildorder: -1', `buildorder: ${beyond}`));
    }
  });

  test.each([...BAD_MODULES])('is refused as modules: %s', async (_, text) => {
    await expectRefused('modules', text);
  });

  test.each([...BAD_COMPS])('is refused as group: %s', async (_, text) => {
    await expectRefused('group', text);
  });

  test.each([...BAD_UPDATEINFO])('is refused as updateinfo: %s', async (_, text) => {
    await expectRefused('updateinfo', text);
  });

  test.each(['deltainfo', 'prestodelta', 'patterns', 'product', 'products', 'susedata', 'suseinfo'])(
    'is refused as %s when it is no XML, and taken when it is',
    async (type) => {
      await expectRefused(type, 'a: b\n');
      await expectTaken(type, '<foo/>');
    },
  );

  test('is known as XML by its first character that is not blank, however it arrives', async () => {
    const frames = (...texts: readonly string[]): Uint8Array =>
      Buffer.concat(texts.map((text) => zstdCompressSync(Buffer.from(text))));
    await expectTaken('updateinfo', frames('\n', ' ', updates('')));
    await expectTaken('updateinfo', frames('', updates('')));
    await expectRefused('updateinfo', frames('\n', 'a: b'));
    await expectRefused('updateinfo', frames('\n', ' '));
    await expectRefused('foo', frames('\n', ' ', '<foo><bad'));
    await expectRefused('foo', frames('', '\n<foo><bad'));
    await expectTaken('foo', frames('\n', ' ', 'hello'));
    await expectTaken('foo', '\n');
    expect(await expectRefused('foo', ' '.repeat(MIB))).toContain('blank');
  });

  test('of another type may be any text', async () => {
    await expectTaken('licence-terms', 'hello');
  });

  test.each([
    [
      'a document type across two pieces',
      `<!DOCTYPE a${' '.repeat(256 * 1024 - 20)}[<!ENTITY x "y">]><comps/>`,
    ],
    [
      'a document type with defaults of attributes',
      '<!DOCTYPE comps [<!ATTLIST group a CDATA "x">]><comps/>',
    ],
    ['no UTF-8', Buffer.from('<comps>\xff</comps>', 'latin1')],
    ['nothing', ''],
    ['nothing, in gzip', gzipSync('')],
  ])('is refused with %s', async (_, content) => {
    await expectRefused('group', content);
  });

  test('tells no path of this machine, whatever tool finds the fault', async () => {
    const whole = Buffer.from(`<comps>${'<x/>'.repeat(10_000)}</comps>`);
    const tools = { xz: ['-c'], bzip2: ['-c'], zstd: ['-c'], gzip: ['-c'] };
    for (const [tool, args] of Object.entries(tools)) {
      const { stdout } = await execa(tool, args, { input: whole, encoding: 'buffer' });
      const middle = Math.floor(stdout.length / 2);
      const half = stdout.subarray(0, middle);
      expect(await expectRefused('group', half)).not.toContain(dir.path);
      const damaged = Buffer.from(stdout);
      damaged.fill(0x55, middle, middle + 16);
      expect(await expectRefused('group', damaged)).not.toContain(dir.path);
    }
  });
});

describe('the limits of metadata of others', () => {
  test.each([
    ['comment', (text: string) => updates(`<!--${text}-->`)],
    ['text', (text: string) => updates(`<update>${text}</update>`)],
    ['attribute', (text: string) => updates(`<update a="${text}"/>`)],
    ['CDATA section', (text: string) => updates(`<![CDATA[${text}]]>`)],
    ['row of attributes', (text: string) => updates(`<update ${attributes(text.length / 16)}/>`)],
    ['row of comments', (text: string) => updates('<!--x-->'.repeat(text.length / 8))],
    ['comment before the root', (text: string) => `<!--${text}-->${updates('')}`],
    ['document type', (text: string) => `<!DOCTYPE updates SYSTEM "${text}">${updates('')}`],
  ])('a %s of more than a million characters is refused, of half of it taken', async (_, make) => {
    await expectRefused('updateinfo', gzipSync(make('x'.repeat(1.5 * MIB))));
    const half = make('x'.repeat(MIB / 2));
    await expectTaken('updateinfo', half);
  });

  test('elements may lie 64 deep, no deeper, and their names have 256 characters', async () => {
    const nested = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth);
    await expectTaken('updateinfo', updates(nested(63)));
    await expectRefused('updateinfo', updates(nested(64)));
    await expectTaken('updateinfo', updates(`<${'a'.repeat(256)}/>`));
    await expectRefused('updateinfo', updates(`<${'a'.repeat(257)}/>`));
  });

  test('a file may not unfold to more than 512 MiB', async () => {
    // Without a parser, which would take a while.
    const member = gzipSync(Buffer.alloc(MIB, 'text\n'));
    const content = Buffer.concat(Array.from({ length: 513 }, () => member));
    expect(await expectRefused('notes', content)).toContain('unfolds');
  });

  test('xz may need 128 MiB, no more', async () => {
    const xz = async (dictionary: string): Promise<Uint8Array> => {
      const options = ['--format=xz', `--lzma2=dict=${dictionary}`, '-c'];
      const { stdout } = await execa('xz', options, { input: updates(''), encoding: 'buffer' });
      return stdout;
    };
    await expectTaken('updateinfo', await xz('64MiB'));
    expect(await expectRefused('updateinfo', await xz('384MiB'))).toContain('limit');
  });

  test('zstd may have a window of 128 MiB, no more', async () => {
    const withWindow = (log: number): Uint8Array => {
      // Source: RFC 8878, 3.1.1.1: magic, no checksum and no single segment, window of 2^log, one raw block.
      const content = Buffer.from(updates(''));
      const block = Buffer.alloc(3);
      block.writeUIntLE((content.length << 3) | 1, 0, 3);
      return Buffer.concat([
        Buffer.from('28b52ffd00', 'hex'),
        Buffer.from([(log - 10) << 3]),
        block,
        content,
      ]);
    };
    await expectTaken('updateinfo', withWindow(27));
    await expectRefused('updateinfo', withWindow(28));
  });

  test.each([
    ['nodes', `data: [${'{},'.repeat(300_000)}{}]\n`],
    ['nodes in pairs', `data: [${':,'.repeat(300_000)}]\n`],
    ['lines', `data:\n${'- a\n'.repeat(450_000)}`],
    ['characters', `data: ${'x'.repeat(5 * MIB)}\n`],
    ['levels', `data: ${'['.repeat(40)}${']'.repeat(40)}\n`],
  ])('a document of modules with too many %s is refused', async (_, text) => {
    await expectRefused('modules', `---\n${text}`);
  });

  test('modules may have many documents, of 64 million characters together', async () => {
    const document = GOOD_MODULES.get('a stream') ?? '';
    const bulky = document.replace('summary: s', `summary: ${'x'.repeat(MIB)}`);
    expect(bulky.length).toBeGreaterThan(MIB);
    await expectTaken('modules', bulky.repeat(20));
    expect(await expectRefused('modules', gzipSync(bulky.repeat(70)))).toContain('characters');
  });
});

function attributes(count: number): string {
  return Array.from({ length: count }, (_, index) => `a${index}="0123456"`).join(' ');
}
