import { CallboardError, type LogEntry, type LogQuery } from '@callboard/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CallLog, filtersOf, joined, NOTHING_ASKED, patched, queryOf } from '../src/calllog.js';
import { Missed } from '../src/missed.js';
import { at, call, record } from './records.js';

const entry = (n: number, more: Partial<LogEntry> = {}): LogEntry => ({ record: `r${n}`, line: 'l', started_at: at(n), notes: 0, complete: true, ...more });

/** A log as the server keeps it: newest first, and pages by the place of the last entry. */
class Store {
  entries: LogEntry[] = [];
  asked: LogQuery[] = [];
  broken: CallboardError | undefined;

  constructor(count: number) {
    for (let n = 1; n <= count; n++) this.come(n);
  }

  come(n: number, more: Partial<LogEntry> = {}): void {
    const made = entry(n, more);
    const at = this.entries.findIndex((e) => Date.parse(e.started_at) < Date.parse(made.started_at)); // mostly the first
    this.entries.splice(at < 0 ? this.entries.length : at, 0, made);
  }

  log = async (query: LogQuery) => {
    this.asked.push(query);
    if (this.broken) throw this.broken;
    const behind = query.cursor === undefined ? Infinity : Number(query.cursor);
    const fits = this.entries.filter((e) => Date.parse(e.started_at) < behind && (!query.view || query.view === 'all' || e.view === query.view));
    const entries = fits.slice(0, query.limit);
    return { entries, ...(fits.length > entries.length && { next: String(Date.parse(entries.at(-1)!.started_at)) }) };
  };
}

const ids = (log: CallLog) => log.entries.map((e) => e.record);
const numbers = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => `r${from - i}`);
const wait = (ms = 1000) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function opened(store: Store): Promise<CallLog> {
  const log = new CallLog(store);
  log.watch(true);
  await wait();
  return log;
}

describe('the log', () => {
  it('pages to its end, each call once, while calls come in', async () => {
    const store = new Store(120);
    const log = await opened(store);
    expect(ids(log)).toEqual(numbers(120, 71));
    store.come(121);
    log.changed();
    await log.more();
    await wait();
    store.come(122);
    log.changed();
    await wait();
    await log.more();
    expect([ids(log), log.hasMore]).toEqual([numbers(122, 1), false]);
    await log.more();
    expect(ids(log)).toHaveLength(122);
  });

  it('takes in more new calls than a page has', async () => {
    const store = new Store(60);
    const log = await opened(store);
    for (let n = 61; n <= 400; n++) store.come(n);
    log.changed();
    await wait();
    expect([ids(log), log.hasMore]).toEqual([numbers(400, 1), false]);
    for (let n = 401; n <= 500; n++) store.come(n);
    log.changed();
    await wait();
    expect(ids(log)).toEqual(numbers(500, 1));
  });

  it('begins anew when too much has come', async () => {
    const store = new Store(10);
    const log = await opened(store);
    for (let n = 11; n <= 3000; n++) store.come(n);
    log.changed();
    await wait();
    expect(ids(log)).toEqual(numbers(3000, 3000 - 849));
    await log.more();
    expect(ids(log)).toEqual(numbers(3000, 3000 - 899));
  });

  it('shows a lookup that became a call once, where the call began', async () => {
    const store = new Store(5);
    const log = await opened(store);
    store.entries = store.entries.filter((e) => e.record !== 'r2');
    store.entries.unshift(entry(2, { started_at: at(9), view: 'received' }));
    log.changed();
    await wait();
    expect(ids(log)).toEqual(['r2', 'r5', 'r4', 'r3', 'r1']);
  });

  it('asks nothing while nobody looks, and once for many changes', async () => {
    const store = new Store(5);
    const log = new CallLog(store);
    for (let i = 0; i < 9; i++) log.changed();
    await wait();
    expect(store.asked).toHaveLength(0);
    log.watch(true);
    await wait();
    for (let i = 0; i < 9; i++) log.changed();
    await wait();
    expect(store.asked).toHaveLength(2);
    log.watch(false);
    store.come(6);
    log.changed();
    await wait();
    expect(store.asked).toHaveLength(2);
    log.watch(true);
    await wait();
    expect(ids(log)).toEqual(numbers(6, 1));
  });

  it('looks once for what is typed, and shows the answer to what was asked last', async () => {
    const store = new Store(3);
    store.come(4, { view: 'missed' });
    const log = await opened(store);
    for (const q of ['s', 'so', 'sor']) log.ask({ q });
    await wait();
    expect(store.asked.slice(1).map((a) => a.q)).toEqual(['sor']);
    log.ask({ q: '', view: 'received' });
    log.ask({ view: 'missed' });
    await wait();
    expect([ids(log), log.busy]).toEqual([['r4'], undefined]);
  });

  it('says what went wrong, keeps what it has, and tries again', async () => {
    const store = new Store(70);
    const log = await opened(store);
    store.broken = new CallboardError('unreachable', 0, 'No connection.');
    await log.more();
    expect([ids(log).length, log.problem, log.busy]).toEqual([50, store.broken, undefined]);
    store.broken = undefined;
    log.retry();
    await wait();
    expect([ids(log).length, log.problem]).toEqual([70, undefined]);
  });

  it('takes in what the board says of a record, also that it was erased (SEC-45)', async () => {
    const log = await opened(new Store(3));
    log.heard(record('r2', { 'party.name': 'Ann', 'party.number': '+4512345678' }, { call: call('ended', { result: 'answered' }) }));
    expect(log.entries[1]).toMatchObject({ name: 'Ann', number: '+4512345678', result: 'answered' });
    log.heard(record('r2'));
    expect(log.entries[1]).toMatchObject({ record: 'r2', name: undefined, number: undefined, company: undefined, tags: undefined });
    log.heard(record('other', { 'party.name': 'Bo' }));
    expect(log.entries).toHaveLength(3);
  });
});

describe('what is asked', () => {
  it('is trimmed, and days are those of the person', () => {
    expect(queryOf({ ...NOTHING_ASKED, q: ' sør ', person: '  ' })).toEqual({ view: 'all', q: 'sør' });
    const { from, to } = queryOf({ ...NOTHING_ASKED, from: '2026-11-28', to: '2026-11-28' });
    expect([from?.getHours(), to && from && to.getTime() - from.getTime()]).toEqual([0, 24 * 3600_000]);
    expect(queryOf({ ...NOTHING_ASKED, from: '2026-1' }).from).toBeUndefined();
  });

  it('counts its filters', () => {
    expect(filtersOf({ ...NOTHING_ASKED, q: 'x', view: 'missed', company: 'Acme', result: 'busy' })).toBe(2);
  });
});

it('two lists that do not meet are not joined', () => {
  expect(joined([entry(9), entry(8)], [entry(6)])).toBeUndefined();
  expect(joined([entry(9), entry(8)], [entry(8), entry(6)])?.map((e) => e.record)).toEqual(['r9', 'r8', 'r6']);
  expect(patched(entry(1, { name: 'Old' }), record('r1')).name).toBeUndefined();
  const lost = record('r1', {}, { complete: false, call: call('ended', { complete: false, unseen: true }) });
  expect(patched(entry(1), lost)).toMatchObject({ complete: false, unseen: true });
});

describe('missed calls', () => {
  const kept = new Map<string, string>();
  const storage = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) };
  const miss = (store: Store, n: number) => store.come(n, { view: 'missed', ended_at: at(n + 5) });
  beforeEach(() => kept.clear());

  it('are counted from when one has last looked, not from the beginning', async () => {
    const store = new Store(0);
    miss(store, 1);
    const missed = new Missed(store, storage, () => undefined);
    await missed.read();
    expect(missed.count).toBe(0);
    miss(store, 10);
    miss(store, 20);
    await missed.read();
    expect(missed.count).toBe(2);
    missed.look(true);
    expect(missed.count).toBe(0);
    missed.look(false);
    await missed.read();
    expect(missed.count).toBe(0);
    miss(store, 30);
    expect(await new Missed(store, storage, () => undefined).read()).toBeUndefined();
    await missed.read();
    expect([missed.count, missed.words]).toEqual([1, '1']);
  });

  it('that one sees come are not counted, and of very many it is said that there are', async () => {
    const store = new Store(0);
    const missed = new Missed(store, storage, () => undefined);
    await missed.read();
    for (let n = 1; n <= 150; n++) miss(store, n);
    await missed.read();
    expect(missed.words).toBe('99+');
    missed.look(true);
    miss(store, 200);
    await missed.read();
    expect(missed.count).toBe(0);
  });

  it('count a call that began before one looked and was over after', async () => {
    const store = new Store(0);
    const missed = new Missed(store, storage, () => undefined);
    miss(store, 50);
    await missed.read();
    store.come(40, { view: 'missed', ended_at: at(90) });
    await missed.read();
    expect(missed.count).toBe(1);
  });
});
