import { describe, expect, it } from 'vitest';
import { parseWaitMs } from '../../src/http/wait-query.ts';

describe('?wait=', () => {
  it('is not given', () => {
    expect(parseWaitMs(undefined)).toBeUndefined();
  });

  it.each([
    ['0', 0],
    ['1', 1_000],
    ['050', 50_000],
    ['50', 50_000],
  ])('%s is %i ms', (wait, waitMs) => {
    expect(parseWaitMs(wait)).toBe(waitMs);
  });

  it.each(['', ' ', '51', '999', '1000', '-1', '1.5', '1e1', '0x1', 'true', '5s', ' 5', '١', 'NaN'])(
    '%j is refused',
    (wait) => {
      expect(() => parseWaitMs(wait)).toThrow(expect.objectContaining({ code: 'PARAMETER_INVALID' }));
    },
  );
});
