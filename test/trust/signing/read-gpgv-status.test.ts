import { describe, expect, it } from 'vitest';
import { readGpgvStatus } from '../../../src/trust/signing/read-gpgv-status.ts';
import { readKeyList } from '../../../src/trust/signing/read-key-list.ts';

const FINGERPRINT = '2CF9B2F88EF54FEA5BBB59680A01022827597431';
const KEY_ID = FINGERPRINT.slice(-16);
const listed = readKeyList(
  `pub:-:2048:1:${KEY_ID}:1795904229:::-:::scSC::::::::0:\nfpr:::::::::${FINGERPRINT}:\nuid:-::::1795904229::0::K::::::::::0:\n`,
);
const keys = new Map(listed.map((key) => [key.fingerprint, key]));

const validSig = (digest: number, signer = FINGERPRINT, primary = FINGERPRINT): string =>
  `[GNUPG:] VALIDSIG ${signer} 2026-11-28 1795904231 0 4 0 1 ${digest} 00 ${primary}`;
const goodSig = (id = KEY_ID): string => `[GNUPG:] GOODSIG ${id} K`;

const read = (...lines: readonly string[]) => readGpgvStatus(lines.join('\n'), keys);

describe('what gpgv says of a signature', () => {
  it('is good with the key that made it, and SHA-256', () => {
    expect(read(goodSig(), validSig(8))).toEqual({
      state: 'good',
      keyId: KEY_ID,
      fingerprint: FINGERPRINT,
      userId: 'K',
    });
  });

  it.each([
    ['no key id', ['[GNUPG:] GOODSIG', validSig(8)]],
    ['an empty key id', ['[GNUPG:] GOODSIG  K', validSig(8)]],
    ['a short key id', [goodSig('27597431'), validSig(8)]],
    ['no fingerprint', [goodSig(), '[GNUPG:] VALIDSIG']],
    ['an empty fingerprint', [goodSig(), validSig(8, '', '')]],
    ['an empty fingerprint of the primary key', [goodSig(), validSig(8).replace(/ \w+$/, ' ')]],
    ['the fingerprint of a key that its keyring does not list', [goodSig(), validSig(8, 'A'.repeat(40))]],
    ['no valid signature', [goodSig()]],
    ['two verdicts', [goodSig(), goodSig(), validSig(8)]],
    ['nothing', []],
    ['a word that every object knows', ['[GNUPG:] constructor x', validSig(8)]],
  ])('is no verdict with %s', (_, lines) => {
    expect(read(...lines).state).toBe('unverifiable');
  });

  it('is weak with SHA-1, RIPEMD-160 and a digest of no known number', () => {
    expect(read(goodSig(), validSig(2))).toMatchObject({ state: 'weak', weakness: { digest: 'SHA-1' } });
    expect(read(goodSig(), validSig(3))).toMatchObject({ state: 'weak', weakness: { digest: 'RIPEMD-160' } });
    expect(read(goodSig(), validSig(99))).toMatchObject({ state: 'weak', weakness: { digest: 'number 99' } });
  });

  it('cannot be checked with MD5, whether gpgv found it good, as old ones do, or did not look', () => {
    const refused = `[GNUPG:] ERRSIG ${KEY_ID} 1 1 00 1795904231 5 ${FINGERPRINT}`;
    for (const lines of [[goodSig(), validSig(1)], [refused]])
      expect(read(...lines)).toMatchObject({
        state: 'unverifiable',
        keyId: KEY_ID,
        weakness: { digest: 'MD5' },
      });
  });
});
