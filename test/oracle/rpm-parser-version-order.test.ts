import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { compareEvr, parseEvr } from '../../src/rpm/rpm-parser/evr.ts';
import { lacks } from '../support/lacks.ts';

/** Pieces of versions; every pair of two-piece versions made of them is compared. */
const PIECES = [
  '',
  '0',
  '00',
  '1',
  '01',
  '10',
  '9',
  'a',
  'A',
  'ab',
  'z',
  '~',
  '^',
  '.',
  '_',
  '~~',
  '^1',
  '1.0',
  '99999999999999999999',
];

const EVRS = [
  '1',
  '1-1',
  '0:1',
  '0:1-1',
  '1:0',
  '1:0-1',
  ':1',
  'a:1',
  '1-',
  '1-1-1',
  '1:1-2',
  '10:1',
  '01:1',
];

const VERSIONS = [...new Set(PIECES.flatMap((first) => PIECES.map((second) => `${first}${second}`)))].filter(
  Boolean,
);

/** What rpm answers for each pair, in one process: -1, 0 or 1 a line. */
function compareWithRpm(texts: readonly string[]): readonly number[] {
  const list = texts.map((text) => `"${text}"`).join(',');
  const script = `local t={${list}} for i=1,#t do for j=1,#t do print(rpm.vercmp(t[i],t[j]) .. "\\n") end end`;
  const output = execFileSync('rpm', ['--eval', `%{lua: ${script}}`], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return output.split('\n').filter(Boolean).map(Number);
}

function compareHere(texts: readonly string[]): readonly number[] {
  const evrs = texts.map(parseEvr);
  return evrs.flatMap((a) => evrs.map((b) => Math.sign(compareEvr(a, b))));
}

describe.skipIf(lacks('rpm'))('the order of versions (needs rpm)', () => {
  it('is that of rpm for every pair of short versions, with tilde and caret', () => {
    expect(VERSIONS.length).toBeGreaterThan(200);
    expect(differences(VERSIONS)).toEqual([]);
  });

  it('is that of rpm with epochs and releases', () => {
    expect(differences(EVRS)).toEqual([]);
  });
});

/** Pairs that rpm orders in another way; rpm must have answered for every one of them. */
function differences(texts: readonly string[]): readonly string[] {
  const rpm = compareWithRpm(texts);
  expect(rpm).toHaveLength(texts.length ** 2);
  return compareHere(texts).flatMap((order, index) => {
    if (order === rpm[index]) return [];
    const [a, b] = [texts[Math.floor(index / texts.length)], texts[index % texts.length]];
    return [`${a} and ${b}: ${order}, rpm says ${rpm[index]}`];
  });
}
