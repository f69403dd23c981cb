// A toy board for working on the page: enough of the contract to look right, none of the product's rules.
import { randomUUID } from 'node:crypto';

const QUALITY = ['guess', 'derived', 'matched', 'verified', 'confirmed'];
const shortId = () => randomUUID().slice(0, 8);

export class DevBoard {
  epoch = shortId();
  seq = 0;
  records = new Map();
  log = [];
  watchers = new Set();
  /** Makes every write fail, to see what the page does. */
  refusing = false;
  lines = [{
    name: 'alice', extensions: ['1001', '1002'],
    pbx: { state: 'connected', since: new Date().toISOString(), peer: 'Asterisk 22.10.1' },
  }];

  apps = ['address-book', 'crm', 'accounts'].map((id) => ({
    id, name: id, connected: true, max_quality: 'verified', after_call: false, claim: ['*'], read: ['*'], needs: ['party.number'], gives: ['party.name', 'party.company'],
  }));
  cycles = [];

  release(id, field) {
    this.apps = this.apps.map((a) => (a.id === id ? { ...a, quarantined: a.quarantined?.filter((q) => q.field !== field) } : a));
    this.notify('app.released', undefined, { app: id, field });
  }

  get cursor() {
    return `${this.epoch}:${this.seq}`;
  }

  notify(type, subject, data) {
    this.seq++;
    const n = { specversion: '1.0', id: this.cursor, source: 'alice', type, time: new Date().toISOString(), data };
    if (subject) n.subject = subject;
    this.log.push(n);
    for (const watcher of this.watchers) watcher(n);
  }

  open(origin, fields = {}, call, at = new Date()) {
    const record = {
      id: 'r-' + shortId(), rev: 1, line: 'alice', origin, state: 'open', opened_at: at.toISOString(), complete: true, durable: true,
      wave: 1, claims: {}, verdicts: {}, items: {}, ...(call ? { call } : {}),
    };
    for (const [name, [source, value, quality = 'verified']] of Object.entries(fields)) put(record, name, source, value, quality, 0, at);
    this.records.set(record.id, record);
    this.notify('record.opened', record.id, { rev: 1, record: wire(record) });
    return record;
  }

  call(record, type, change, what, at = new Date()) {
    Object.assign(record.call, change);
    if (what) record.call.timeline.push({ at: at.toISOString(), what });
    record.rev++;
    this.notify(type, record.id, { rev: record.rev, call: structuredClone(record.call) });
  }

  claim(record, source, claims, round, at = new Date()) {
    if (source === 'user') record.wave++;
    const before = wire(record).fields;
    for (const { field, value = '', quality = source === 'user' ? 'confirmed' : 'matched' } of claims) put(record, field, source, value, quality, round, at);
    const after = wire(record).fields;
    const names = claims.map((c) => c.field).filter((f) => JSON.stringify(before[f]) !== JSON.stringify(after[f]));
    if (names.length === 0) return 0;
    record.rev++;
    delete record.settled;
    this.notify('record.changed', record.id, {
      rev: record.rev, source, wave: record.wave, round, fields: Object.fromEntries(names.map((f) => [f, after[f] ?? null])),
    });
    return names.length;
  }

  /** What the person decides about the claims of a field. */
  decide(record, field, change) {
    const before = wire(record).fields[field];
    change((record.verdicts[field] ??= { hidden: [] }));
    record.rev++;
    record.wave++;
    const after = wire(record).fields[field] ?? null;
    if (JSON.stringify(before ?? null) !== JSON.stringify(after)) {
      this.notify('record.changed', record.id, { rev: record.rev, source: 'user', wave: record.wave, round: 0, fields: { [field]: after } });
    }
    return { record: record.id, rev: record.rev, changed: 1 };
  }

  settle(record, rounds, took_ms, unanswered = []) {
    record.rev++;
    record.settled = { wave: record.wave, rounds, took_ms, unanswered };
    this.notify('record.settled', record.id, { rev: record.rev, ...record.settled });
  }

  item(record, list, source, more, at = new Date()) {
    const items = (record.items[list] ??= []);
    const held = items.find((i) => i.id === more.id);
    const item = held ?? { id: 'i-' + shortId(), source, at: at.toISOString(), ...more };
    Object.assign(item, more, { changed_at: (held ? new Date() : at).toISOString() });
    if (!held) items.push(item);
    record.rev++;
    this.notify(held ? 'item.changed' : 'item.added', record.id, { rev: record.rev, list, item: { ...item } });
    return item;
  }

  removeItem(record, list, id) {
    const item = (record.items[list] ?? []).find((i) => i.id === id);
    if (!item) return;
    record.items[list] = record.items[list].filter((i) => i !== item);
    record.rev++;
    this.notify('item.removed', record.id, { rev: record.rev, list, item });
  }

  reopen(record) {
    const now = new Date().toISOString();
    Object.assign(record, { rev: record.rev + 1, origin: 'reopened', first_origin: record.origin, reopened_at: now, state: 'open' });
    delete record.closed_at;
    this.notify('record.opened', record.id, { rev: record.rev, record: wire(record) });
    return record;
  }

  /** The log by view and by whatever words are in an entry; its cursor counts from the end. */
  callLog({ view = 'all', q = '', limit = 50, cursor = 0 }) {
    const fits = [...this.records.values()].map(logEntry).filter((e) => (view === 'all' || e.view === view) && JSON.stringify(e).toLowerCase().includes(q.toLowerCase()))
      .sort((a, b) => Date.parse(b.started_at) - Date.parse(a.started_at));
    const from = cursor ? fits.findIndex((e) => e.record === cursor) + 1 : 0;
    const entries = fits.slice(from, from + Number(limit));
    return { entries, ...(from + entries.length < fits.length && { next: entries.at(-1).record }) };
  }

  link(state, problem, remedy) {
    const pbx = { ...this.lines[0].pbx, state, since: new Date().toISOString(), problem, remedy };
    this.lines = [{ ...this.lines[0], pbx }];
    this.notify(state === 'connected' ? 'pbx.connected' : 'pbx.lost', undefined, { line: 'alice', pbx });
  }
}

function put(record, name, source, value, quality, round, at) {
  const slots = (record.claims[name] ??= new Map());
  if (value === '') slots.delete(source);
  else slots.set(source, { source, value, quality, at: at.toISOString(), round });
}

/** A record as it goes over the wire; the person's word first, then the surest. */
export function wire({ claims, verdicts, ...record }, withClaims = false) {
  const fields = {};
  const blank = {};
  for (const [name, slots] of Object.entries(claims)) {
    const { pin, hidden = [] } = verdicts[name] ?? {};
    const isHidden = (c) => hidden.includes(c.source);
    const all = [...slots.values()].sort((a, b) => isHidden(a) - isHidden(b) || (b.source === pin) - (a.source === pin) || (b.source === 'user') - (a.source === 'user') || QUALITY.indexOf(b.quality) - QUALITY.indexOf(a.quality));
    if (all.length === 0) continue;
    const detail = withClaims ? { claims: all, hidden, ...(pin && { pin }) } : {};
    const seen = all.filter((c) => !isHidden(c));
    if (seen.length === 0) {
      blank[name] = detail;
      continue;
    }
    const others = new Set(seen.slice(1).map((c) => c.value).filter((v) => v !== all[0].value)).size;
    fields[name] = { ...all[0], others, ...detail };
  }
  return structuredClone({ ...record, fields, ...(withClaims && { blank }) });
}

function logEntry(record) {
  const { fields, call, items } = wire(record);
  const missed = call?.direction === 'inbound' && ['missed', 'busy', 'voicemail', 'cancelled'].includes(call.result);
  const view = !call ? 'lookups' : missed ? 'missed' : call.direction === 'outbound' ? 'dialed' : call.result ? 'received' : undefined;
  const value = (name) => fields['party.' + name]?.value;
  const spoken = call?.answered_at && call.ended_at ? Date.parse(call.ended_at) - Date.parse(call.answered_at) : 0;
  return {
    record: record.id, line: record.line, view, direction: call?.direction, result: call?.result, started_at: call?.started_at ?? record.opened_at, answered_at: call?.answered_at,
    ended_at: call?.ended_at, duration_ms: spoken, number: value('number'), name: value('name'), company: value('company'), email: value('email'), notes: items.notes?.length ?? 0,
  };
}
