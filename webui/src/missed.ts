// How many calls were missed since the person has last looked.
import type { LogEntry } from '@callboard/sdk';
import type { LogPort } from './calllog.js';

/** The newest are read; of more it is only said that there are. */
const READ = 100;
const KEY = 'callboard.log.looked';

/** When a call was over; by the server's clock, so that the browser's does not matter. */
const overAt = (entry: LogEntry): number => Date.parse(entry.ended_at ?? entry.started_at);

export class Missed {
  count = 0;
  #newest = 0;
  #looking = false;
  #asked = 0;

  constructor(private readonly port: LogPort, private readonly storage: Pick<Storage, 'getItem' | 'setItem'>, private readonly tell: () => void) {}

  /** As it is shown. */
  get words(): string {
    return this.count >= READ ? `${READ - 1}+` : String(this.count);
  }

  async read(): Promise<void> {
    const turn = ++this.#asked;
    let entries: LogEntry[];
    try {
      entries = (await this.port.log({ view: 'missed', limit: READ })).entries;
    } catch {
      return; // the next call asks again
    }
    if (turn !== this.#asked) return;
    this.#newest = Math.max(this.#newest, ...entries.map(overAt));
    const looked = this.#looked();
    if (looked === undefined || this.#looking) return this.#see(); // who has never looked need not be told of years
    this.#set(entries.filter((e) => overAt(e) > looked).length);
  }

  /** Whether the person looks at the list of them. */
  look(on: boolean): void {
    this.#looking = on;
    if (on) this.#see();
  }

  #see(): void {
    if (this.#newest > (this.#looked() ?? -1)) this.storage.setItem(KEY, String(this.#newest));
    this.#set(0);
  }

  #looked(): number | undefined {
    const kept = this.storage.getItem(KEY);
    return kept !== null && Number.isFinite(Number(kept)) ? Number(kept) : undefined;
  }

  #set(count: number): void {
    if (count === this.count) return;
    this.count = count;
    this.tell();
  }
}
