import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expectedDigests } from '../../../src/http/upload/expected-digests.ts';

const BODY = 'the body';
const base64 = (algorithm: string): string => createHash(algorithm).update(BODY).digest('base64');
const hex = (algorithm: string): string => createHash(algorithm).update(BODY).digest('hex');

const SHA256 = { algorithm: 'sha256', hex: hex('sha256') };
const SHA512 = { algorithm: 'sha512', hex: hex('sha512') };

describe('the digests that a client sends along', () => {
  it('are none without a header', () => {
    expect(expectedDigests({ 'content-type': 'application/x-rpm' })).toEqual([]);
  });

  it.each(['content-digest', 'repr-digest'])('come in %s', (header) => {
    expect(expectedDigests({ [header]: `sha-256=:${base64('sha256')}:` })).toEqual([{ ...SHA256, header }]);
    expect(expectedDigests({ [header]: `sha-512=:${base64('sha512')}:` })).toEqual([{ ...SHA512, header }]);
  });

  it('can be several in one header, with any white space', () => {
    const value = ` sha-512=:${base64('sha512')}: ,\tsha-256=:${base64('sha256')}:  `;
    expect(expectedDigests({ 'content-digest': value })).toEqual([
      { ...SHA512, header: 'content-digest' },
      { ...SHA256, header: 'content-digest' },
    ]);
  });

  it('are as many as there are algorithms, however often a header names one: the last counts', () => {
    const wrong = `sha-256=:${base64('sha256').replace(/^./, 'A')}:`;
    const value = `${`${wrong},`.repeat(200)}sha-256=:${base64('sha256')}:`;
    expect(expectedDigests({ 'content-digest': value })).toEqual([{ ...SHA256, header: 'content-digest' }]);
  });

  it('come in X-Checksum-Sha256 as hex, in any case', () => {
    for (const value of [hex('sha256'), hex('sha256').toUpperCase(), ` ${hex('sha256')} `]) {
      expect(expectedDigests({ 'x-checksum-sha256': value })).toEqual([
        { ...SHA256, header: 'x-checksum-sha256' },
      ]);
    }
  });

  it('are all kept when several headers say something', () => {
    const headers = {
      'content-digest': `sha-256=:${base64('sha256')}:`,
      'repr-digest': `sha-512=:${base64('sha512')}:`,
      'x-checksum-sha256': hex('sha256'),
    };
    expect(expectedDigests(headers).map(({ header }) => header)).toEqual([
      'content-digest',
      'repr-digest',
      'x-checksum-sha256',
    ]);
  });

  it('leave out algorithms that we do not know', () => {
    const value = `md5=:${base64('md5')}:, sha=:${base64('sha1')}:, sha-256=:${base64('sha256')}:, x*y=:AA==:`;
    expect(expectedDigests({ 'content-digest': value })).toEqual([{ ...SHA256, header: 'content-digest' }]);
    expect(expectedDigests({ 'content-digest': 'unixsum=:AAAA:' })).toEqual([]);
  });

  it('come in the standard alphabet, padded or not', () => {
    const unpadded = base64('sha256').replace(/=+$/, '');
    expect(expectedDigests({ 'content-digest': `sha-256=:${unpadded}:` })).toMatchObject([SHA256]);
  });

  it.each([
    ['content-digest', ''],
    ['content-digest', 'sha-256'],
    ['content-digest', 'sha-256='],
    ['content-digest', 'sha-256=::'],
    ['content-digest', `sha-256=${base64('sha256')}`],
    ['content-digest', `sha-256="${hex('sha256')}"`],
    ['content-digest', `sha-256=:${hex('sha256')}:`],
    ['content-digest', `sha-256=:${base64('sha1')}:`],
    ['content-digest', `sha-512=:${base64('sha256')}:`],
    ['content-digest', `sha-256=:${base64('sha256')}:,`],
    ['content-digest', `sha-256=:${base64('sha256')}: sha-512=:${base64('sha512')}:`],
    ['content-digest', 'sha-256=:!!!!:'],
    ['content-digest', `SHA-256=:${base64('sha256')}:`],
    ['repr-digest', 'nonsense'],
    ['x-checksum-sha256', ''],
    ['x-checksum-sha256', 'zz'],
    ['x-checksum-sha256', hex('sha256').slice(1)],
    ['x-checksum-sha256', `${hex('sha256')}0`],
    ['x-checksum-sha256', hex('sha512')],
    ['x-checksum-sha256', `${hex('sha256')}, ${hex('sha256')}`],
  ])('in %s: %s are refused with the name of the header', (header, value) => {
    expect(() => expectedDigests({ [header]: value })).toThrow(
      expect.objectContaining({
        code: 'DIGEST_INVALID',
        statusCode: 400,
        message: expect.stringContaining(header),
      }),
    );
  });

  it('are read in linear time from a header of any length', () => {
    const started = performance.now();
    for (const value of ['sha-256='.repeat(10_000), `a${' '.repeat(100_000)}b`, ','.repeat(100_000)]) {
      expect(() => expectedDigests({ 'content-digest': value })).toThrow(
        expect.objectContaining({ code: 'DIGEST_INVALID' }),
      );
    }
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
