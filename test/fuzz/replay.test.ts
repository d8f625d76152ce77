import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CORPUS_DIR, FOUND_DIR, readInputs } from './corpus-folder.ts';
import { FUZZ_TARGETS, TARGET_NAMES } from './targets.ts';

describe('what once broke a promise', () => {
  it('lies in a folder of a target', () => {
    expect(TARGET_NAMES).toEqual(expect.arrayContaining(readdirSync(FOUND_DIR)));
  });

  it.each(
    TARGET_NAMES.flatMap((name) =>
      readInputs(FOUND_DIR, name).map((input, index) => ({ name, index, input })),
    ),
  )('breaks it no more: $name, input $index', async ({ name, input }) => {
    await expect(tryInput(name, input)).resolves.toBeUndefined();
  });
});

describe('what is promised', () => {
  it.each(TARGET_NAMES)('holds for the corpus of %s', async (name) => {
    const inputs = [...FUZZ_TARGETS[name].seeds(), ...readInputs(CORPUS_DIR, name)];
    expect(inputs.length).toBeGreaterThan(0);
    for (const input of inputs) await expect(tryInput(name, input)).resolves.toBeUndefined();
  });
});

async function tryInput(name: keyof typeof FUZZ_TARGETS, input: Buffer): Promise<void> {
  await FUZZ_TARGETS[name].run(input);
}
