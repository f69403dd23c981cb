import { expect, it } from 'vitest';
import { cutOf, isSince, newOf } from '../src/since.js';
import { at, call, field, record } from './records.js';

const ended = call('ended', { ended_at: at(100) });
const item = (id: string, from: number, changed = from) => ({ id, source: 'crm', at: at(from), changed_at: at(changed), text: id });

it('what came after the call is new on a reopened record, and only there', () => {
  const fields = { 'party.name': field('Ann', { at: at(50) }), 'party.company': field('Acme', { at: at(200) }), 'party.email': field('a@b.example', { at: at(200), since: at(20) }) };
  const items = { notes: [item('old', 10), item('changed', 10, 150), item('new', 180)], history: [item('before', 5, 200), item('later', 150, 200)], 'party.candidates': [item('17', 200)] };
  const r = record('r', {}, { origin: 'reopened', call: ended, fields, items });
  expect(cutOf(r)).toBe(Date.parse(at(100)));
  expect(newOf(r)).toEqual({ count: 1 + 2 + 1, names: ['Company', 'Notes', 'History'] });
  expect(newOf({ ...r, origin: 'call' })).toEqual({ count: 0, names: [] });
});

it('where the end was not seen, it is the latest that it can have been; of a lookup, when it was reopened', () => {
  expect(cutOf(record('r', {}, { origin: 'reopened', call: call('ended', { ended_after: at(1), ended_before: at(9) }) }))).toBe(Date.parse(at(9)));
  expect(cutOf(record('r', {}, { origin: 'reopened', reopened_at: at(7) }))).toBe(Date.parse(at(7)));
  expect(cutOf(record('r', {}, { origin: 'reopened', call: call('connected') }))).toBeUndefined();
  expect(isSince(undefined, at(9))).toBe(false);
});
