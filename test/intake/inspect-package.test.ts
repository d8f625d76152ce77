import { createHash, randomBytes } from 'node:crypto';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DigestJob, digestFile } from '../../src/intake/inspect/digest-file.ts';
import { describeStoredPackage, inspectPackage } from '../../src/intake/inspect-package.ts';
import { readHeader } from '../../src/intake/read-header.ts';
import { NO_THREADS } from '../../src/intake/inspection-threads.ts';
import type { ExpectedDigest } from '../../src/intake/spooled-upload.ts';
import { formatNevra } from '../../src/rpm/nevra.ts';
import { SignatureTag, Tag } from '../../src/rpm/rpm-parser/tag.ts';
import { MAX_TEXT_BYTES } from '../../src/rpm/rpm-parser/text-length.ts';
import {
  addTags,
  binaryTag,
  type CraftSpec,
  craftRpm,
  dropTags,
  formatSix,
  int32Tag,
  int64Tag,
  replaceTags,
  stringArrayTag,
  stringTag,
} from '../support/craft-rpm.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const CONTROL = Buffer.from('a\u0001b');
const LATIN1 = Buffer.from('grün', 'latin1');
const SURROGATE = Buffer.from('61eda08062', 'hex');
const OVERLONG = Buffer.from('61c0af62', 'hex');
const BEYOND = Buffer.from('61f490808062', 'hex');
const NONCHARACTER = Buffer.from('a\ufffeb');

let dir: TempDir;

beforeEach(async () => {
  dir = await createTempDir();
});

afterEach(() => dir.remove());

const digestOf = (algorithm: string, bytes: Uint8Array): string =>
  createHash(algorithm).update(bytes).digest('hex');

interface Given {
  readonly expectedDigests?: readonly ExpectedDigest[];
  readonly sha256?: string;
}

async function inspect(bytes: Uint8Array, given: Given = {}) {
  const path = join(dir.path, 'upload');
  await writeFile(path, bytes);
  const { sha256, expectedDigests = [] } = given;
  const jobs: DigestJob[] = [];
  const inspected = await inspectPackage(
    { path, sizeBytes: bytes.length, sha256, expectedDigests },
    {
      ...NO_THREADS,
      digest: async (job) => {
        jobs.push(job);
        return digestFile(job);
      },
    },
  );
  return { ...inspected, jobs };
}

const inspectCrafted = (spec: CraftSpec, given?: Given) => inspect(craftRpm(spec), given);

async function expectRefused(bytes: Uint8Array, code: string, given?: Given): Promise<void> {
  await expect(inspect(bytes, given)).rejects.toMatchObject({
    name: 'AppError',
    code,
    hint: expect.any(String),
  });
}

/** Larger than what is hashed in this thread. */
const LARGE_PAYLOAD = randomBytes(3_000_000);

/** What only packages before rpm 4.14 lack. */
const WITHOUT_PAYLOAD_DIGEST = { editHeader: dropTags(Tag.PAYLOADSHA256, Tag.PAYLOADSHA256ALGO) };

const flipLast = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(copy.length - 1) ^ 1, copy.length - 1);
  return copy;
};

describe('a whole package', () => {
  it('is described, with the sha256 of the file', async () => {
    const bytes = craftRpm({ name: 'nginx', epoch: 2, version: '1.20', release: '3.el9', arch: 'aarch64' });
    expect(await inspect(bytes)).toMatchObject({
      nevra: { name: 'nginx', epoch: 2, version: '1.20', release: '3.el9', arch: 'aarch64' },
      sha256: digestOf('sha256', bytes),
      sizeBytes: bytes.length,
      rpm: { name: 'nginx', epoch: 2, arch: 'aarch64', isSource: false },
    });
  });

  it('that is large is hashed by the given threads', async () => {
    const large = craftRpm({ payload: LARGE_PAYLOAD });
    const { jobs, sha256 } = await inspect(large);
    expect(jobs).toHaveLength(1);
    expect(sha256).toBe(digestOf('sha256', large));
    expect((await inspectCrafted({})).jobs).toHaveLength(0);
  });

  it('may have a header larger than the first read', async () => {
    const changelogs = Array.from({ length: 3000 }, (_, index) => ({
      author: `Somebody ${index}`,
      timeSeconds: 1_700_000_000 - index,
      text: 'x'.repeat(200),
    }));
    expect((await inspectCrafted({ changelogs })).rpm.headerRange.end).toBeGreaterThan(600_000);
  });

  it('may prove itself by MD5 and SHA-1, as before rpm 4.14', async () => {
    const spec = { ...WITHOUT_PAYLOAD_DIGEST, editSignature: dropTags(SignatureTag.SHA256) };
    expect(formatNevra((await inspectCrafted(spec)).nevra)).toBe('example-1.0-1.el9.x86_64');
    expect((await inspectCrafted({ ...spec, payload: LARGE_PAYLOAD })).jobs).toHaveLength(1);
  });

  it('may prove itself by MD5 alone', async () => {
    const editSignature = dropTags(SignatureTag.SHA256, SignatureTag.SHA1);
    expect((await inspectCrafted({ ...WITHOUT_PAYLOAD_DIGEST, editSignature })).sizeBytes).toBeGreaterThan(0);
  });

  it('may prove itself by digests of header and payload without an MD5 or a size', async () => {
    const editSignature = dropTags(SignatureTag.MD5, SignatureTag.SIZE);
    expect((await inspectCrafted({ editSignature })).sizeBytes).toBeGreaterThan(0);
  });

  it('may hold Latin-1 in free text', async () => {
    const latin1 = Buffer.from('größer', 'latin1');
    const { rpm } = await inspectCrafted({
      summary: latin1,
      description: latin1,
      packager: latin1,
      vendor: latin1,
    });
    expect(rpm.summary).toBe('größer');
  });

  it.each([
    ['SUMMARY', 'control', { summary: CONTROL }],
    ['SUMMARY', 'noncharacter', { summary: NONCHARACTER }],
    ['SUMMARY', 'ill-formed', { summary: SURROGATE }],
    ['DESCRIPTION', 'ill-formed', { description: OVERLONG }],
    ['PACKAGER', 'ill-formed', { packager: BEYOND }],
    ['CHANGELOGTEXT', 'control', { changelogs: [{ author: 'a', timeSeconds: 1, text: CONTROL }] }],
    ['REQUIRENAME', 'latin-1', { dependencies: { requires: [{ name: LATIN1 }] } }],
    ['PROVIDEVERSION', 'latin-1', { dependencies: { provides: [{ name: 'x', evr: LATIN1 }] } }],
  ])('may hold in %s text that is %s', async (tag, defect, spec: CraftSpec) => {
    expect((await inspectCrafted(spec)).rpm.textDefects).toEqual([{ tag, index: 0, defect }]);
  });

  it.each(['/a\tb', '/a\nb', '/a\rb', '/a\nb/c', '/a\u007fb'])('may have the file %j', async (path) => {
    expect((await inspectCrafted({ files: [{ path }] })).rpm.textDefects).toEqual([]);
  });

  it('may hold as much text as readers take', async () => {
    const text = '&'.repeat(MAX_TEXT_BYTES);
    const changelogs = [{ author: 'a'.repeat(9_900_000), timeSeconds: 1, text }];
    expect((await inspectCrafted({ description: text, changelogs })).rpm.textDefects).toEqual([]);
  });

  it.each(['linux', 'Linux', 'LINUX'])('may be for the operating system %s', async (os) => {
    const editHeader = replaceTags(stringTag(Tag.OS, os));
    expect(formatNevra((await inspectCrafted({ editHeader })).nevra)).toBe('example-1.0-1.el9.x86_64');
  });

  it('may be a source package that was built anywhere', async () => {
    const editHeader = replaceTags(stringTag(Tag.OS, 'darwin'));
    expect((await inspectCrafted({ isSource: true, arch: 'amd64', editHeader })).rpm.isSource).toBe(true);
  });

  it('may hold any character of XML in free text', async () => {
    const text = 'tab\t newline\n emoji 🎉 replacement \ufffd';
    expect((await inspectCrafted({ summary: text })).rpm.summary).toBe(text);
  });

  it('is known by the sha256 that was computed on its way in', async () => {
    const sha256 = 'ab'.repeat(32);
    for (const payload of [Buffer.from('small'), LARGE_PAYLOAD]) {
      const inspected = await inspectCrafted({ payload }, { sha256 });
      expect(inspected.sha256).toBe(sha256);
    }
  });
});

describe('a damaged package', () => {
  it('differs in a byte of the payload', async () => {
    await expectRefused(flipLast(craftRpm()), 'RPM_DIGEST_MISMATCH');
    await expectRefused(flipLast(craftRpm({ payload: LARGE_PAYLOAD })), 'RPM_DIGEST_MISMATCH');
  });

  it('differs in a byte of the payload, and has only an MD5', async () => {
    await expectRefused(flipLast(craftRpm(WITHOUT_PAYLOAD_DIGEST)), 'RPM_DIGEST_MISMATCH');
  });

  it('differs in a byte of the header', async () => {
    const bytes = craftRpm({ summary: 'the summary' });
    bytes.write('tHe', bytes.indexOf('the summary'));
    await expectRefused(bytes, 'RPM_DIGEST_MISMATCH');
  });

  it('is cut anywhere', async () => {
    const bytes = craftRpm({ payload: randomBytes(100_000) });
    for (const length of [1, 95, 96, 100, 500, 1500, 70_000, bytes.length - 1]) {
      await expectRefused(bytes.subarray(0, length), 'RPM_TRUNCATED');
    }
    await expectRefused(Buffer.alloc(0), 'RPM_TRUNCATED');
  });

  it('is cut anywhere, of format 6, or goes on after its end', async () => {
    const payload = randomBytes(100_000);
    const bytes = craftRpm({ payload, ...formatSix(payload.length) });
    expect(await inspect(bytes)).toMatchObject({ sizeBytes: bytes.length });
    for (const length of [1, 500, 70_000, bytes.length - 1]) {
      await expectRefused(bytes.subarray(0, length), 'RPM_TRUNCATED');
    }
    await expectRefused(Buffer.concat([bytes, Buffer.from('x')]), 'RPM_MALFORMED');
  });

  it('is cut, and says no size', async () => {
    const bytes = craftRpm({ editSignature: dropTags(SignatureTag.SIZE) });
    await expectRefused(bytes.subarray(0, -1), 'RPM_DIGEST_MISMATCH');
  });

  it('is shorter than it was when it came in', async () => {
    const path = join(dir.path, 'short');
    const bytes = craftRpm({ payload: LARGE_PAYLOAD });
    await writeFile(path, bytes.subarray(0, 100_000));
    const upload = { path, sizeBytes: bytes.length, sha256: undefined, expectedDigests: [] };
    await expect(inspectPackage(upload, NO_THREADS)).rejects.toMatchObject({
      name: 'AppError',
    });
  });

  it('has bytes after its end', async () => {
    const bytes = craftRpm();
    await expectRefused(Buffer.concat([bytes, Buffer.from('x')]), 'RPM_MALFORMED');
    await expectRefused(Buffer.concat([bytes, Buffer.alloc(200_000)]), 'RPM_MALFORMED');
  });

  it('has bytes after its end, and says no size', async () => {
    const bytes = craftRpm({ editSignature: dropTags(SignatureTag.SIZE) });
    await expectRefused(Buffer.concat([bytes, Buffer.from('x')]), 'RPM_DIGEST_MISMATCH');
  });

  it('is two packages glued together', async () => {
    await expectRefused(Buffer.concat([craftRpm(), craftRpm({ name: 'other' })]), 'RPM_MALFORMED');
  });

  it.each(['no package at all', '<html>502 Bad Gateway</html>', '/etc/passwd\nhttp://example.com/x.rpm\n'])(
    'is %j',
    async (text) => {
      await expectRefused(Buffer.from(text.padEnd(200)), 'RPM_MALFORMED');
    },
  );

  it('tells what the parser found, and where', async () => {
    await expect(inspect(Buffer.alloc(200))).rejects.toMatchObject({
      code: 'RPM_MALFORMED',
      details: { parserCode: 'NOT_AN_RPM', offset: 0 },
      cause: { name: 'RpmParseError' },
    });
  });
});

describe('a package that says a wrong size', () => {
  it.each([
    ['too large', int32Tag(SignatureTag.SIZE, [12_345_678])],
    ['too small', int32Tag(SignatureTag.SIZE, [1])],
    ['of 64 bits', int64Tag(SignatureTag.LONGSIZE, [0])],
  ])('%s is whole when its digests are right', async (_, tag) => {
    const bytes = craftRpm({ editSignature: replaceTags(tag) });
    expect(await inspect(bytes)).toMatchObject({ sizeBytes: bytes.length });
  });
});

describe('a digest that is wrong', () => {
  it('is refused although another one is right', async () => {
    for (const wrong of [
      binaryTag(SignatureTag.MD5, Buffer.alloc(16)),
      stringTag(SignatureTag.SHA1, '0'.repeat(40)),
      stringTag(SignatureTag.SHA256, '0'.repeat(64)),
      stringTag(SignatureTag.SHA3_256, '0'.repeat(64)),
    ]) {
      await expectRefused(craftRpm({ editSignature: replaceTags(wrong) }), 'RPM_DIGEST_MISMATCH');
    }
    for (const wrong of [
      stringArrayTag(Tag.PAYLOADSHA256, ['0'.repeat(64)]),
      stringTag(Tag.PAYLOADSHA512, '0'.repeat(128)),
      stringTag(Tag.PAYLOADSHA3_256, '0'.repeat(64)),
    ]) {
      await expectRefused(craftRpm({ editHeader: replaceTags(wrong) }), 'RPM_DIGEST_MISMATCH');
    }
  });

  it('may be that of the payload when unpacked, or one that has a right one beside it', async () => {
    const alternative = stringArrayTag(Tag.PAYLOADSHA256ALT, ['0'.repeat(64)]);
    expect((await inspectCrafted({ editHeader: addTags(alternative) })).nevra.name).toBe('example');
  });

  it('of the type STRING says what to do', async () => {
    const hex = digestOf('sha256', LARGE_PAYLOAD);
    const editHeader = replaceTags(stringTag(Tag.PAYLOADSHA256, hex));
    await expect(inspectCrafted({ payload: LARGE_PAYLOAD, editHeader })).rejects.toMatchObject({
      code: 'RPM_DIGEST_MISMATCH',
      message: expect.stringContaining('PAYLOADSHA256 is of the type STRING'),
      hint: expect.stringContaining('program that built the package'),
    });
  });
});

describe('a package that rpm reads and cannot install', () => {
  const files = [
    { path: '/opt/a', content: 'a' },
    { path: '/opt/b', content: 'b' },
  ];

  it.each([
    ['no owners', dropTags(Tag.FILEUSERNAME)],
    ['an owner too few', replaceTags(stringArrayTag(Tag.FILEGROUPNAME, ['root']))],
    ['a time too few', replaceTags(int32Tag(Tag.FILEMTIMES, [1]))],
    ['no digests of its files', dropTags(Tag.FILEDIGESTS)],
    ['a digest too few', replaceTags(stringArrayTag(Tag.FILEDIGESTS, ['ab'.repeat(32)]))],
    ['an empty digest', replaceTags(stringArrayTag(Tag.FILEDIGESTS, ['', '']))],
    ['digests of another algorithm', dropTags(Tag.FILEDIGESTALGO)],
    ['a path that is not absolute', replaceTags(stringArrayTag(Tag.DIRNAMES, ['opt/']))],
  ])('has %s', async (_, editHeader) => {
    const bytes = craftRpm({ files, editHeader });
    await expect(inspect(bytes)).rejects.toMatchObject({
      code: 'RPM_MALFORMED',
      message: expect.stringContaining('no host can install the package'),
    });
  });

  it('is told from one that lacks what rpm does not need', async () => {
    const { FILEMTIMES, FILERDEVS, FILEINODES, FILELANGS, FILEDEVICES, FILEVERIFYFLAGS, FILELINKTOS } = Tag;
    const unneeded = [
      FILEMTIMES,
      FILERDEVS,
      FILEINODES,
      FILELANGS,
      FILEDEVICES,
      FILEVERIFYFLAGS,
      FILELINKTOS,
    ];
    const bytes = craftRpm({ files, editHeader: dropTags(...unneeded, Tag.FILEFLAGS) });
    expect((await inspect(bytes)).nevra.name).toBe('example');
  });
});

describe('a package that proves nothing', () => {
  it.each([
    ['no digest at all', [SignatureTag.MD5, SignatureTag.SHA1, SignatureTag.SHA256], true],
    ['a digest of the header only', [SignatureTag.MD5], true],
    ['a digest of the payload only', [SignatureTag.MD5, SignatureTag.SHA1, SignatureTag.SHA256], false],
  ])('has %s', async (_, dropped, isPayloadDigestDropped) => {
    const bytes = craftRpm({
      editSignature: dropTags(...dropped),
      ...(isPayloadDigestDropped ? WITHOUT_PAYLOAD_DIGEST : {}),
    });
    await expectRefused(bytes, 'RPM_DIGEST_MISSING');
  });
});

describe('a package that no repository can hold', () => {
  it('is a delta package', async () => {
    await expect(inspectCrafted({ payloadFormat: 'drpm' })).rejects.toMatchObject({
      code: 'RPM_PAYLOAD_UNSUPPORTED',
      message: expect.stringContaining('"drpm"'),
    });
  });

  it.each([
    ['NAME', 'latin-1', { editHeader: replaceTags(stringTag(Tag.NAME, LATIN1)) }],
    ['NAME', 'control', { name: 'a\nb' }],
    ['VERSION', 'latin-1', { editHeader: replaceTags(stringTag(Tag.VERSION, LATIN1)) }],
    ['REQUIRENAME', 'control', { dependencies: { requires: [{ name: CONTROL }] } }],
    ['REQUIRENAME', 'ill-formed', { dependencies: { requires: [{ name: SURROGATE }] } }],
    ['PROVIDEVERSION', 'noncharacter', { dependencies: { provides: [{ name: 'x', evr: NONCHARACTER }] } }],
    ['BASENAMES', 'control', { files: [{ path: '/a\u0001' }] }],
    ['DIRNAMES', 'noncharacter', { files: [{ path: '/\uffff/a' }] }],
    ['SOURCERPM', 'control', { sourceRpm: 'a\u0001.src.rpm' }],
  ])('holds in %s text that is %s', async (tag, defect, spec: CraftSpec) => {
    await expect(inspectCrafted(spec)).rejects.toMatchObject({
      code: 'TEXT_NOT_XML',
      statusCode: 422,
      details: { tag, defect, index: 0 },
      message: expect.stringContaining(tag),
    });
  });

  it.each([
    ['SUMMARY', { summary: 'a'.repeat(MAX_TEXT_BYTES + 1) }],
    // Each byte becomes two of UTF-8, or the three of U+FFFD.
    ['DESCRIPTION', { description: Buffer.alloc(6_000_000, 0xe9) }],
    ['CHANGELOGTEXT', { changelogs: [{ author: 'a', timeSeconds: 1, text: Buffer.alloc(4_000_000, 1) }] }],
    // Of an attribute the escapes count.
    ['CHANGELOGNAME', { changelogs: [{ author: 'é'.repeat(1_800_000), timeSeconds: 1, text: 'a' }] }],
    ['REQUIRENAME', { dependencies: { requires: [{ name: '"'.repeat(1_700_000) }] } }],
    ['REQUIREVERSION', { dependencies: { requires: [{ name: 'a', flags: 8, evr: '"'.repeat(20_000) }] } }],
  ])('has in %s more text than readers take', async (tag, spec: CraftSpec) => {
    await expect(inspectCrafted(spec)).rejects.toMatchObject({
      code: 'TEXT_TOO_LONG',
      statusCode: 422,
      message: expect.stringContaining(tag),
      hint: expect.stringContaining(String(MAX_TEXT_BYTES)),
    });
  });

  it.each([
    ['amd64', 'x86_64'],
    ['all', 'noarch'],
    ['386', 'i686'],
  ])('is of the arch %s, which rpm calls %s', async (arch, rpmArch) => {
    await expect(inspectCrafted({ arch })).rejects.toMatchObject({
      code: 'ARCH_UNKNOWN',
      details: { arch, rpmArch },
      hint: expect.stringContaining(`fpm -a ${rpmArch}`),
    });
  });

  it.each([
    ['darwin', replaceTags(stringTag(Tag.OS, 'darwin'))],
    ['nothing', replaceTags(stringTag(Tag.OS, ''))],
    ['no tag at all', dropTags(Tag.OS)],
  ])('is for the operating system %s', async (_, editHeader) => {
    await expect(inspectCrafted({ editHeader })).rejects.toMatchObject({ code: 'OS_FOREIGN' });
  });

  it('holds a boolean dependency that hosts crash on', async () => {
    const requires = [{ name: 'fine' }, { name: `${'('.repeat(100_000)}a` }];
    await expect(inspectCrafted({ dependencies: { requires } })).rejects.toMatchObject({
      code: 'DEPENDENCY_INVALID',
      statusCode: 422,
      details: { tag: 'REQUIRENAME', index: 1, problem: 'nested-too-deep' },
      message: expect.stringMatching(/^REQUIRENAME \(entry 1\) .{1,200}"\({40}"$/),
    });
  });

  it('says which entry of a list it is', async () => {
    const requires = [{ name: 'fine' }, { name: 'also fine' }, { name: CONTROL }];
    await expect(inspectCrafted({ dependencies: { requires } })).rejects.toMatchObject({
      details: { tag: 'REQUIRENAME', index: 2 },
    });
  });

  it.each([
    ['has two names', addTags(stringTag(Tag.NAME, 'evil'))],
    ['has no name', dropTags(Tag.NAME)],
    ['has lists of unequal lengths', replaceTags(stringArrayTag(Tag.BASENAMES, ['a', 'b']))],
  ])('%s', async (_, editHeader) => {
    await expectRefused(craftRpm({ editHeader }), 'RPM_MALFORMED');
  });
});

describe('the digests that the client sent', () => {
  const bytes = craftRpm();
  const sha256: ExpectedDigest = {
    algorithm: 'sha256',
    hex: digestOf('sha256', bytes),
    header: 'x-checksum-sha256',
  };
  const sha512: ExpectedDigest = {
    algorithm: 'sha512',
    hex: digestOf('sha512', bytes),
    header: 'repr-digest',
  };
  const wrong = (digest: ExpectedDigest): ExpectedDigest => ({
    ...digest,
    hex: digest.hex.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
  });

  it('are right', async () => {
    expect(await inspect(bytes, { expectedDigests: [sha256, sha512, sha256] })).toMatchObject({
      sha256: sha256.hex,
    });
  });

  it.each([
    ['sha256', [wrong(sha256)]],
    ['sha512', [wrong(sha512)]],
    ['sha512 beside a right sha256', [sha256, wrong(sha512)]],
  ])('are not: %s', async (_, expectedDigests) => {
    await expect(inspect(bytes, { expectedDigests })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      statusCode: 400,
    });
  });

  it('name both digests and the header when they differ', async () => {
    const expected = wrong(sha256);
    await expect(inspect(bytes, { expectedDigests: [expected] })).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`${sha256.hex}.*${expected.header}.*${expected.hex}`)),
    });
  });

  it('are compared with the sha256 that was computed on the way in', async () => {
    const onTheWay = 'ab'.repeat(32);
    const given = { sha256: onTheWay, expectedDigests: [{ ...sha256, hex: onTheWay }] };
    expect(await inspect(bytes, given)).toMatchObject({ sha256: onTheWay });
    await expectRefused(bytes, 'DIGEST_MISMATCH', { ...given, expectedDigests: [sha256] });
  });

  it('are checked for a large package too', async () => {
    const large = craftRpm({ payload: LARGE_PAYLOAD });
    const right = { ...sha512, hex: digestOf('sha512', large) };
    expect((await inspect(large, { expectedDigests: [right] })).sizeBytes).toBe(large.length);
    await expectRefused(large, 'DIGEST_MISMATCH', { expectedDigests: [right, wrong(right)] });
  });
});

describe('inspectPackage', () => {
  it('does not follow a link', async () => {
    const path = join(dir.path, 'real');
    const bytes = craftRpm();
    await writeFile(path, bytes);
    const link = join(dir.path, 'link');
    await symlink(path, link);
    const upload = { path: link, sizeBytes: bytes.length, sha256: undefined, expectedDigests: [] };
    await expect(inspectPackage(upload, NO_THREADS)).rejects.toMatchObject({
      code: 'ELOOP',
    });
  });
});

describe('describeStoredPackage', () => {
  async function stored(bytes: Uint8Array): Promise<string> {
    const path = join(dir.path, 'stored.rpm');
    await writeFile(path, bytes);
    return path;
  }

  it('gives the NEVRA', async () => {
    const path = await stored(craftRpm({ epoch: 3 }));
    expect(await describeStoredPackage(path, NO_THREADS)).toBe('example-3:1.0-1.el9.x86_64');
  });

  it.each([
    ['no package', Buffer.from('text')],
    ['empty', Buffer.alloc(0)],
    ['cut', craftRpm().subarray(0, 300)],
  ])('says so when the file is %s', async (_, bytes) => {
    expect(await describeStoredPackage(await stored(bytes), NO_THREADS)).toBe(
      'a file that is no readable package',
    );
  });
});

describe('a pipe in the place of a package', () => {
  it('is an error and not a wait for a writer', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'x.rpm');
    await execa('mkfifo', [path]);
    expect(() => readHeader({ path, sizeBytes: 10_000, mustBeAccepted: true })).toThrow(/ESPIPE|EAGAIN/);
    const job: DigestJob = {
      path,
      sizeBytes: 10_000,
      headerStart: 0,
      payloadStart: 0,
      sha256: undefined,
      isSha512Needed: false,
      payload: [],
      isHeaderAndPayloadMd5Needed: false,
    };
    expect(() => digestFile(job)).toThrow(/ESPIPE|EAGAIN/);
  });
});
