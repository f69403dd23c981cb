import { recordOf, type BoardRecord } from './record.js';
import type { Call, Item, Nothing, Notification, NotificationOf, WireRecord } from './wire.js';

interface Held {
  record: BoardRecord;
  /** The newest rev that handlers were told of; a record fetched on its own may be ahead of it. */
  told: number;
}

/** Types whose data carries the whole record. */
const WHOLE = new Set<string>(['record.opened', 'record.joined', 'record.added', 'record.newest']);

/** Closed records kept, so that a page open for weeks stays small. */
const CLOSED_KEPT = 500;

/** The local copy of the board: a list, and every notification since applied to it. Does no I/O. */
export class Copy {
  #held = new Map<string, Held>();

  /** Replaces everything by a snapshot. */
  replace(records: WireRecord[]): void {
    this.#held = new Map(records.map((wire) => [wire.id, { record: recordOf(wire), told: wire.rev }]));
  }

  /** Adds a record that was fetched because a notification of `rev` named it and it was not held. */
  add(wire: WireRecord, rev: number): void {
    this.#held.set(wire.id, { record: recordOf(wire), told: rev - 1 });
  }

  get(id: string): BoardRecord | undefined {
    return this.#held.get(id)?.record;
  }

  /** Newest first, as the list gives them. */
  all(): BoardRecord[] {
    return [...this.#held.values()].map((h) => h.record)
      .sort((a, b) => compare(b.opened_at, a.opened_at) || compare(b.id, a.id));
  }

  /** Whether the record must be fetched before the notification can be applied. */
  lacks(n: Notification): boolean {
    return revOf(n) !== undefined && n.subject !== undefined && !this.#held.has(n.subject)
      && !WHOLE.has(n.type) && n.type !== 'record.removed';
  }

  /** Takes a notification of a record in; false when it was told of before (delivery is at least once across reconnects). */
  apply(n: Notification): boolean {
    const rev = revOf(n);
    if (rev === undefined || n.subject === undefined) return true;
    const held = this.#held.get(n.subject);
    if (held && rev <= held.told) return false;
    if (!held || rev > held.record.rev) {
      const next = changed(held?.record, n);
      if (!next) return true;
      this.#held.set(n.subject, { record: recordOf(next), told: rev });
      if (n.type === 'record.closed') this.#forgetOldest();
    } else {
      held.told = rev;
    }
    return true;
  }

  #forgetOldest(): void {
    const closed = this.all().filter((r) => r.state === 'closed');
    for (const record of closed.slice(CLOSED_KEPT)) this.#held.delete(record.id);
  }
}

/** The `rev` of a notification about a record; undefined for all others. */
function revOf(n: Notification): number | undefined {
  if (n.type === 'work') return undefined;
  const rev = (n.data as { rev?: unknown }).rev;
  return typeof rev === 'number' ? rev : undefined;
}

/** The record after `n`; undefined when `n` changes none that is known. Types that are not known change nothing. */
function changed(record: WireRecord | undefined, n: Notification): WireRecord | undefined {
  if (n.type === 'record.opened' || n.type === 'record.joined' || n.type === 'record.added' || n.type === 'record.newest') return { ...n.data.record, rev: n.data.rev };
  if (!record) return undefined;
  if (n.type.startsWith('call.')) {
    return { ...record, rev: (n.data as { rev: number }).rev, call: (n.data as { call: Call }).call };
  }
  switch (n.type) {
    case 'record.erased': return n.data.record ? { ...n.data.record, rev: n.data.rev } : erased(record, n.data.rev);
    case 'record.changed': return withFields(record, n.data);
    case 'record.settled': {
      const { rev, ...settled } = n.data;
      return { ...record, rev, wave: Math.max(record.wave ?? 0, settled.wave), settled };
    }
    case 'field.contended': return contended(record, n.data, n.time);
    case 'record.closed': return { ...record, rev: n.data.rev, state: 'closed', closed_at: n.time };
    case 'item.added':
    case 'item.changed': return withItem(record, n.data, (list, item) =>
      list.some((i) => i.id === item.id) ? list.map((i) => (i.id === item.id ? item : i)) : [...list, item]);
    case 'item.removed': return withItem(record, n.data, (list, item) => list.filter((i) => i.id !== item.id));
    default: return record;
  }
}

/** What may be held of a record of which it is only known that it was erased. */
function erased(record: WireRecord, rev: number): WireRecord {
  const { id, line, origin, state, opened_at, closed_at, erased_at, complete } = record;
  return { id, line, origin, state, opened_at, ...(closed_at && { closed_at }), ...(erased_at && { erased_at }), complete, durable: true, rev, fields: {}, items: {} };
}

function withFields(record: WireRecord, data: NotificationOf<'record.changed'>['data']): WireRecord {
  const fields = { ...record.fields, ...data.fields };
  for (const [name, field] of Object.entries(data.fields)) if (field === null) delete fields[name];
  const next: WireRecord = { ...record, rev: data.rev, fields: fields as WireRecord['fields'] };
  if (data.items) next.items = { ...record.items, ...data.items };
  setBlank(next, data);
  if (data.nothing) setNothing(next, data.nothing);
  // What settled last stays, as it does in a list: a change that concerns no app is followed by no `record.settled`.
  next.wave = Math.max(record.wave ?? 0, data.wave);
  if (next.wave > (record.wave ?? 0)) delete next.contended; // the next wave sets them free
  return next;
}

/** A field that is frozen in this wave. */
function contended(record: WireRecord, data: NotificationOf<'field.contended'>['data'], at: string): WireRecord {
  const wave = Math.max(record.wave ?? 0, data.wave);
  const before = wave === record.wave ? record.contended : undefined;
  return { ...record, rev: data.rev, wave, contended: { ...before, [data.field]: { sources: data.sources, at, wave: data.wave } } };
}

/** Fields of which nothing is shown: told only to those who look at claims. */
function setBlank(next: WireRecord, data: NotificationOf<'record.changed'>['data']): void {
  const blank = { ...next.blank };
  for (const name of Object.keys(data.fields)) delete blank[name];
  Object.assign(blank, data.blank);
  delete next.blank;
  if (Object.keys(blank).length > 0) next.blank = blank;
}

/** An app's word that it knows nothing takes the place of the one about the same fields; without `until` it is over. */
function setNothing(next: WireRecord, said: Nothing): void {
  const others = (next.nothing ?? []).filter((n) => n.source !== said.source || n.fields.join() !== said.fields.join());
  const nothing = said.until ? [...others, said] : others;
  delete next.nothing;
  if (nothing.length > 0) next.nothing = nothing;
}

function withItem(
  record: WireRecord, data: NotificationOf<'item.added'>['data'], edit: (list: readonly Item[], item: Item) => Item[],
): WireRecord {
  const list = edit(record.items[data.list] ?? [], data.item);
  return { ...record, rev: data.rev, items: { ...record.items, [data.list]: list } };
}

/** RFC 3339 times in UTC; their fractions differ in length, so they are compared as instants first. */
function compare(a: string, b: string): number {
  const byTime = Date.parse(a) - Date.parse(b);
  return byTime || (a < b ? -1 : a > b ? 1 : 0);
}
