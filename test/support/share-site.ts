import { afterAll, beforeAll } from 'vitest';

/**
 * One site, or one service, for all tests of the `describe` around the call: each uses packages of its own, and leaves the
 * service running.
 * @param fill puts into it what all tests expect there.
 * @returns what gives the site to a test.
 */
export function shareSite<Site extends AsyncDisposable>(
  start: () => Promise<Site>,
  fill: (site: Site) => Promise<unknown> = async () => undefined,
): () => Site {
  let site: Site | undefined;
  beforeAll(async () => {
    site = await start();
    await fill(site);
  });
  afterAll(() => site?.[Symbol.asyncDispose]());
  return () => {
    if (site === undefined) throw new Error('expected a test to ask for the site, not its describe');
    return site;
  };
}
