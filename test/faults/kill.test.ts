import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { isLongRun } from '../support/is-long-run.ts';
import { readerOverHttp, readIndex } from '../support/read-index.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { putPackage, sendRequest, sha256Of } from '../support/send-request.ts';

const ROUNDS = isLongRun ? 8 : 3;
const UPLOADERS = 6;
/** The service dies at an acknowledgement somewhere in this range. */
const MIN_ACKNOWLEDGED = 5;
const MAX_ACKNOWLEDGED = 60;
const SEED = 20_241_105;

/** An acknowledged package: its bytes must be at each of these places from then on. */
interface Acknowledged {
  readonly sha256: string;
  readonly places: readonly { readonly repository: string; readonly path: string }[];
}

/** The same sequence of numbers in [0, 1) on every run. Source: Mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function packageOf(
  round: number,
  number: number,
  random: () => number,
): { bytes: Buffer; repositories: string[]; fileName: string } {
  const arch = random() < 0.3 ? 'noarch' : 'x86_64';
  const name = `kill${round}.${number}`;
  // Some larger than nginx's buffer and than what is hashed at once.
  const payload = Buffer.alloc(random() < 0.2 ? 700_000 : 5_000, `${name} `);
  return {
    bytes: craftRpm({ name, arch, payload }),
    repositories: arch === 'noarch' ? ['9/x86_64', '9/aarch64'] : ['9/x86_64'],
    fileName: `${name}-1.0-1.el9.${arch}.rpm`,
  };
}

/** Uploads from several clients, half through nginx and half directly, until the service is killed in the middle. */
async function uploadUntilKilled(
  site: Site,
  round: number,
  random: () => number,
): Promise<readonly Acknowledged[]> {
  const acknowledged: Acknowledged[] = [];
  const dieAt = MIN_ACKNOWLEDGED + Math.floor(random() * (MAX_ACKNOWLEDGED - MIN_ACKNOWLEDGED));
  // Turns of the event loop between that answer and the signal, so that it comes anywhere in the uploads that follow.
  const delayTurns = Math.floor(random() * 200);
  let isKilled = false;
  let number = 0;

  const uploadOne = async (uploader: number): Promise<void> => {
    number += 1;
    const { bytes, repositories, fileName } = packageOf(round, number, random);
    const baseUrl = uploader % 2 === 0 ? site.baseUrl : site.service.baseUrl;
    const status = await putPackage(baseUrl, bytes).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status < 200 || status > 299) return;
    const places = repositories.map((repository) => ({
      repository,
      path: join(repository, 'Packages', fileName),
    }));
    acknowledged.push({ sha256: sha256Of(bytes), places });
  };
  const uploader = async (_: unknown, index: number): Promise<void> => {
    while (!isKilled) {
      await uploadOne(index);
      if (isKilled || acknowledged.length < dieAt) continue;
      for (let turn = 0; turn < delayTurns; turn += 1) await new Promise(setImmediate);
      isKilled = true;
      await site.service.kill();
    }
  };
  await Promise.all(Array.from({ length: UPLOADERS }, uploader));
  return acknowledged;
}

describe('a service that is killed under load', () => {
  test(`loses no acknowledged package in ${ROUNDS} rounds, and all of them are published after the restart`, async () => {
    await using site = await startSite({ upstream: 'port' });
    const random = createRandom(SEED);
    const acknowledged: Acknowledged[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      acknowledged.push(...(await uploadUntilKilled(site, round, random)));
      // What is on disk counts, before the next start could mend anything.
      for (const { sha256, places } of acknowledged) {
        for (const { path } of places) expect(await digestOf(join(site.storageDir, path))).toBe(sha256);
      }
      await site.restart();
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(ROUNDS * MIN_ACKNOWLEDGED);

    await eventually(async () => {
      const answer = await sendRequest(site.baseUrl, { path: '/api/v1/repositories' });
      expect(answer.json()).toEqual({
        repositories: ['9/aarch64', '9/x86_64'].map((repository) =>
          expect.objectContaining({ repository, state: 'clean', lastError: null }),
        ),
      });
    });
    for (const repository of ['9/x86_64', '9/aarch64']) {
      const { packages } = await readIndex(readerOverHttp(site.baseUrl, repository));
      const expected = acknowledged.filter(({ places }) =>
        places.some((place) => place.repository === repository),
      );
      const indexed = new Set(packages.values());
      expect(expected.length).toBeGreaterThan(0);
      expect(expected.filter(({ sha256 }) => !indexed.has(sha256))).toEqual([]);
    }
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });
});

async function digestOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}
