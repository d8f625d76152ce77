import { describe, expect, test } from 'vitest';
import { ModulesCheck } from '../../../src/indexing/metadata/modules-check.ts';
import { BAD_MODULES, GOOD_MODULES } from '../../support/metadata-documents.ts';

const PIECE_CHARACTERS = 64;

/** Why the text is refused; undefined when it is taken. */
function reasonAgainst(pieces: readonly string[]): string | undefined {
  const check = new ModulesCheck();
  try {
    for (const piece of pieces) check.write(piece);
    check.close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function piecesOf(text: string, length: number): readonly string[] {
  const count = Math.ceil(text.length / length);
  return Array.from({ length: count }, (_, index) => text.slice(index * length, (index + 1) * length));
}

describe('modules in pieces', () => {
  test.each([...GOOD_MODULES, ...BAD_MODULES])('are judged as they are in one: %s', (_, text) => {
    const whole = reasonAgainst([text]);
    for (const length of [1, 2, 7]) expect(reasonAgainst(piecesOf(text, length))).toBe(whole);
  });

  test.each([
    ['lines', 'x'.repeat(59)],
    ['one line', `x${' '.repeat(58)}`],
  ])(
    'cost no more when they are many: a document of %s in 40,000 of them',
    { timeout: 30_000 },
    (kind, word) => {
      const good = GOOD_MODULES.get('a stream') ?? '';
      const separator = kind === 'lines' ? '\n      ' : '';
      const bulky = good.replace('summary: s', `summary: "${`${word}${separator}`.repeat(40_000)}"`);
      expect(reasonAgainst(piecesOf(bulky, PIECE_CHARACTERS))).toBeUndefined();
    },
  );
});
