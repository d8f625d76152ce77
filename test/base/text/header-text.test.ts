import { describe, expect, it } from 'vitest';
import { headerText } from '../../../src/base/text/header-text.ts';

describe('the text of a header', () => {
  it.each([
    [undefined, undefined],
    ['a', 'a'],
    [['a', 'b'], 'a,b'],
  ])('of %j is %j', (value, text) => {
    expect(headerText(value)).toBe(text);
  });
});
