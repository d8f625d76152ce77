import { defineConfig } from 'vitest/config';
import { SkippedTestsReporter } from './test/support/skipped-tests.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // An end for what hangs, not a measure: a machine may be busy.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // One more than the processors of a small machine: much of the time a test waits for a tool.
    maxWorkers: 3,
    globalSetup: 'test/support/choose-seed.ts',
    setupFiles: ['test/support/demand-checks.ts'],
    reporters: ['default', new SkippedTestsReporter()],
  },
});
