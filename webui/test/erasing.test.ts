import { expect, it } from 'vitest';
import { goneWords, marksOf, whoOf } from '../src/erasing.js';
import { record } from './records.js';

it('a person is known by record, number and address, and by the name only if one says so (SEC-45)', () => {
  const marks = marksOf(record('r1', { 'party.number': '+4512345678', 'party.number_raw': '12345678', 'party.name': 'Ann Holm', 'party.email': 'ann@example.com' }));
  expect(marks.filter((m) => m.sure).map((m) => m.value)).toEqual(['r1', '+4512345678', 'ann@example.com']);
  expect(whoOf(marks)).toEqual({ records: ['r1'], numbers: ['+4512345678'], words: ['ann@example.com', 'Ann Holm'] });
  expect(marksOf(record('r2', { 'party.number': '1001', 'party.name': 'Bo' })).map((m) => m.value)).toEqual(['r2']);
});

it('what goes is said in words', () => {
  const proof = { dry_run: true, records: ['a'], mentioned: ['b', 'c'], claims: 1, items: 2, changes: 9, answers: 0 };
  expect(goneWords(proof)).toBe('1 record of this person, and what mentions them in 2 other records: 1 value, 2 notes and other items. Of the calls only times and states are left.');
});
