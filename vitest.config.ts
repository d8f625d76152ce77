import { defineConfig } from 'vitest/config';
import { SkippedTestsReporter } from './test/support/skipped-tests.ts';

/** Their files leave nothing behind in a process, so that one after the other may use the same, which spares many starts. */
const UNITS = ['base', 'client', 'http', 'rpm', 'trust'].map((district) => `test/${district}/**/*.test.ts`);

export default defineConfig({
  test: {
    // An end for what hangs, not a measure: a machine may be busy.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // One more than the processors of a small machine: much of the time a test waits for a tool.
    maxWorkers: 3,
    globalSetup: 'test/support/choose-seed.ts',
    setupFiles: ['test/support/demand-checks.ts'],
    reporters: ['default', new SkippedTestsReporter()],
    projects: [
      { extends: true, test: { name: 'units', include: UNITS, isolate: false } },
      { extends: true, test: { name: 'others', include: ['test/**/*.test.ts'], exclude: UNITS } },
    ],
  },
});
