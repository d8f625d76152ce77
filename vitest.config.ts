import { defineConfig } from 'vitest/config';
import { SkippedTestsReporter } from './test/support/skipped-tests.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // An end for what hangs, not a measure: a machine may be busy.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
    globalSetup: 'test/support/choose-seed.ts',
    setupFiles: ['test/support/demand-checks.ts'],
    reporters: ['default', new SkippedTestsReporter()],
  },
});
