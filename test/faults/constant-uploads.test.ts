import { expect, test } from 'vitest';
import { uploadConstantly } from './constant-uploads.ts';

const MS = 12_000;

// `npm run faults:long` does the same for ten minutes.
test(`${MS / 1000} s of constant uploads: dnf, zypper and a polling reader miss nothing, and nothing is lost`, async () => {
  const { faults, lost, ...counts } = await uploadConstantly('incremental', MS);
  expect({ faults, lost }).toEqual({ faults: [], lost: [] });
  expect(counts.uploads).toBeGreaterThan(5);
  expect(counts.publishes).toBeGreaterThan(5);
  expect(counts.readings).toBeGreaterThan(5);
  expect(counts.dnfRefreshes).toBeGreaterThan(0);
  expect(counts.zypperRefreshes).toBeGreaterThan(0);
});
