// The note box of one record: saves while one types, never loses text, is never overwritten under the pen.
import { CallboardError, newNoteId, type Item } from '@callboard/sdk';

export type NoteState = 'empty' | 'saving' | 'saved' | 'failed';

/** What the box needs of the outside; the board, and the tab's session storage. */
export interface NotePort {
  putNote(recordId: string, noteId: string, text: string): Promise<unknown>;
  removeNote(recordId: string, noteId: string): Promise<unknown>;
}

export interface Drafts {
  getItem(key: string): string | null;
  setItem(key: string, text: string): void;
  removeItem(key: string): void;
}

interface Draft {
  id: string;
  text: string;
  saved: string;
}

const PREFIX = 'callboard.note.';
/** Milliseconds without a key press after which the text is saved. */
export const PAUSE = 400;
const RETRY_MIN = 1_000;
const RETRY_MAX = 30_000;

export class NoteBox {
  text = '';
  id: string;
  /** Set while the text is not saved and why. */
  problem: CallboardError | undefined;
  /** The box has the keyboard: nothing from outside may change its text. */
  focused = false;
  #saved = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | undefined;
  #failures = 0;
  #stopped = false;
  #listeners = new Set<() => void>();

  constructor(readonly record: string, private readonly port: NotePort, private readonly drafts: Drafts) {
    const draft = readDraft(drafts, record);
    this.id = draft?.id ?? newNoteId();
    if (!draft) return;
    this.text = draft.text;
    this.#saved = draft.saved;
    if (this.isDirty) this.#schedule(0);
  }

  get isDirty(): boolean {
    return this.text !== this.#saved && !(this.#saved === '' && this.text.trim() === '');
  }

  /** Whether a failed save is tried again by itself. */
  get willRetry(): boolean {
    return this.problem !== undefined && isPassing(this.problem);
  }

  get state(): NoteState {
    if (this.problem) return 'failed';
    if (this.isDirty || this.#writing) return 'saving';
    return this.#saved === '' ? 'empty' : 'saved';
  }

  subscribe(fn: () => void): () => void {
    this.#listeners.add(fn);
    return () => void this.#listeners.delete(fn);
  }

  /** The person typed. */
  type(text: string): void {
    this.text = text;
    this.problem = undefined;
    this.#failures = 0;
    this.#keepDraft();
    this.#schedule(PAUSE);
    this.#tell();
  }

  /** Saves now what is not saved: the person left the box, the tab went away, the call ended, the link came back. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    return this.#writing ?? (this.isDirty ? this.#write() : Promise.resolve());
  }

  /** Starts the next note; what is in the box is saved first and stays in the list. */
  async next(): Promise<void> {
    if (await this.#settle()) this.#reset();
  }

  /** Takes a saved note of the person's own into the box to be written on. */
  async edit(item: Item): Promise<void> {
    if (!(await this.#settle())) return;
    this.problem = undefined;
    this.id = item.id;
    this.text = this.#saved = item.text ?? '';
    this.#keepDraft();
    this.#tell();
  }

  /** Another tab of the same person wrote this note, or removed it. */
  outside(items: readonly Item[]): void {
    if (this.focused || this.isDirty || this.#writing || this.#saved === '') return;
    const item = items.find((i) => i.id === this.id);
    if (!item) return;
    const text = item.text ?? '';
    if (text === this.text) return;
    this.text = this.#saved = text;
    this.#keepDraft();
    this.#tell();
  }

  /** The record was erased, or something on it: what was on it and is not any more is not kept here either. */
  erased(left: readonly Item[], whole: boolean): void {
    if ((whole || this.#saved !== '') && !left.some((i) => i.id === this.id)) this.#reset();
  }

  /** Saves until all is saved, or cannot be. */
  async #settle(): Promise<boolean> {
    do await this.flush();
    while (this.isDirty && !this.problem);
    return !this.isDirty;
  }

  #reset(): void {
    clearTimeout(this.#timer);
    this.id = newNoteId();
    this.text = this.#saved = '';
    this.problem = undefined;
    this.#keepDraft();
    this.#tell();
  }

  /** No more tries; the text stays in the drafts for the next page. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.flush(), ms);
  }

  #write(): Promise<void> {
    this.#writing = this.#send().finally(() => {
      this.#writing = undefined;
      this.#keepDraft();
      if (this.isDirty && !this.problem) this.#schedule(0); // typed on meanwhile
      this.#tell();
    });
    this.#tell();
    return this.#writing;
  }

  async #send(): Promise<void> {
    const { id, text } = this;
    try {
      if (text.trim() === '') {
        await this.port.removeNote(this.record, id);
        if (this.text === text) this.id = newNoteId();
      } else {
        await this.port.putNote(this.record, id, text);
      }
      this.#saved = text.trim() === '' ? '' : text;
      this.problem = undefined;
      this.#failures = 0;
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.problem = error instanceof CallboardError ? error : new CallboardError('unreachable', 0, String(error));
    if (!isPassing(this.problem)) return; // a new try would be refused again
    this.#schedule(Math.min(RETRY_MAX, RETRY_MIN * 2 ** this.#failures++));
  }

  #keepDraft(): void {
    const key = PREFIX + this.record;
    if (!this.isDirty) this.drafts.removeItem(key);
    else this.drafts.setItem(key, JSON.stringify({ id: this.id, text: this.text, saved: this.#saved } satisfies Draft));
  }

  #tell(): void {
    for (const fn of [...this.#listeners]) fn();
  }
}

function isPassing({ code, status }: CallboardError): boolean {
  return code === 'unreachable' || status >= 500 || status === 429 || status === 401; // after a new sign-in the token is another
}

function readDraft(drafts: Drafts, record: string): Draft | undefined {
  try {
    const draft = JSON.parse(drafts.getItem(PREFIX + record) ?? 'null') as Partial<Draft> | null;
    if (typeof draft?.id === 'string' && typeof draft.text === 'string' && typeof draft.saved === 'string') return draft as Draft;
  } catch {
    // Not ours; a new note takes its place.
  }
  return undefined;
}

/** The note boxes of all records that were in front; one each, so that text survives going elsewhere and back. */
export class NoteBoxes {
  readonly #boxes = new Map<string, NoteBox>();

  constructor(private readonly port: NotePort, private readonly drafts: Drafts & { readonly length: number; key(i: number): string | null }) {
    // Text that an earlier page of this tab could not save is saved now, whichever record is in front.
    const keys = Array.from({ length: drafts.length }, (_, i) => drafts.key(i) ?? '');
    for (const key of keys) if (key.startsWith(PREFIX)) this.of(key.slice(PREFIX.length));
  }

  of(record: string): NoteBox {
    let box = this.#boxes.get(record);
    if (!box) this.#boxes.set(record, box = new NoteBox(record, this.port, this.drafts));
    return box;
  }

  /** Drops what is no longer on a record. */
  erased(record: string, left: readonly Item[], whole: boolean): void {
    this.#boxes.get(record)?.erased(left, whole);
  }

  /** Saves all that is not saved. */
  flush(): void {
    for (const box of this.#boxes.values()) void box.flush();
  }

  /** Saves once more what is not saved, and then tries no longer. */
  stop(): void {
    this.flush();
    for (const box of this.#boxes.values()) box.stop();
  }
}
