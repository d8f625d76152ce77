import { describe, expect, it } from 'vitest';
import { formBoundary } from '../../../src/http/upload/form-boundary.ts';

describe('the boundary of a form', () => {
  it.each([
    ['one character', 'boundary=X', 'X'],
    ['70 characters', `boundary=${'x'.repeat(70)}`, 'x'.repeat(70)],
    [
      'what curl sends',
      'boundary=------------------------d74496d66958873e',
      '------------------------d74496d66958873e',
    ],
    ['marks in quotes', `boundary="a'()+_,-./:=? b"`, `a'()+_,-./:=? b`],
    ['another case', 'Boundary=X', 'X'],
    ['two', 'boundary=first; boundary=second', 'first'],
    ['another parameter', 'charset=utf-8; boundary=X', 'X'],
  ])('is found: %s', (_, parameters, boundary) => {
    expect(formBoundary(`Multipart/form-data; ${parameters}`)).toBe(boundary);
  });

  it.each([
    ['no type', undefined],
    ['another type', 'multipart/mixed; boundary=X'],
    ['what is no type', 'multipart'],
    ['none', 'multipart/form-data'],
    ['an empty one', 'multipart/form-data; boundary='],
    ['an empty one in quotes', 'multipart/form-data; boundary=""'],
    ['71 characters', `multipart/form-data; boundary=${'x'.repeat(71)}`],
    ['a space at the end', 'multipart/form-data; boundary="x "'],
    ['a quote', 'multipart/form-data; boundary="x\\""'],
    ['a line end', 'multipart/form-data; boundary="x\r\n"'],
    ['letters of other scripts', 'multipart/form-data; boundary="é"'],
    ['an empty one before another', 'multipart/form-data; boundary=""; boundary=X'],
  ])('is refused: %s', (_, contentType) => {
    expect(formBoundary(contentType)).toBeUndefined();
  });
});
