import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { nextStep, type Sighting, type Situation, type Step } from '../../../src/intake/drop/next-step.ts';

const RULES = { settleMs: 5_000, giveUpMs: 60_000 };
const WRITTEN_MS = 1_000_000;
const MS = 1_000_000n;

const written = stats(WRITTEN_MS, WRITTEN_MS);
const movedIn = stats(WRITTEN_MS, WRITTEN_MS + 1);
const refusal = { error: new AppError('RPM_TRUNCATED', 'cut', { hint: '' }), sha256: undefined };

function stepOf(stats: Situation['stats'], sighted: Sighting, nowMs: number): Step {
  return nextStep({ stats, sighting: sighted, rules: RULES, nowMs });
}

function stats(mtimeMs: number, ctimeMs: number): Situation['stats'] {
  return { mtimeNs: BigInt(mtimeMs) * MS, ctimeNs: BigInt(ctimeMs) * MS, ctimeMs: BigInt(ctimeMs) };
}

function sighting(fields: Partial<Sighting> = {}): Sighting {
  return { identity: 'x', sinceMs: WRITTEN_MS, failures: 0, retryAtMs: 0, ...fields };
}

describe('a dropped file', () => {
  it('that was moved in is taken at once', () => {
    expect(stepOf(movedIn, sighting(), WRITTEN_MS + 1)).toEqual({ do: 'take' });
  });

  it('that was written in place is taken when it was quiet for long enough', () => {
    expect(stepOf(written, sighting(), WRITTEN_MS + 4_999)).toEqual({
      do: 'wait',
      untilMs: WRITTEN_MS + 5_000,
    });
    expect(stepOf(written, sighting(), WRITTEN_MS + 5_000)).toEqual({ do: 'take' });
  });

  it('that was quiet before the first look is taken at once', () => {
    const late = WRITTEN_MS + 100_000;
    expect(stepOf(written, sighting({ sinceMs: late }), late)).toEqual({ do: 'take' });
  });

  it('of the future is taken when it stayed the same between two looks', () => {
    const future = stats(WRITTEN_MS * 10, WRITTEN_MS * 10);
    expect(stepOf(future, sighting(), WRITTEN_MS + 4_999)).toMatchObject({ do: 'wait' });
    expect(stepOf(future, sighting(), WRITTEN_MS + 5_000)).toEqual({ do: 'take' });
  });

  it.each([written, movedIn])(
    'that is cut off is not read again, and given up when its time is up',
    (file) => {
      const cut = sighting({ verdict: { kind: 'arriving', refusal } });
      const untilMs = WRITTEN_MS + 60_000;
      expect(stepOf(file, cut, untilMs - 1)).toEqual({ do: 'wait', untilMs });
      expect(stepOf(file, cut, untilMs)).toEqual({ do: 'give up', refusal });
    },
  );

  it('that is cut off and older than the service has its time from when it was put there', () => {
    // rsync -t gives a file the old mtime of its source.
    const old = stats(1_000, WRITTEN_MS);
    const cut = sighting({ verdict: { kind: 'arriving', refusal } });
    expect(stepOf(old, cut, WRITTEN_MS + 59_999)).toMatchObject({ do: 'wait' });
  });

  it('that is judged only has to go, whenever that is tried again', () => {
    const retryAtMs = WRITTEN_MS + 30_000;
    const taken = sighting({ verdict: { kind: 'taken' }, retryAtMs });
    const refused = sighting({ verdict: { kind: 'refused', refusal }, retryAtMs });
    expect(stepOf(written, taken, retryAtMs - 1)).toEqual({ do: 'wait', untilMs: retryAtMs });
    expect(stepOf(written, taken, retryAtMs)).toEqual({ do: 'remove' });
    expect(stepOf(written, refused, retryAtMs)).toEqual({ do: 'move away', refusal });
  });
});
