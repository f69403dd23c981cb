// The call log as one looks through it: pages that stay right while calls come in. What stands first is read anew and put before what is
// held; further pages follow the last entry's own place.
import type { BoardRecord, CallLog as Page, LogEntry, LogQuery, LogView, Result } from '@callboard/sdk';

/** What the person has asked for, as it is typed. */
export interface Asked {
  view: LogView;
  q: string;
  line: string;
  result: Result | '';
  person: string;
  company: string;
  number: string;
  tag: string;
  /** Days, such as 2026-11-28, in the browser's time zone; both are within. */
  from: string;
  to: string;
}

export const NOTHING_ASKED: Asked = { view: 'all', q: '', line: '', result: '', person: '', company: '', number: '', tag: '', from: '', to: '' };

/** How many filters are set, besides the list and the search box. */
export const filtersOf = ({ view: _, q: __, ...filters }: Asked): number => Object.values(filters).filter((v) => v !== '').length;

const PAGE = 50;
const LARGEST = 200;
/** Pages read at most to find what is held already; beyond them the list begins anew. */
const CATCH_UP = 5;
/** Milliseconds without a key press after which what is typed is looked for. */
const PAUSE = 250;

export function queryOf(asked: Asked): LogQuery {
  const { from, to, result, ...words } = asked;
  return {
    ...Object.fromEntries(Object.entries(words).map(([name, text]) => [name, text.trim()]).filter(([, text]) => text !== '')),
    ...(result && { result }),
    ...(dayOf(from, 0) && { from: dayOf(from, 0) }),
    ...(dayOf(to, 1) && { to: dayOf(to, 1) }),
  };
}

/** The beginning of a day in the browser's time zone, or of one after it. */
function dayOf(text: string, after: number): Date | undefined {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  return day ? new Date(Number(year), Number(month) - 1, Number(day) + after) : undefined;
}

const sameCall = (a: LogEntry, b: LogEntry): boolean => a.record === b.record && a.started_at === b.started_at;

/** What is held behind a fresh beginning of the same list; undefined: the two do not meet. */
export function joined(head: readonly LogEntry[], held: readonly LogEntry[]): LogEntry[] | undefined {
  for (let i = head.length - 1; i >= 0; i--) {
    const at = held.findIndex((e) => sameCall(e, head[i]!));
    if (at < 0) continue;
    const fresh = new Set(head.map((e) => e.record)); // a lookup that became a call stands where the call began
    return [...head, ...held.slice(at + 1).filter((e) => !fresh.has(e.record))];
  }
  return undefined;
}

/** An entry with what its record says by now. */
export function patched(entry: LogEntry, record: BoardRecord): LogEntry {
  const { party, call, fields, notes } = record;
  return {
    ...entry, name: party.name, company: party.company, email: party.email, website: party.website, ip: party.ip, number: party.number, number_raw: party.number_raw, tags: fields['party.tags']?.value,
    notes: notes.length, complete: record.complete, unseen: call?.unseen, erased_at: record.erased_at,
    ...(call && { direction: call.direction, result: call.result, answered_at: call.answered_at, ended_at: call.ended_at }),
  };
}

export interface LogPort {
  log(query: LogQuery): Promise<Page>;
}

export class CallLog {
  asked: Asked = NOTHING_ASKED;
  entries: readonly LogEntry[] = [];
  /** There is more behind the last entry. */
  hasMore = false;
  /** `first`: nothing is there to be shown yet. */
  busy: 'first' | 'more' | 'again' | undefined;
  problem: unknown;
  #next: string | undefined;
  /** Read for the first time, with what is asked now. */
  #isRead = false;
  #stale = false;
  /** Someone looks at it: only then it is kept up to date. */
  #watched = false;
  #reading = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #listeners = new Set<() => void>();

  constructor(private readonly port: LogPort) {}

  subscribe(fn: () => void): () => void {
    this.#listeners.add(fn);
    return () => void this.#listeners.delete(fn);
  }

  ask(change: Partial<Asked>): void {
    this.asked = { ...this.asked, ...change };
    this.#reading.abort();
    this.#isRead = false;
    clearTimeout(this.#timer);
    if (change.view !== undefined || change.result !== undefined || change.line !== undefined) void this.#readFirst();
    else this.#timer = setTimeout(() => void this.#readFirst(), PAUSE);
    this.#tell();
  }

  watch(on: boolean): void {
    this.#watched = on;
    if (on && !this.#isRead) void this.#readFirst();
    else if (on && this.#stale) void this.#readAgain();
  }

  /** The next page. */
  more(): Promise<void> {
    if (!this.#isRead || this.busy || this.#next === undefined) return Promise.resolve();
    return this.#read('more', async (read) => {
      const page = await read({ cursor: this.#next, limit: PAGE });
      const held = new Set(this.entries.map((e) => e.record));
      this.#take([...this.entries, ...page.entries.filter((e) => !held.has(e.record))], page.next);
    });
  }

  /** After a problem. */
  retry(): void {
    void (this.#isRead ? (this.#stale ? this.#readAgain() : this.more()) : this.#readFirst());
  }

  /** Calls came or changed. Many at once are one reading. */
  changed(): void {
    this.#stale = true;
    if (!this.#watched || !this.#isRead || this.busy) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#readAgain(), PAUSE);
  }

  /** What the board says of a record, wherever it stands in the list. */
  heard(record: BoardRecord): void {
    const at = this.entries.findIndex((e) => e.record === record.id);
    if (at < 0) return;
    this.entries = this.entries.with(at, patched(this.entries[at]!, record));
    this.#tell();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#reading.abort();
    this.#watched = false;
  }

  #readFirst(): Promise<void> {
    return this.#read('first', async (read) => {
      const page = await read({ limit: PAGE });
      this.#isRead = true;
      this.#take(page.entries, page.next);
    });
  }

  #readAgain(): Promise<void> {
    return this.#read('again', async (read) => {
      const head: LogEntry[] = [];
      let next: string | undefined;
      for (let pages = 0; pages < CATCH_UP; pages++) {
        const page = await read({ cursor: next, limit: pages === 0 ? PAGE : LARGEST });
        head.push(...page.entries);
        next = page.next;
        if (next === undefined) break;
        const all = joined(head, this.entries);
        if (all) return this.#take(all, this.#next);
      }
      this.#take(head, next);
    });
  }

  async #read(busy: 'first' | 'more' | 'again', act: (read: (more: LogQuery) => Promise<Page>) => Promise<void>): Promise<void> {
    this.#reading.abort();
    this.#reading = new AbortController();
    const { signal } = this.#reading;
    this.busy = busy;
    this.problem = undefined;
    if (busy !== 'more') this.#stale = false;
    this.#tell();
    try {
      await act(async (more) => {
        const page = await this.port.log({ ...queryOf(this.asked), ...more, signal });
        if (signal.aborted) throw new Error('something else was asked for');
        return page;
      });
    } catch (error) {
      if (signal.aborted) return;
      this.problem = error;
      if (busy !== 'more') this.#stale = true;
    }
    this.busy = undefined;
    this.#tell();
    if (this.#stale && this.problem === undefined) this.changed();
  }

  #take(entries: readonly LogEntry[], next: string | undefined): void {
    this.entries = entries;
    this.#next = next;
    this.hasMore = next !== undefined;
  }

  #tell(): void {
    for (const fn of [...this.#listeners]) fn();
  }
}
