import { describe, expect, it } from 'vitest';
import { isNumber, partsOf } from '../src/numbers.js';

const found = (text: string) => partsOf(text).flatMap((p) => (p.number === undefined ? [] : [p.number]));

describe('a number in a text', () => {
  it.each([
    ['Call back at 12 34 56 78 before ten', ['12 34 56 78']],
    ['(555) 010-1234, ask for Bo', ['(555) 010-1234']],
    ['+4512345678', ['+4512345678']],
    ['+45 12 34 56 78/+44 1632 960961.', ['+45 12 34 56 78', '+44 1632 960961']],
    ['0045 12345678 or 01632 960961', ['0045 12345678', '01632 960961']],
    ['tel:+4512345678', []],
    ['on 2026-11-28 10:15, 28.11.2026 and 28-11-2026', []],
    ['192.168.100.200 and 10:15:30', []],
    ['Invoice 20261234, 1 240.00 EUR, ticket 4711', []],
    ['rec_12345678 and x12345678y', []],
    ['1 2 3 4 5 6 7 8 9', []],
    ['card 1234 5678 9012 3456', []],
    ['', []],
  ])('%j has %j', (text, numbers) => {
    expect(found(text)).toEqual(numbers);
    expect(partsOf(text).map((p) => p.text).join('')).toBe(text);
  });

  // The time is what is tested: what looks at each place from each other one takes minutes.
  it('is looked for once through anything', { timeout: 20_000 }, () => {
    for (const text of ['1 '.repeat(200_000), '('.repeat(400_000), '1-'.repeat(200_000) + 'x', '+'.repeat(400_000)]) {
      expect(partsOf(text).map((p) => p.text).join('')).toBe(text);
    }
  });
});

describe('a value', () => {
  it.each([['1001', true], ['+45 12 34 56 78', true], ['', false], ['Voicemail', false], ['1', false], ['2026-11-28', false], ['10.0.0.1', false], ['1234567890123456', false]])('%j is a number: %j', (text, is) => {
    expect(isNumber(text)).toBe(is);
  });
});
