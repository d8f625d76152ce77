import { describe, expect, it } from 'vitest';
import { CORPUS_DIR, FOUND_DIR, readInputs } from './corpus-folder.ts';
import { FUZZ_TARGETS, TARGET_NAMES } from './targets.ts';

describe.each(TARGET_NAMES)('what is promised of %s', (name) => {
  const target = FUZZ_TARGETS[name];

  it('holds for what once broke it', async () => {
    const found = readInputs(FOUND_DIR, name);
    for (const input of found) await expect(run(input)).resolves.toBeUndefined();
  });

  it('holds for the corpus', async () => {
    const inputs = [...target.seeds(), ...readInputs(CORPUS_DIR, name)];
    expect(inputs.length).toBeGreaterThan(0);
    for (const input of inputs) await expect(run(input)).resolves.toBeUndefined();
  });

  async function run(input: Buffer): Promise<void> {
    await target.run(input);
  }
});
