import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SignatureTag } from '../../src/rpm/rpm-parser/tag.ts';
import { type CraftSpec, craftRpm, dropTags } from '../support/craft-rpm.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

// oxlint-disable-next-line no-control-regex -- finding them is the purpose
const UNPRINTABLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

const HOSTILE_TEXT = '\u009b31m\u202egpj\u2066\u0085\u007f';

let dir: TempDir;

beforeAll(async () => {
  dir = await createTempDir();
});

afterAll(() => dir.remove());

async function crafted(name: string, spec: CraftSpec = {}): Promise<string> {
  return put(name, craftRpm(spec));
}

async function put(name: string, bytes: string | Uint8Array): Promise<string> {
  const path = join(dir.path, name);
  await writeFile(path, bytes);
  return path;
}

interface JsonLine {
  readonly error?: { readonly code: string };
}

const jsonLines = (stdout: string): JsonLine[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe.concurrent('rpmyard inspect', () => {
  it('says what a package is and where it would go', async () => {
    const bytes = craftRpm({ name: 'nginx', epoch: 1, version: '1.20', summary: 'a web server' });
    const path = await put('nginx.rpm', bytes);
    const result = await runRpmyard('inspect', path);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    const [file, ...facts] = result.stdout.trimEnd().split('\n');
    expect(file).toBe(path);
    const text = facts.join('\n');
    expect(text).toContain('nginx-1:1.20-1.el9.x86_64: a web server');
    expect(text).toContain('not signed');
    expect(text).toContain(createHash('sha256').update(bytes).digest('hex'));
    expect(facts.at(-1)?.trim()).toBe('would go to 9/x86_64/Packages/nginx-1.20-1.el9.x86_64.rpm');
  });

  it('says what the index will not hold as it is, and that hosts of a releasever do not trust its digests', async () => {
    const path = await crafted('warned.rpm', {
      release: '1.fc43',
      description: 'a\u0001',
      editSignature: dropTags(SignatureTag.SHA256),
    });
    const text = await runRpmyard('inspect', path);
    expect(text.exitCode).toBe(0);
    expect(text.stdout).toMatch(
      / {2}warning: TEXT_NOT_XML: DESCRIPTION .*\n {2}warning: PACKAGE_DIGEST_WEAK: .*43\/x86_64/,
    );
    const [json] = jsonLines((await runRpmyard('inspect', '--json', path)).stdout);
    expect(json).toMatchObject({
      warnings: [{ code: 'TEXT_NOT_XML', tag: 'DESCRIPTION' }, { code: 'PACKAGE_DIGEST_WEAK' }],
    });
  });

  it('says the same as JSON, an object a line', async () => {
    const paths = [await crafted('a.rpm', { arch: 'noarch' }), await crafted('s.rpm', { isSource: true })];
    const signature = { state: 'unsigned' };
    const result = await runRpmyard('inspect', '--json', ...paths);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(jsonLines(result.stdout)).toEqual([
      {
        file: paths[0],
        nevra: 'example-1.0-1.el9.noarch',
        name: 'example',
        epoch: null,
        version: '1.0',
        release: '1.el9',
        arch: 'noarch',
        isSource: false,
        formatMajor: 4,
        isSigned: false,
        summary: 'An example package',
        buildTimeSeconds: 1_700_000_000,
        fileCount: 0,
        sizeBytes: expect.any(Number),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        targets: [
          { repository: '9/x86_64', location: 'Packages/example-1.0-1.el9.noarch.rpm', signature },
          { repository: '9/aarch64', location: 'Packages/example-1.0-1.el9.noarch.rpm', signature },
        ],
      },
      expect.objectContaining({
        isSource: true,
        targets: [{ repository: '9/SRPMS', location: 'Packages/example-1.0-1.el9.src.rpm', signature }],
      }),
    ]);
  });

  it('goes by the configuration it is given', async () => {
    const path = await crafted('b.rpm', { arch: 'noarch', release: '1.custom7' });
    const config = await put(
      'config.yml',
      "layout: { releasever: ['custom(?<releasever>[0-9])'], noarch: [s390x] }",
    );
    const { stdout } = await runRpmyard('inspect', '--json', '-c', config, path);
    expect(jsonLines(stdout)).toMatchObject([{ targets: [{ repository: '7/s390x' }] }]);
    expect(await runRpmyard('inspect', '-c', join(dir.path, 'none.yml'), path)).toMatchObject({
      exitCode: 1,
    });
  });

  it('describes a package that fits nowhere, says why, and how it would fit', async () => {
    const path = await crafted('none.rpm', { release: '1' });
    const text = await runRpmyard('inspect', path);
    expect(text.exitCode).toBe(1);
    expect(text.stdout).toContain('example-1.0-1.x86_64');
    expect(text.stdout).toContain('would be refused: RELEASEVER_UNKNOWN');
    const json = await runRpmyard('inspect', '--json', path);
    expect(jsonLines(json.stdout)).toMatchObject([
      { nevra: 'example-1.0-1.x86_64', error: { code: 'RELEASEVER_UNKNOWN', hint: expect.any(String) } },
    ]);
    const told = await runRpmyard('inspect', '--json', '--releasever', '9', path);
    expect(told.exitCode).toBe(0);
    expect(jsonLines(told.stdout)).toMatchObject([{ targets: [{ repository: '9/x86_64' }] }]);
  });

  it('exits 1 when one of several would be refused, and describes all of them', async () => {
    const bytes = craftRpm();
    const paths = [
      await put('good.rpm', bytes),
      await put('cut.rpm', bytes.subarray(0, -1)),
      await put('text.rpm', 'no package at all, just text'.repeat(10)),
      await crafted('delta.rpm', { payloadFormat: 'drpm' }),
      await put('empty.rpm', ''),
    ];
    const result = await runRpmyard('inspect', '--json', ...paths);
    expect(result).toMatchObject({ exitCode: 1, stderr: '' });
    const codes = jsonLines(result.stdout).map(({ error }) => error?.code);
    expect(codes).toEqual([
      undefined,
      'RPM_TRUNCATED',
      'RPM_MALFORMED',
      'RPM_PAYLOAD_UNSUPPORTED',
      'RPM_TRUNCATED',
    ]);
    const text = await runRpmyard('inspect', ...paths);
    expect(text.exitCode).toBe(1);
    expect(text.stdout.match(/would be refused: /g)).toHaveLength(4);
  });

  it('reads what a link leads to', async () => {
    const path = await crafted('real.rpm');
    await symlink(path, join(dir.path, 'link.rpm'));
    expect(await runRpmyard('inspect', join(dir.path, 'link.rpm'))).toMatchObject({ exitCode: 0 });
  });

  it('says of what cannot be read that it cannot, and waits for nothing', async () => {
    await mkdir(join(dir.path, 'folder.rpm'));
    await promisify(execFile)('mkfifo', [join(dir.path, 'pipe.rpm')]);
    const paths = ['none.rpm.', 'folder.rpm', 'pipe.rpm'].map((name) => join(dir.path, name));
    const { exitCode, stdout } = await runRpmyard('inspect', '--json', ...paths);
    expect(exitCode).toBe(1);
    expect(jsonLines(stdout)).toEqual(
      paths.map((file) => ({ file, error: expect.objectContaining({ code: 'NOT_FOUND' }) })),
    );
  });
});

describe.concurrent('what inspect sends to the terminal', () => {
  it('is printable, whatever a package or a file is called, as text and as JSON', async () => {
    const paths = [
      await crafted('summary.rpm', { summary: HOSTILE_TEXT }),
      await crafted('name.rpm', { name: HOSTILE_TEXT }),
      await crafted('arch.rpm', { arch: HOSTILE_TEXT }),
      await crafted('release.rpm', { release: HOSTILE_TEXT }),
      await crafted('escape.rpm', { name: '\u001b[2J' }),
      await crafted('payload.rpm', { payloadFormat: `x${HOSTILE_TEXT}` }),
      await crafted(`file${HOSTILE_TEXT}\u001b[2J\n.rpm`),
      join(dir.path, `none${HOSTILE_TEXT}\n.rpm`),
    ];
    const text = await runRpmyard('inspect', ...paths);
    expect(text.exitCode).toBe(1);
    expect(text.stdout + text.stderr).not.toMatch(UNPRINTABLE);
    const json = await runRpmyard('inspect', '--json', ...paths);
    expect(json.stdout + json.stderr).not.toMatch(UNPRINTABLE);
    expect(jsonLines(json.stdout)).toHaveLength(paths.length);
    expect(jsonLines(json.stdout)[0]).toMatchObject({ summary: HOSTILE_TEXT });
  });
});
