import { describe, expect, it } from 'vitest';
import { soughtOf } from '../src/sought.js';

describe('what is typed', () => {
  it.each([
    ['+45 12 34 56 78', { number: '+45 12 34 56 78' }],
    ['(555) 010-1234', { number: '(555) 010-1234' }],
    ['ann@example.com', { email: 'ann@example.com' }],
    ['example.com', { website: 'example.com' }],
    ['https://example.com/a', { website: 'https://example.com/a' }],
    ['192.0.2.7', { ip: '192.0.2.7' }],
    ['2001:db8::7', { ip: '2001:db8::7' }],
    ['Ann Smith', { name: 'Ann Smith' }],
    ['J. Smith', { name: 'J. Smith' }],
    [' BEGIN:VCARD\nFN:Ann\nEND:VCARD', { vcard: 'BEGIN:VCARD\nFN:Ann\nEND:VCARD' }],
  ])('%j is looked up as what it is', (typed, sought) => {
    expect(soughtOf(typed)).toEqual(sought);
  });
});
