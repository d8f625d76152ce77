import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestFile } from '../../../src/intake/inspect/digest-file.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const MIB = 1024 * 1024;

const hex = (algorithm: string, bytes: Uint8Array): string =>
  createHash(algorithm).update(bytes).digest('hex');

describe('digestFile', () => {
  it.each([
    [10, 3, 7],
    [10, 0, 10],
    [MIB, 100, 200],
    [MIB + 1, MIB - 1, MIB],
    [3 * MIB + 5, MIB, 2 * MIB],
    [3 * MIB + 5, MIB + 1, 3 * MIB + 4],
    [3 * MIB, 2 * MIB + 1, 3 * MIB],
  ])(
    'of %i bytes covers what lies after byte %i and byte %i',
    async (sizeBytes, headerStart, payloadStart) => {
      await using dir = await createTempDir();
      const path = join(dir.path, 'file');
      const bytes = randomBytes(sizeBytes);
      await writeFile(path, bytes);
      const job = {
        path,
        sizeBytes,
        headerStart,
        payloadStart,
        sha256: undefined,
        isSha512Needed: true,
        payload: ['sha256'],
        isHeaderAndPayloadMd5Needed: true,
      } as const;
      expect(digestFile(job)).toEqual({
        sha256: hex('sha256', bytes),
        sha512: hex('sha512', bytes),
        payload: new Map([['sha256', hex('sha256', bytes.subarray(payloadStart))]]),
        headerAndPayloadMd5: hex('md5', bytes.subarray(headerStart)),
      });
      expect(
        digestFile({
          ...job,
          isSha512Needed: false,
          payload: ['sha3-256', 'sha512'],
          isHeaderAndPayloadMd5Needed: false,
        }),
      ).toEqual({
        sha256: hex('sha256', bytes),
        sha512: undefined,
        payload: new Map([
          ['sha3-256', hex('sha3-256', bytes.subarray(payloadStart))],
          ['sha512', hex('sha512', bytes.subarray(payloadStart))],
        ]),
        headerAndPayloadMd5: undefined,
      });
    },
  );
});
