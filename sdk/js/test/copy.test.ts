import { describe, expect, it } from 'vitest';
import { Copy } from '../src/copy.js';
import { recordOf } from '../src/record.js';
import { cursorAfter } from '../src/stream.js';
import type { Notification } from '../src/wire.js';
import { T, calls, changed, envelope, field, note, opened, record0 } from './contract.js';

function copyOf(...notifications: Notification[]): Copy {
  const copy = new Copy();
  copy.replace([record0('r1')]);
  for (const n of notifications) copy.apply(n);
  return copy;
}

describe('copy', () => {
  it('merges changed fields and drops those that nobody claims any more', () => {
    const r = copyOf(changed(1, 'r1', 2, { 'party.name': field('Ann') }), changed(2, 'r1', 3, { 'party.number': null })).get('r1');
    expect(r?.party).toEqual({ name: 'Ann' });
    expect(r?.rev).toBe(3);
  });

  it('keeps what is not shown and what nobody knows until that is over', () => {
    const said = { source: 'crm', fields: ['party.company'], at: T, until: T, round: 1 };
    const { until: _, ...over } = said;
    const more = (n: Notification, data: object) => ({ ...n, data: { ...n.data, ...data } }) as Notification;
    const copy = copyOf(more(changed(1, 'r1', 2, { 'party.name': null }), { blank: { 'party.name': { claims: [], hidden: ['crm'] } } }),
      more(changed(2, 'r1', 3, {}), { nothing: said }));
    expect(copy.get('r1')).toMatchObject({ blank: { 'party.name': { hidden: ['crm'] } }, nothing: [said] });
    copy.apply(changed(3, 'r1', 4, { 'party.name': field('Ann') }));
    copy.apply(more(changed(4, 'r1', 5, {}), { nothing: over }));
    expect(copy.get('r1')).not.toHaveProperty('blank');
    expect(copy.get('r1')).not.toHaveProperty('nothing');
  });

  it('knows which field is contended until the next wave', () => {
    const frozen = { rev: 2, field: 'party.bio', sources: ['a', 'b'], wave: 3 };
    const copy = copyOf({ ...changed(1, 'r1', 2, {}), type: 'field.contended', data: frozen } as Notification);
    expect(copy.get('r1')).toMatchObject({ rev: 2, wave: 3, contended: { 'party.bio': { sources: ['a', 'b'], wave: 3 } } });
    const next = changed(2, 'r1', 3, {});
    copy.apply({ ...next, data: { ...next.data, wave: 4 } } as Notification);
    expect(copy.get('r1')).not.toHaveProperty('contended');
  });

  it('tells of each rev once', () => {
    const copy = copyOf();
    const n = changed(1, 'r1', 2, { 'party.name': field('Ann') });
    expect([copy.apply(n), copy.apply(n), copy.apply(changed(2, 'r1', 1, { 'party.name': field('Old') }))]).toEqual([true, false, false]);
    expect(copy.get('r1')?.party.name).toBe('Ann');
  });

  it('adds, changes and removes items', () => {
    const copy = copyOf(note(1, 'item.added', 'r1', 2, 'a', 'one'), note(2, 'item.added', 'r1', 3, 'b', 'two'), note(3, 'item.changed', 'r1', 4, 'a', 'uno'));
    expect(copy.get('r1')?.notes.map((n) => n.text)).toEqual(['uno', 'two']);
    copy.apply(note(4, 'item.removed', 'r1', 5, 'a', ''));
    expect(copy.get('r1')?.notes.map((n) => n.text)).toEqual(['two']);
  });

  it('keeps what settled last until something settles anew', () => {
    const settled = { ...envelope('record.settled', 'e1:2', 'r1'), data: { rev: 3, wave: 1, rounds: 2, took_ms: 80, unanswered: [] } } as Notification;
    const copy = copyOf(changed(1, 'r1', 2, { 'party.name': field('Ann') }), settled);
    expect(copy.get('r1')?.settled).toEqual({ wave: 1, rounds: 2, took_ms: 80, unanswered: [] });
    copy.apply(changed(3, 'r1', 4, { 'party.name': field('Anne', 'user') }, 2));
    expect(copy.get('r1')).toMatchObject({ wave: 2, settled: { wave: 1 } });
    copy.apply({ ...envelope('record.settled', 'e1:4', 'r1'), data: { rev: 5, wave: 2, rounds: 0, took_ms: 3, unanswered: ['crm'] } } as Notification);
    expect(copy.get('r1')?.settled).toEqual({ wave: 2, rounds: 0, took_ms: 3, unanswered: ['crm'] });
  });

  it('puts calls and closings on the record', () => {
    const copy = copyOf(calls(1, 'call.answered', 'r1', 2, 'connected'), { ...envelope('record.closed', 'e1:2', 'r1'), data: { rev: 3 } } as Notification);
    expect(copy.get('r1')).toMatchObject({ state: 'closed', closed_at: T, call: { state: 'connected' }, rev: 3 });
  });

  it('gives every notification to handlers even when a fetched record is ahead of it', () => {
    const copy = new Copy();
    const n = calls(5, 'call.ended', 'r9', 4, 'ended');
    expect(copy.lacks(n)).toBe(true);
    copy.add(record0('r9', { rev: 6 }), 4);
    expect([copy.apply(n), copy.apply(changed(6, 'r9', 5, {})), copy.apply(changed(7, 'r9', 6, {})), copy.apply(changed(7, 'r9', 6, {}))])
      .toEqual([true, true, true, false]);
    expect(copy.get('r9')?.rev).toBe(6);
  });

  it('takes the newest state in place of changes it was not told, and moves no cursor by it', () => {
    const newest = { ...envelope('record.newest', 'e1:9', 'r1'), coalesced: true, data: { rev: 7, record: record0('r1', { rev: 7 }) } } as Notification;
    expect(copyOf(newest).get('r1')?.rev).toBe(7);
    expect([cursorAfter(newest), cursorAfter(changed(9, 'r1', 7, {}))]).toEqual([undefined, 'e1:9']);
  });

  it('leaves types that it does not know alone', () => {
    const copy = copyOf({ ...envelope('record.invented', 'e1:1', 'r1'), data: { rev: 2 } } as unknown as Notification);
    expect(copy.get('r1')?.party.number).toBe('+4512345678');
  });

  it('drops all that it holds of a record that is erased, and takes what is left (SEC-45)', () => {
    const copy = copyOf(note(1, 'item.added', 'r1', 2, 'a', 'Canary'), { ...envelope('record.erased', 'e1:2', 'r1'), data: { rev: 3 } } as unknown as Notification);
    expect(copy.get('r1')).toMatchObject({ rev: 3, fields: {}, items: {} });
    const left = { ...record0('r1', { rev: 4 }), items: {}, erased_at: '2026-11-28T14:30:00Z' };
    copy.apply({ ...envelope('record.erased', 'e1:3', 'r1'), data: { rev: 4, record: left } } as unknown as Notification);
    expect(copy.get('r1')?.party.number).toBe('+4512345678');
    copy.apply({ ...envelope('record.erased', 'e1:4', 'r1'), data: { rev: 5 } } as unknown as Notification);
    expect(copy.get('r1')).toMatchObject({ fields: {}, erased_at: left.erased_at });
  });

  it('lists newest first and keeps a bounded number of closed records', () => {
    const copy = new Copy();
    copy.replace([]);
    for (let i = 0; i < 600; i++) {
      const id = 'r' + i;
      copy.apply(opened(2 * i, record0(id, { opened_at: new Date(i * 1000).toISOString() })));
      copy.apply({ ...envelope('record.closed', `e1:${2 * i + 1}`, id), data: { rev: 2 } } as Notification);
    }
    expect(copy.all()).toHaveLength(500);
    expect(copy.all()[0]?.id).toBe('r599');
  });
});

describe('records', () => {
  it('are frozen all the way down, also after changes', () => {
    const r = copyOf(changed(1, 'r1', 2, { 'party.name': field('Ann') }), note(2, 'item.added', 'r1', 3, 'a', 'x')).get('r1');
    expect(() => { (r as any).party.name = 'x'; }).toThrow(TypeError);
    expect(() => { (r as any).fields['party.name'].value = 'x'; }).toThrow(TypeError);
    expect(() => { (r as any).notes.push(1); }).toThrow(TypeError);
  });

  it('take hostile field names as names', () => {
    const wire = JSON.parse(JSON.stringify(record0('r1')).replace('"party.number"', '"party.__proto__"'));
    const r = recordOf(wire);
    expect(Object.keys(r.party)).toEqual(['__proto__']);
    expect(({} as any).value).toBeUndefined();
  });
});
