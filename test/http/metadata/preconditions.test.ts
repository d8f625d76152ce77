import { describe, expect, test } from 'vitest';
import {
  demandPreconditions,
  isConditional,
  isNotModified,
  readPreconditions,
} from '../../../src/http/metadata/preconditions.ts';

const HERE = '"here"';
const FAILED = expect.objectContaining({ code: 'PRECONDITION_FAILED' });

describe('a change under a condition', () => {
  test.each([
    [{ 'if-match': '*' }, HERE],
    [{ 'if-match': '"a", "here"' }, HERE],
    [{ 'if-match': 'W/"here"' }, HERE],
    [{ 'if-none-match': '*' }, undefined],
    [{ 'if-none-match': '"a"' }, HERE],
    [{}, undefined],
  ])('%j is made where there is %s', (headers, etag) => {
    expect(() => demandPreconditions(readPreconditions(headers), etag)).not.toThrow();
  });

  test.each([
    [{ 'if-match': '*' }, undefined],
    [{ 'if-match': '"a"' }, HERE],
    [{ 'if-match': '"a"' }, undefined],
    [{ 'if-none-match': '*' }, HERE],
    [{ 'if-none-match': 'W/"here", "b"' }, HERE],
  ])('%j is not made where there is %s', (headers, etag) => {
    expect(() => demandPreconditions(readPreconditions(headers), etag)).toThrow(FAILED);
  });

  test.each(['here', '"a" "b"', '', "'a'", 'W/*', '"a",'])('is refused when it says %j', (text) => {
    expect(() => readPreconditions({ 'if-match': text })).toThrow(
      expect.objectContaining({ code: 'PARAMETER_INVALID' }),
    );
  });
});

test('a reader has the version that If-None-Match names', () => {
  expect(isNotModified(readPreconditions({ 'if-none-match': '"a", W/"here"' }), HERE)).toBe(true);
  expect(isNotModified(readPreconditions({ 'if-none-match': '"a"' }), HERE)).toBe(false);
  expect(() => isNotModified(readPreconditions({ 'if-match': '"a"' }), HERE)).toThrow(FAILED);
});

test('a request without either header has no condition', () => {
  expect(isConditional(readPreconditions({}))).toBe(false);
  expect(isConditional(readPreconditions({ 'if-match': '*' }))).toBe(true);
});
