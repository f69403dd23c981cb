// A note that is being written: kept here as it is typed, then saved. It is never lost and never overwrites what another window wrote.
import { CallboardError, newKey, newNoteId, type BoardRecord, type Erasure, type Item } from '@callboard/sdk';
import type { Draft, Drafts } from './drafts.js';

/** `kept`: the server does not take it, and it outlives this page; `failed`: it does not, or the server never will take it. */
export type NoteState = 'empty' | 'saving' | 'kept' | 'saved' | 'failed';

interface NoteOptions {
  seen?: string | undefined;
  key?: string;
}

/** What a note needs of the board. */
export interface NotePort {
  putNote(record: string, note: string, text: string, options: NoteOptions): Promise<Item>;
  removeNote(record: string, note: string, options: NoteOptions): Promise<void>;
  getRecord(record: string): Promise<Pick<BoardRecord, 'notes'>>;
  /** The proofs of what was erased. */
  erasures(): Promise<Pick<Erasure, 'records' | 'asked_at'>[]>;
}

/** Milliseconds without a key press after which the text is saved. */
export const PAUSE = 400;
const RETRY_MIN = 1_000;
const RETRY_MAX = 30_000;

/** Set where the note was removed elsewhere while it was written on here. */
const GONE = 'note_gone';

export class Note {
  text: string;
  /** Set while the text is not saved, and why. */
  problem: CallboardError | undefined;
  #draft: Draft;
  /** What the browser keeps of the text; undefined: nothing that is newer than what is saved. */
  #kept: string | undefined;
  #keeping: Promise<void> | undefined;
  #unkept = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | undefined;
  #failures = 0;
  #stopped = false;

  constructor(draft: Draft, private readonly port: NotePort, private readonly drafts: Drafts, private readonly tell: () => void) {
    this.#draft = draft;
    this.text = this.#kept = draft.text;
    if (this.isUnsaved) this.#schedule(0);
  }

  get id(): string {
    return this.#draft.note;
  }

  get key(): string {
    return this.#draft.key;
  }

  get record(): string {
    return this.#draft.record;
  }

  get #saved(): string {
    return this.#draft.base?.text ?? '';
  }

  get #isDirty(): boolean {
    return this.text !== this.#saved && !(this.#saved === '' && this.text.trim() === '');
  }

  /** There is something that the server has not acknowledged. */
  get isUnsaved(): boolean {
    return this.#isDirty || this.#draft.flight !== undefined;
  }

  get isBlank(): boolean {
    return this.text.trim() === '' && this.#saved === '' && !this.isUnsaved;
  }

  /** Whether it would be lost with the page. */
  get isLoose(): boolean {
    return this.isUnsaved && !(this.drafts.lasting && this.#kept === this.text);
  }

  /** Whether a failed save is tried again by itself. */
  get willRetry(): boolean {
    return this.problem !== undefined && isPassing(this.problem);
  }

  get state(): NoteState {
    if (this.problem) return this.willRetry && !this.isLoose ? 'kept' : 'failed';
    if (this.isUnsaved || this.#writing) return 'saving';
    return this.#saved === '' ? 'empty' : 'saved';
  }

  /** The person typed. */
  type(text: string): void {
    if (this.problem?.code === GONE) this.#fork(); // what is written on is a note of its own
    this.text = text;
    this.#draft.typed = new Date().toISOString();
    if (!this.willRetry) this.problem = undefined;
    this.#failures = 0;
    void this.#keep();
    this.#schedule(PAUSE);
    this.tell();
  }

  /** Saves now what is not saved; `leaving`: the page may not be there any more in a moment. */
  flush(leaving = false): Promise<void> {
    clearTimeout(this.#timer);
    return this.#writing ?? (this.isUnsaved && this.problem?.code !== GONE ? this.#write(leaving) : Promise.resolve());
  }

  /** Another window of the same person wrote this note: shown where one is not at it. */
  outside(items: readonly Item[]): void {
    const { base } = this.#draft;
    const item = items.find((i) => i.id === this.id);
    if (!base || !item || this.isUnsaved || this.#writing || item.changed_at === base.seen) return;
    this.text = item.text ?? '';
    this.#draft.base = { text: this.text, seen: item.changed_at };
    this.tell();
  }

  /** Drops the text, here and on its way; what is saved stays as it is. */
  discard(): void {
    this.stop();
    this.text = this.#saved;
    delete this.#draft.flight;
    this.problem = undefined;
    void this.#keep();
    this.tell();
  }

  /** Whether it was on the server. */
  get wasSaved(): boolean {
    return this.#draft.base !== undefined;
  }

  /** No more tries; the text stays in the drafts for the next page. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(() => void this.flush(), ms);
  }

  #write(leaving: boolean): Promise<void> {
    this.#draft.flight ??= { text: this.text, key: newKey() };
    const kept = this.#keep();
    this.#writing = this.#send(leaving ? undefined : kept).finally(() => {
      this.#writing = undefined;
      void this.#keep();
      if (this.isUnsaved && !this.problem) this.#schedule(0); // typed on meanwhile
      this.tell();
    });
    this.tell();
    return this.#writing;
  }

  /** What goes out is kept before, so that after a crash it goes out under the same key. */
  async #send(kept: Promise<void> | undefined): Promise<void> {
    if (kept) await kept;
    const { flight, record, note, base } = this.#draft;
    if (!flight) return;
    const options = { seen: base?.seen, key: flight.key };
    try {
      if (flight.text.trim() !== '') this.#acknowledge(flight.text, await this.port.putNote(record, note, flight.text, options));
      else if (base) this.#removed(await this.port.removeNote(record, note, options));
      else this.#removed();
    } catch (error) {
      await this.#failed(error instanceof CallboardError ? error : new CallboardError('unreachable', 0, String(error)));
    }
  }

  #acknowledge(text: string, item: Pick<Item, 'changed_at'>): void {
    this.#draft.base = { text, seen: item.changed_at };
    this.#landed();
  }

  #removed(_?: void): void {
    delete this.#draft.base;
    this.#draft.note = newNoteId();
    this.#landed();
  }

  #landed(): void {
    delete this.#draft.flight;
    this.problem = undefined;
    this.#failures = 0;
  }

  async #failed(problem: CallboardError): Promise<void> {
    if (problem.code === 'rev_mismatch') return this.#moved();
    if (problem.code === 'not_found' && this.#draft.flight?.text.trim() === '') return this.#removed(); // there is nothing to remove
    if (problem.code === 'erased') return this.discard(); // nobody may keep it (SEC-45)
    this.problem = problem;
    if (isPassing(problem)) return this.#schedule(Math.min(RETRY_MAX, RETRY_MIN * 2 ** this.#failures++));
    delete this.#draft.flight; // a new try would be refused again
  }

  /** The note is another than the one that was written on. */
  async #moved(): Promise<void> {
    const { flight, record, note } = this.#draft;
    if (!flight) return;
    let item: Item | undefined;
    try {
      item = (await this.port.getRecord(record)).notes.find((i) => i.id === note);
    } catch (error) {
      return this.#failed(error instanceof CallboardError ? error : new CallboardError('unreachable', 0, String(error)));
    }
    if (item && alike(item.text ?? '', flight.text)) return this.#acknowledge(flight.text, item); // it was ours, long ago
    if (item && flight.text.trim() === '') { // emptied here, written on there: that stays
      this.text = flight.text === this.text ? '' : this.text;
      return this.#removed();
    }
    if (item) return this.#fork(); // both stay
    delete this.#draft.flight;
    this.problem = new CallboardError(GONE, 412, 'this note was removed elsewhere while you wrote on it', 'write on, and it is kept as a note of its own; or empty it');
  }

  /** From here on it is a note of its own. */
  #fork(): void {
    delete this.#draft.base;
    this.#draft.note = newNoteId();
    this.#landed();
  }

  /** Resolves once the browser has what is typed now, or cannot take it. */
  #keep(): Promise<void> {
    this.#unkept = true;
    this.#keeping ??= this.#keepAll().finally(() => {
      this.#keeping = undefined;
      this.tell();
    });
    return this.#keeping;
  }

  async #keepAll(): Promise<void> {
    while (this.#unkept) { // typed on while the disk was busy
      this.#unkept = false;
      const { text } = this;
      this.#draft.text = text;
      try {
        await (this.isUnsaved ? this.drafts.put(structuredClone(this.#draft)) : this.drafts.remove(this.key));
        this.#kept = text;
      } catch {
        this.#kept = undefined;
      }
    }
  }
}

/** As the server compares: it takes out what cannot be seen. */
function alike(a: string, b: string): boolean {
  const bare = (text: string) => text.normalize('NFC').replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return bare(a) === bare(b);
}

function isPassing({ code, status }: CallboardError): boolean {
  return code === 'unreachable' || status >= 500 || status === 429 || status === 401; // after a new sign-in the token is another
}
