import { expect, test } from 'vitest';
import { isLongRun } from '../support/is-long-run.ts';
import { uploadConstantly } from './constant-uploads.ts';

const MS = isLongRun ? 12_000 : 5_000;
/** Of each kind, on a busy machine too. */
const LEAST = isLongRun ? 5 : 0;

// `npm run faults:long` does the same for ten minutes.
test(`${MS / 1000} s of constant uploads: dnf, zypper and a polling reader miss nothing, and nothing is lost`, async () => {
  const { faults, lost, ...counts } = await uploadConstantly('incremental', MS);
  expect({ faults, lost }).toEqual({ faults: [], lost: [] });
  expect(counts.uploads).toBeGreaterThan(LEAST);
  expect(counts.publishes).toBeGreaterThan(LEAST);
  expect(counts.readings).toBeGreaterThan(LEAST);
  expect(counts.dnfRefreshes).toBeGreaterThan(0);
  expect(counts.zypperRefreshes).toBeGreaterThan(0);
});
