import { expect } from 'vitest';

// What is promised while others do their worst: an upload is answered within two seconds. The median is compared, since any
// single upload can meet a pause of a machine that is shared; a service that is blocked makes all of them slow.
const MEDIAN_LIMIT_MS = 2_000;
const SLOWEST_LIMIT_MS = 10_000;

/** How long the uploads took that it was given. */
export interface UploadTimes {
  readonly measure: <T>(upload: () => Promise<T>) => Promise<T>;
  readonly expectFast: () => void;
}

export function createUploadTimes(): UploadTimes {
  const timesMs: number[] = [];
  return {
    measure: async (upload) => {
      const startedMs = performance.now();
      const result = await upload();
      timesMs.push(performance.now() - startedMs);
      return result;
    },
    expectFast: () => {
      const sorted = timesMs.toSorted((one, other) => one - other);
      expect(sorted.length).toBeGreaterThanOrEqual(3);
      expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(MEDIAN_LIMIT_MS);
      expect(sorted.at(-1)).toBeLessThan(SLOWEST_LIMIT_MS);
    },
  };
}
