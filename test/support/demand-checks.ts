import { beforeEach, expect } from 'vitest';

// A test in which no check ran has shown nothing. vitest counts the checks of tests that run at the same time as one.
beforeEach(({ task }) => {
  // oxlint-disable-next-line vitest/no-standalone-expect -- it belongs to the test that follows
  if (task.concurrent !== true) expect.hasAssertions();
});
