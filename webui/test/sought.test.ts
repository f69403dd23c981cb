import { describe, expect, it } from 'vitest';
import { cardOf, soughtAgain, soughtOf, textOf } from '../src/sought.js';
import { record } from './records.js';

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

describe('a card', () => {
  const card = (more = '') => `BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ann\r\n${more}END:VCARD\r\n`;
  const problem = (text: string) => (cardOf(text) as { problem?: string }).problem;

  it('of 2 MB goes without its photograph', () => {
    const lines = `PHOTO;ENCODING=b;TYPE=JPEG:${'A'.repeat(60)}\r\n${(' ' + 'B'.repeat(72) + '\r\n').repeat(28_000)}`;
    const text = card(`${lines}TEL:+4512345678\r\nitem1.LOGO:data:x\r\nNOTE:a\r\n  b\r\n`);
    expect(text.length).toBeGreaterThan(2 << 20);
    expect(cardOf('\ufeff' + text)).toEqual({ vcard: 'BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ann\r\nTEL:+4512345678\r\nNOTE:a\r\n  b\r\nEND:VCARD' });
  });

  it('that is large by itself, that is many, or that is none is refused with a reason and a remedy', { timeout: 20_000 }, () => {
    expect(problem(card(`NOTE:${'x'.repeat(2 << 20)}\r\n`))).toMatch(/more than 48 KiB.*Shorten/);
    expect(problem(card().repeat(2))).toMatch(/There are 2 cards.*one by one/);
    expect(problem(card().repeat(100_000))).toMatch(/There are 100.000 cards.*none was/);
    expect(problem('hello')).toMatch(/no business card.*vCard 3.0 or 4.0/);
    expect(problem('')).toMatch(/no business card/);
    expect(problem(card(`NOTE:${'x'.repeat(17 << 20)}\r\n`))).toMatch(/18 MB/);
  });

  it('of another program is read in its own encoding', async () => {
    const bytes = (text: string, width: 1 | 2) => new Blob([width === 1 ? Uint8Array.from(text, (c) => c.charCodeAt(0)) : Uint16Array.from('\ufeff' + text, (c) => c.charCodeAt(0))]);
    expect(await textOf(new Blob(['Søren']))).toBe('Søren');
    expect(await textOf(bytes('Søren', 1))).toBe('Søren');
    expect(await textOf(bytes('Søren', 2))).toBe('Søren');
  });
});

it('somebody is looked up again by what is known best', () => {
  expect(soughtAgain(record('r', { 'party.number': '+4512345678', 'party.name': 'Ann' }))).toEqual({ number: '+4512345678' });
  expect(soughtAgain(record('r', { 'party.number_raw': 'anonymous', 'party.email': 'a@b.example' }))).toEqual({ email: 'a@b.example' });
  expect(soughtAgain(record('r', { 'party.name': 'Ann', 'party.company': 'Acme' }))).toEqual({ name: 'Ann', company: 'Acme' });
  expect(soughtAgain(record('r'))).toBeUndefined();
});
