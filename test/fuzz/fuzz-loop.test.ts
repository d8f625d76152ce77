import { describe, expect, it } from 'vitest';
import { parseRpm } from '../../src/rpm/rpm-parser/parse-rpm.ts';
import { createRandom } from '../support/random.ts';
import { fuzzLoop, type LoopResult } from './fuzz-loop.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { mutateRpm } from './mutate-rpm.ts';
import { rpmFile } from './targets/rpm-file.ts';

const LIMIT = 10_000;

async function fuzz(target: Partial<FuzzTarget>, seed: number): Promise<LoopResult> {
  return await fuzzLoop(
    { run: () => undefined, seeds: () => [Buffer.from('seed')], dictionary: ['<token>'], ...target },
    { seed, corpus: [], isFrugal: false },
    { begin: () => undefined, grow: () => undefined, isOver: (executions) => executions >= LIMIT },
  );
}

describe('the fuzzer', () => {
  it.each([
    ['thrown', (input: Buffer) => refuseToken(input)],
    ['rejected', async (input: Buffer) => await Promise.resolve(input).then(refuseToken)],
  ])('gives the input for which an error is %s, and the error', async (_, run) => {
    const { failure, executions } = await fuzz({ run }, 1);
    expect(failure?.error).toMatchObject({ message: 'found it' });
    expect(failure?.input.includes('<token>')).toBe(true);
    expect(executions).toBeLessThan(LIMIT);
  });

  it('tries the same inputs again for the same seed, and others for another', async () => {
    const tried = async (seed: number): Promise<readonly string[]> => {
      const inputs: string[] = [];
      await fuzz({ run: (input) => void inputs.push(input.toString('latin1')) }, seed);
      return inputs;
    };
    const first = await tried(1);
    expect(await tried(1)).toEqual(first);
    expect(await tried(2)).not.toEqual(first);
  });

  it('changes packages into packages, most of which are read or refused for what a tag says', () => {
    const random = createRandom(1);
    const outcomes = { read: 0, tag: 0, structure: 0, unchanged: 0 };
    for (const seed of rpmFile.seeds()) {
      for (let round = 0; round < 200; round++) {
        const changed = mutateRpm(seed, random);
        outcomes[changed === undefined ? 'unchanged' : outcomeOf(changed)]++;
      }
    }
    expect(outcomes.unchanged).toBe(0);
    expect(outcomes.read).toBeGreaterThan(150);
    expect(outcomes.tag).toBeGreaterThan(100);
  });
});

function refuseToken(input: Buffer): void {
  if (input.includes('<token>')) throw new Error('found it');
}

function outcomeOf(input: Buffer): 'read' | 'tag' | 'structure' {
  try {
    parseRpm(input, input.length);
    return 'read';
  } catch (error) {
    return /"code":"(?:TAG_|COUNT_)/.test(JSON.stringify(error)) ? 'tag' : 'structure';
  }
}
