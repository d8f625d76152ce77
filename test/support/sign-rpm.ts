import { execa } from 'execa';
import { parseRpm } from '../../src/rpm/rpm-parser/parse-rpm.ts';
import { addTags, binaryTag, type CraftSpec, craftRpm, stringArrayTag } from './craft-rpm.ts';
import type { GpgKeys } from './gpg-keys.ts';
import { SignatureTag } from '../../src/rpm/rpm-parser/tag.ts';

const SIGN_LIMIT_MS = 120_000;

/** Signs a package in its place with the real rpmsign. */
export async function signRpm(
  path: string,
  {
    keys,
    key,
    gpgOptions = [],
    options = ['--addsign'],
  }: {
    readonly keys: GpgKeys;
    readonly key: string;
    readonly gpgOptions?: readonly string[];
    readonly options?: readonly string[];
  },
): Promise<void> {
  const extra = ['--batch', '--pinentry-mode loopback', ...gpgOptions].join(' ');
  const macros = { __gpg: '/usr/bin/gpg', _gpg_name: key, _gpg_sign_cmd_extra_args: extra };
  const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  await execa('rpmsign', [...defines, ...options, path], {
    env: { GNUPGHOME: keys.path, HOME: keys.path, LC_ALL: 'C.UTF-8' },
    timeout: SIGN_LIMIT_MS,
    stdin: 'ignore',
  });
}

/** Where a crafted package gets its signatures from: what they are over goes in, a signature packet comes out. */
export interface CraftedSignatures {
  readonly rsa?: (signed: Uint8Array) => Promise<Uint8Array>;
  readonly dsa?: (signed: Uint8Array) => Promise<Uint8Array>;
  readonly pgp?: (signed: Uint8Array) => Promise<Uint8Array>;
  /** In base64, as format 6 has them. */
  readonly openpgp?: readonly ((signed: Uint8Array) => Promise<Uint8Array>)[];
}

/** Crafts a package and puts signatures into it that rpmsign would not make. */
export async function craftSignedRpm(spec: CraftSpec, signatures: CraftedSignatures): Promise<Buffer> {
  const unsigned = craftRpm(spec);
  const { start, end } = parseRpm(unsigned, unsigned.length).headerRange;
  const header = unsigned.subarray(start, end);
  const { rsa, dsa, pgp, openpgp = [] } = signatures;
  const base64 = await Promise.all(
    openpgp.map(async (sign) => Buffer.from(await sign(header)).toString('base64')),
  );
  const tags = [
    ...(dsa === undefined ? [] : [binaryTag(SignatureTag.DSA, await dsa(header))]),
    ...(rsa === undefined ? [] : [binaryTag(SignatureTag.RSA, await rsa(header))]),
    ...(base64.length === 0 ? [] : [stringArrayTag(SignatureTag.OPENPGP, base64)]),
    ...(pgp === undefined ? [] : [binaryTag(SignatureTag.PGP, await pgp(unsigned.subarray(start)))]),
  ];
  const edit = spec.editSignature ?? ((before) => before);
  return craftRpm({ ...spec, editSignature: (before) => addTags(...tags)(edit(before)) });
}

/** A signature by gpg, which refuses nothing that a signer could do. */
export function signedBy(keys: GpgKeys, key: string, ...options: readonly string[]) {
  return (signed: Uint8Array): Promise<Buffer> =>
    keys.gpg([...options, '--local-user', key, '--detach-sign'], signed);
}
