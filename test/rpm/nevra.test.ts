import { describe, expect, it } from 'vitest';
import {
  compareNevra,
  formatNevra,
  formatNvra,
  type Nevra,
  parseNevra,
  toNevra,
  toNevraKey,
} from '../../src/rpm/nevra.ts';

const BASH: Nevra = { name: 'bash', epoch: undefined, version: '5.1.8', release: '6.el9', arch: 'x86_64' };
const TAGS = { ...BASH, isSource: false, isNoSource: false };

function parsed(text: string): Nevra {
  const nevra = parseNevra(text);
  if (nevra === undefined) throw new Error(`${text} is no NEVRA`);
  return nevra;
}

describe('a NEVRA', () => {
  it('is that of the header, but for the arch of a source package, which is not that of its build machine', () => {
    expect(toNevra(TAGS)).toEqual(BASH);
    expect(toNevra({ ...TAGS, isSource: true })).toEqual({ ...BASH, arch: 'src' });
    expect(toNevra({ ...TAGS, isSource: true, isNoSource: true })).toEqual({ ...BASH, arch: 'nosrc' });
  });

  it('is written with its epoch, unless that is absent or 0', () => {
    expect(formatNevra(BASH)).toBe('bash-5.1.8-6.el9.x86_64');
    expect(formatNevra({ ...BASH, epoch: 0 })).toBe('bash-5.1.8-6.el9.x86_64');
    expect(formatNevra({ ...BASH, epoch: 2 })).toBe('bash-2:5.1.8-6.el9.x86_64');
  });

  it('is written without its epoch as files are called', () => {
    expect(formatNvra({ ...BASH, epoch: 2 })).toBe('bash-5.1.8-6.el9.x86_64');
  });

  it('has one key without an epoch and with that of 0', () => {
    expect(toNevraKey(BASH)).toBe('bash-0:5.1.8-6.el9.x86_64');
    expect(toNevraKey({ ...BASH, epoch: 0 })).toBe(toNevraKey(BASH));
    expect(toNevraKey({ ...BASH, epoch: 2 })).toBe('bash-2:5.1.8-6.el9.x86_64');
  });

  it.each([
    'bash-5.1.8-6.el9.x86_64',
    'python3.11-pip-1:22.3.1~rc1^git2-4.el9.noarch',
    'java-1.8.0-openjdk-1:1.8.0.392.b08-4.el9.i686',
    'a-1-1.src',
  ])('is read and written as the same text: %s', (text) => {
    expect(formatNevra(parsed(text))).toBe(text);
  });

  it('may be typed with the epoch in front, as yum writes it, and with that of 0', () => {
    expect(parsed('2:bash-5.1.8-6.el9.x86_64')).toEqual({ ...BASH, epoch: 2 });
    expect(parsed('bash-0:5.1.8-6.el9.x86_64')).toEqual({ ...BASH, epoch: 0 });
  });

  it.each([
    '',
    'bash',
    'bash-5.1.8',
    'bash-5.1.8-6',
    'bash-5.1.8.x86_64',
    '-1-1.noarch',
    'a-1-1.',
    'a--1.noarch',
  ])('is not %j', (text) => {
    expect(parseNevra(text)).toBeUndefined();
  });

  it('is in order of name, then of age, then of arch', () => {
    const sorted = [
      'a-1:1.0-1.noarch',
      'ab-1.0~rc1-2.noarch',
      'ab-1.0-2.i686',
      'ab-1.0-2.x86_64',
      'ab-1.0-10.i686',
      'ab-1.9-1.i686',
      'ab-1.10-1.i686',
      'ab-1:0.1-1.i686',
    ];
    const reversed = sorted.toReversed().map(parsed);
    expect(reversed.toSorted(compareNevra).map(formatNevra)).toEqual(sorted);
    expect(compareNevra(BASH, { ...BASH, epoch: 0 })).toBe(0);
  });
});
