import { createHash, randomBytes } from 'node:crypto';
import { type CraftSpec, craftRpm } from '../../test/support/craft-rpm.ts';

/** Packages of one size: each has a head of its own (lead, signature header, main header), all share the payload. */
export interface PackageSet {
  readonly heads: readonly { readonly fileName: string; readonly bytes: Buffer; readonly sha256: string }[];
  readonly payload: Buffer;
}

const BYTES_PER_FILE = 100_000;
const MIN_FILES = 8;
const MAX_FILES = 100;
const NUMBER_DIGITS = 6;

/**
 * Crafts valid packages of exactly `sizeBytes` whose names differ, and with them every digest in them.
 * @param label part of every name; the same label gives the same names.
 */
export function craftUploads(label: string, count: number, sizeBytes: number): PackageSet {
  const fileCount = Math.max(MIN_FILES, Math.min(MAX_FILES, Math.floor(sizeBytes / BYTES_PER_FILE)));
  const headBytes = craftRpm({ ...specOf(label, 0, fileCount), payload: Buffer.alloc(0) }).length;
  // Random: neither a disk nor anything on the way can shrink it.
  const payload = randomBytes(Math.max(0, sizeBytes - headBytes));
  const heads = Array.from({ length: count }, (_, index) => {
    const spec = specOf(label, index, fileCount);
    const whole = craftRpm({ ...spec, payload });
    // A copy: a view would keep the whole package in memory.
    const bytes = Buffer.from(whole.subarray(0, whole.length - payload.length));
    const sha256 = createHash('sha256').update(whole).digest('hex');
    return { fileName: `${spec.name}-1.0-1.el9.x86_64.rpm`, bytes, sha256 };
  });
  return { heads, payload };
}

function specOf(label: string, index: number, fileCount: number): CraftSpec & { readonly name: string } {
  const name = `bench-${label}-${String(index).padStart(NUMBER_DIGITS, '0')}`;
  return {
    name,
    summary: 'A package of the upload benchmark',
    description: 'No host installs it.\n'.repeat(10),
    files: Array.from({ length: fileCount }, (_, file) => ({
      path: `/usr/share/bench/part${file % 5}/file-${file}.dat`,
      sizeBytes: 2048,
      digest: 'd'.repeat(64),
    })),
    dependencies: {
      requires: ['/bin/sh', 'libc.so.6()(64bit)', 'libz.so.1()(64bit)', 'libcrypto.so.3()(64bit)'].map(
        (required) => ({ name: required }),
      ),
    },
    changelogs: [1, 2, 3].map((release) => ({
      author: `A Packager <packager@example.com> - 1.0-${release}`,
      timeSeconds: 1_700_000_000 - release * 86_400,
      text: '- Build again for the benchmark',
    })),
  };
}
