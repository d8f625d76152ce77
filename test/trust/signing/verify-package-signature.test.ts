import { createHash } from 'node:crypto';
import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { NO_THREADS } from '../../../src/intake/inspection-threads.ts';
import { inspectPackage } from '../../../src/intake/inspect-package.ts';
import { parseRpm } from '../../../src/rpm/rpm-parser/parse-rpm.ts';
import { SignatureTag, Tag } from '../../../src/rpm/rpm-parser/tag.ts';
import { createGpgv } from '../../../src/trust/create-gpgv.ts';
import { type Keyring, makeKeyring } from '../../../src/trust/keyring.ts';
import type { SignatureVerdict } from '../../../src/api/signature-verdict.ts';
import { verifyPackageSignature } from '../../../src/trust/signing/verify-package-signature.ts';
import { buildRpm } from '../../support/build-rpm.ts';
import { corpus } from '../../support/corpus.ts';
import {
  binaryTag,
  craftRpm,
  addTags,
  dropTags,
  replaceTags,
  stringArrayTag,
} from '../../support/craft-rpm.ts';
import { createGpgKeys, type GpgKeys } from '../../support/gpg-keys.ts';
import { lacks } from '../../support/lacks.ts';
import { createRpmJudge, type RpmVerdict } from '../../support/rpmkeys.ts';
import { craftSignedRpm, signedBy, signRpm } from '../../support/sign-rpm.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';

const NO_PAYLOAD_DIGEST = dropTags(Tag.PAYLOADSHA256, Tag.PAYLOADSHA256ALGO);

const gpgv = createGpgv();

let dir: TempDir;
let keys: GpgKeys;
let rsa: string;
let ed25519: string;
let stranger: string;
let keyring: Keyring;
let judge: (path: string) => Promise<RpmVerdict>;

beforeAll(async () => {
  dir = await createTempDir();
  keys = await createGpgKeys();
  rsa = await keys.makeKey('RSA <rsa@example.com>', { algorithm: 'rsa2048' });
  ed25519 = await keys.makeKey('Ed <ed@example.com>');
  stranger = await keys.makeKey('Stranger <stranger@example.com>', { algorithm: 'rsa2048' });
  const keyFiles = [await keys.exportKey(rsa), await keys.exportKey(ed25519)];
  keyring = await makeKeyring(keyFiles, join(dir.path, 'keyring'));
  judge = await createRpmJudge(join(dir.path, 'rpmdb'), keyFiles);
});

afterAll(async () => {
  await keys[Symbol.asyncDispose]();
  await dir.remove();
});

async function put(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(dir.path, `${name}.rpm`);
  await writeFile(path, bytes);
  return path;
}

/** Of what was thrown; anything but an error of ours is thrown on. */
function codeOfThrown(error: unknown): string {
  if (error instanceof AppError) return error.code;
  throw error;
}

/** Inspects and verifies as an upload is; gives the code when the package is not even accepted. */
async function verdictOn(path: string, ring = keyring): Promise<SignatureVerdict | string> {
  const file = { path, sizeBytes: (await stat(path)).size, sha256: undefined, expectedDigests: [] };
  try {
    const { rpm } = await inspectPackage(file, NO_THREADS);
    return await verifyPackageSignature({ path, rpm }, ring, gpgv);
  } catch (error) {
    return codeOfThrown(error);
  }
}

describe('a package that rpmsign signed', () => {
  const sign = async (name: string, key: string, gpgOptions: readonly string[] = []): Promise<string> => {
    const path = await buildRpm({ name, files: { '/etc/data': name } }, dir.path);
    await signRpm(path, { keys, key, gpgOptions });
    return path;
  };

  it.each([
    ['an RSA key', () => rsa],
    ['an Ed25519 key', () => ed25519],
  ])('is good by %s of the keyring, with key and owner named', async (name, key) => {
    const path = await sign(`by${name.replaceAll(/\W/g, '')}`, key());
    const owner = key() === rsa ? 'RSA <rsa@example.com>' : 'Ed <ed@example.com>';
    expect(await verdictOn(path)).toEqual({
      state: 'good',
      keyId: key().slice(-16),
      fingerprint: key(),
      userId: owner,
    });
    expect(await judge(path)).toMatchObject({ state: 'good' });
  });

  it('is by an unknown key when the keyring does not have it', async () => {
    const path = await sign('strange', stranger);
    expect(await verdictOn(path)).toEqual({ state: 'unknown-key', keyId: stranger.slice(-16) });
    expect(await judge(path)).toMatchObject({ state: 'unknown-key' });
  });

  it('is good by a subkey, under the fingerprint of its primary key', async () => {
    const primary = await keys.makeKey('Sub <sub@example.com>', { algorithm: 'rsa2048' });
    await keys.gpg(['--passphrase', '', '--quick-add-key', primary, 'rsa2048', 'sign', 'never']);
    const keyFile = await keys.exportKey(primary);
    const path = await sign('bysubkey', primary);
    const verdict = await verdictOn(path, await makeKeyring([keyFile], join(dir.path, 'sub')));
    expect(verdict).toMatchObject({ state: 'good', fingerprint: primary });
    expect(verdict).not.toMatchObject({ keyId: primary.slice(-16) });
    const judgeSub = await createRpmJudge(join(dir.path, 'subdb'), [keyFile]);
    expect(await judgeSub(path)).toMatchObject({ state: 'good' });
  });

  it('is expired when the key is, although rpm takes what it signed in its time', async () => {
    const key = await keys.makeKey('Old <old@example.com>', { madeAt: '20200101T000000', expires: '1y' });
    const keyFile = await keys.exportKey(key);
    const path = await sign('byold', key, ['--faked-system-time 20200601T000000']);
    const old = await makeKeyring([keyFile], join(dir.path, 'old'));
    expect(await verdictOn(path, old)).toMatchObject({ state: 'expired', keyId: key.slice(-16) });
    const judgeOld = await createRpmJudge(join(dir.path, 'olddb'), [keyFile]);
    expect(await judgeOld(path)).toMatchObject({ state: 'good' });
  });

  it('is revoked when the key is', async () => {
    const key = await keys.makeKey('Gone <gone@example.com>');
    const path = await sign('bygone', key);
    const certificate = await readFile(join(keys.path, 'openpgp-revocs.d', `${key}.rev`), 'utf8');
    await keys.gpg(['--import'], Buffer.from(certificate.replaceAll(':-----', '-----')));
    const gone = await makeKeyring([await keys.exportKey(key)], join(dir.path, 'gone'));
    expect(await verdictOn(path, gone)).toMatchObject({ state: 'revoked', keyId: key.slice(-16) });
  });

  it('with a header-and-payload signature too is good by both', async () => {
    const path = await buildRpm({ name: 'byboth' }, dir.path);
    await signRpm(path, { keys, key: rsa, options: ['--addsign', '--rpmv3'] });
    expect((await judge(path)).report.match(/Signature.*OK/g)).toHaveLength(2);
    expect(await verdictOn(path)).toMatchObject({ state: 'good', fingerprint: rsa });
  });
});

describe('a crafted package', () => {
  it('is unsigned without a signature', async () => {
    const path = await put('unsigned', craftRpm());
    expect(await verdictOn(path)).toEqual({ state: 'unsigned' });
    expect(await judge(path)).toMatchObject({ state: 'unsigned' });
  });

  it('is bad with the signature of another header, although its digests are right', async () => {
    const bytes = await craftSignedRpm({}, { rsa: async () => signedBy(keys, rsa)(Buffer.from('another')) });
    const path = await put('other-header', bytes);
    expect(await verdictOn(path)).toMatchObject({ state: 'bad', keyId: rsa.slice(-16) });
    expect(await judge(path)).toMatchObject({ state: 'bad' });
  });

  it('is bad when one byte of the signature is another', async () => {
    const flipped = async (signed: Uint8Array): Promise<Uint8Array> => {
      const packet = await signedBy(keys, rsa)(signed);
      packet[packet.length - 5] = (packet.at(-5) ?? 0) ^ 1;
      return packet;
    };
    const path = await put('flipped', await craftSignedRpm({}, { rsa: flipped }));
    expect(await verdictOn(path)).toMatchObject({ state: 'bad' });
    expect(await judge(path)).toMatchObject({ state: 'bad' });
  });

  it('is refused when its payload is another than the signed header says, whatever the unsigned digests say', async () => {
    const good = await craftSignedRpm(
      { payload: Buffer.from('first payload') },
      { rsa: signedBy(keys, rsa) },
    );
    const forged = await forgePayload(Buffer.from('other payload'), Buffer.from('first payload'));
    expect(await verdictOn(await put('first', good))).toMatchObject({ state: 'good' });
    expect(await verdictOn(await put('forged', forged))).toBe('RPM_DIGEST_MISMATCH');
  });

  /** A good signature of a header, a payload that is not that header's, and an MD5 in the signature header that fits. */
  async function forgePayload(payload: Buffer, signedPayload: Buffer): Promise<Buffer> {
    const signed = craftRpm({ payload: signedPayload });
    const { start, end } = parseRpm(signed, signed.length).headerRange;
    const header = signed.subarray(start, end);
    const md5 = createHash('md5').update(header).update(payload).digest();
    const packet = await signedBy(keys, rsa)(header);
    const editSignature = (tags: Parameters<ReturnType<typeof addTags>>[0]) =>
      replaceTags(binaryTag(SignatureTag.MD5, md5))(
        addTags(binaryTag(SignatureTag.RSA, packet))(dropTags(SignatureTag.SHA1, SignatureTag.SHA256)(tags)),
      );
    return craftRpm({ payload, patchHeader: () => Buffer.from(header), editSignature });
  }

  it('has only its header covered when no digest of the payload is in it', async () => {
    const path = await put(
      'header-only',
      await craftSignedRpm({ editHeader: NO_PAYLOAD_DIGEST }, { rsa: signedBy(keys, rsa) }),
    );
    expect(await verdictOn(path)).toMatchObject({ state: 'header-only', fingerprint: rsa });
  });

  it('is good without a digest of the payload when a signature covers header and payload', async () => {
    const signatures = { rsa: signedBy(keys, rsa), pgp: signedBy(keys, rsa) };
    const path = await put('old', await craftSignedRpm({ editHeader: NO_PAYLOAD_DIGEST }, signatures));
    expect(await verdictOn(path)).toMatchObject({ state: 'good', fingerprint: rsa });
    expect(await judge(path)).toMatchObject({ state: 'good' });
  });

  it('is bad when its header signature is good and that of header and payload is not', async () => {
    const pgp = async (): Promise<Buffer> => signedBy(keys, rsa)(Buffer.from('x'));
    const path = await put('half-bad', await craftSignedRpm({}, { rsa: signedBy(keys, rsa), pgp }));
    expect(await verdictOn(path)).toMatchObject({ state: 'bad' });
    expect(await judge(path)).toMatchObject({ state: 'bad' });
  });

  it('with two signatures is good by the one that is known', async () => {
    const signatures = { rsa: signedBy(keys, stranger), dsa: signedBy(keys, ed25519) };
    const path = await put('two', await craftSignedRpm({}, signatures));
    expect(await verdictOn(path)).toMatchObject({ state: 'good', fingerprint: ed25519 });
    expect((await judge(path)).report).toMatch(/OK[^]*NOKEY|NOKEY[^]*OK/);
  });

  it('of format 6 may have several signatures in base64', async () => {
    const openpgp = [signedBy(keys, stranger), signedBy(keys, ed25519)];
    const path = await put('six', await craftSignedRpm({}, { openpgp }));
    expect(await verdictOn(path)).toMatchObject({ state: 'good', fingerprint: ed25519 });
    const worse = [...openpgp, async () => signedBy(keys, rsa)(Buffer.from('another'))];
    expect(await verdictOn(await put('six-bad', await craftSignedRpm({}, { openpgp: worse })))).toMatchObject(
      {
        state: 'bad',
      },
    );
  });

  it('is bad with a text signature, which leaves line endings open', async () => {
    const rsaText = signedBy(keys, rsa, '--textmode');
    const path = await put('text', await craftSignedRpm({}, { rsa: rsaText }));
    expect(await verdictOn(path)).toMatchObject({ state: 'bad' });
  });
});

describe('a hostile signature', () => {
  const random = Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 151) % 251));

  it.each<[string, (signed: Uint8Array) => Promise<Uint8Array>]>([
    ['is random bytes', async () => random],
    ['is empty but for a packet header', async () => Buffer.from([0xc2, 0])],
    ['claims more bytes than it has', async () => Buffer.from([0xc2, 0xff, 0xff, 0xff, 0xff, 0xff, 4, 0])],
    ['has a length of no end', async () => Buffer.concat([Buffer.from([0x8b]), random])],
    ['has a partial length', async () => Buffer.concat([Buffer.from([0xc2, 0xe8]), random])],
    ['is a whole signed message', (signed) => keys.gpg(['--local-user', rsa, '--sign'], signed)],
    ['is a public key', () => keys.gpg(['--export', rsa])],
    [
      'is a good one with another behind it',
      async (signed) =>
        Buffer.concat([await signedBy(keys, rsa)(signed), await signedBy(keys, ed25519)(signed)]),
    ],
  ])('that %s makes the package bad', async (name, make) => {
    const path = await put(name.replaceAll(' ', '-'), await craftSignedRpm({}, { rsa: make }));
    expect(await verdictOn(path)).toMatchObject({ state: 'bad' });
  });

  it('that is cut short anywhere is never good, and never a fault of ours', async () => {
    const whole = await signedBy(keys, rsa)(Buffer.from('x'));
    for (let length = 1; length < whole.length; length += 17) {
      const path = await put('cut', await craftSignedRpm({}, { rsa: async () => whole.subarray(0, length) }));
      expect(await verdictOn(path), `${length}`).toMatchObject({ state: 'bad' });
    }
  });

  it('that is no base64 makes the package bad', async () => {
    const editSignature = addTags(stringArrayTag(SignatureTag.OPENPGP, ['not base64!']));
    expect(await verdictOn(await put('no-base64', craftRpm({ editSignature })))).toMatchObject({
      state: 'bad',
    });
  });

  it.each([
    ['larger than any', binaryTag(SignatureTag.RSA, Buffer.alloc(70_000))],
    ['larger than any, in base64', stringArrayTag(SignatureTag.OPENPGP, ['A'.repeat(200_000)])],
    [
      'one of many',
      stringArrayTag(
        SignatureTag.OPENPGP,
        Array.from({ length: 9 }, () => 'AAAA'),
      ),
    ],
  ])('that is %s is refused without a look at it', async (name, tag) => {
    const path = await put(`hostile-${name.replaceAll(' ', '-')}`, craftRpm({ editSignature: addTags(tag) }));
    expect(await verdictOn(path)).toBe('RPM_MALFORMED');
  });
});

describe('a keyring', () => {
  it('takes armored and binary files, with several keys in one', async () => {
    const binary = join(dir.path, 'both.gpg');
    await writeFile(binary, await keys.gpg(['--export', rsa, stranger]));
    const ring = await makeKeyring([binary, await keys.exportKey(ed25519)], join(dir.path, 'mixed'));
    for (const key of [rsa, stranger, ed25519]) {
      const path = await put(`mixed-${key}`, await craftSignedRpm({}, { rsa: signedBy(keys, key) }));
      expect(await verdictOn(path, ring)).toMatchObject({ state: 'good', fingerprint: key });
    }
  });

  it('names every file that is not there or holds no key', async () => {
    const empty = join(dir.path, 'empty.asc');
    await appendFile(empty, 'no key');
    const missing = join(dir.path, 'missing.asc');
    const error = await makeKeyring([empty, missing], join(dir.path, 'none')).catch(
      (thrown: unknown) => thrown,
    );
    expect(codeOfThrown(error)).toBe('CONFIG_INVALID');
    expect(String(error)).toContain(`${empty}: holds no public key`);
    expect(String(error)).toContain(`${missing}: cannot be read`);
  });

  it('is not made without gpg, which is missing and no fault of a key', async () => {
    const path = process.env['PATH'];
    const keyFile = await keys.exportKey(rsa);
    process.env['PATH'] = '/nonexistent';
    try {
      const made = makeKeyring([keyFile], join(dir.path, 'without-gpg'));
      await expect(made).rejects.toMatchObject({ code: 'SIGNING_TOOL_MISSING', message: /^gpg / });
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('that was removed while the service runs is a fault of ours, not of the package', async () => {
    const path = await put('no-keyring', await craftSignedRpm({}, { rsa: signedBy(keys, rsa) }));
    const gone = { path: join(dir.path, 'nothing.kbx'), homeDir: dir.path, keys: keyring.keys };
    expect(await verdictOn(path, gone)).toBe('SIGNING_TOOL_FAILED');
  });
});

describe('a stored file that cannot be read', () => {
  it.each([
    ['because it is gone', 'nothing'],
    ['because it is a directory', ''],
  ])('%s is a fault of ours, never a bad signature', async (_, name) => {
    const bytes = await craftSignedRpm({}, { rsa: signedBy(keys, rsa), pgp: signedBy(keys, rsa) });
    const signed = { path: join(dir.path, name), rpm: parseRpm(bytes, bytes.length) };
    const verdict = await verifyPackageSignature(signed, keyring, gpgv).catch(codeOfThrown);
    expect(verdict).toBe('SIGNING_TOOL_FAILED');
  });
});

describe.skipIf(lacks('the corpus'))('packages of the corpus (needs the corpus)', () => {
  /** What rpm 4.18 cannot read, or calls bad because it does not know the algorithm. */
  const OTHERWISE: Readonly<Record<string, string>> = {
    'real/rpm-software-management+rpm/tests/data/RPMS/libhello-1.0.1-1.x86_64.rpm':
      'OPENPGP is a tag of rpm 6',
    'real/rpm-rs+rpm/tests/assets/RPMS/v4/signed/rpm-basic-with-ecdsa-2.3.4-5.el9.noarch.rpm':
      'rpm 4.18 has no ECDSA',
    'real/rpm-rs+rpm/tests/assets/RPMS/v6/signed/rpm-basic-with-ed25519-2.3.4-5.el9.noarch.rpm':
      'OPENPGP, version 6',
    'real/rpm-rs+rpm/tests/assets/RPMS/v6/signed/rpm-basic-with-mldsa65-ed25519-2.3.4-5.el9.noarch.rpm':
      'OPENPGP, version 6',
    'real/rpm-rs+rpm/tests/assets/RPMS/v6/signed/rpm-basic-with-rsa4k-2.3.4-5.el9.noarch.rpm':
      'OPENPGP, version 6',
    'real/rpm-rs+rpm/tests/assets/RPMS/v6/signed/rpm-basic-multiple-signatures-2.3.4-5.el9.noarch.rpm':
      'OPENPGP, version 6',
  };

  it('get from us what they get from rpm, but for the kinds that this rpm does not know', async () => {
    const differing: string[] = [];
    let accepted = 0;
    for (const file of corpus ?? []) {
      const ours = await verdictOn(file.path);
      // What is refused for another reason has no verdict of ours.
      if (typeof ours === 'string') continue;
      accepted += 1;
      const theirs = await judge(file.path);
      if (ours.state !== theirs.state) differing.push(file.name);
    }
    expect(accepted).toBeGreaterThan(200);
    expect(differing.toSorted()).toEqual(Object.keys(OTHERWISE).toSorted());
  }, 300_000);
});
