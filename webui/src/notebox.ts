// The note boxes of the records, and the notes that are still on their way.
import { newKey, newNoteId, type Item } from '@callboard/sdk';
import type { Draft, Drafts } from './drafts.js';
import { Note, type NotePort } from './note.js';
import type { Windows } from './windows.js';

/** The box of one record: one note at a time is in it. */
export class NoteBox {
  /** The box has the keyboard: nothing from outside may change its text. */
  focused = false;

  constructor(readonly record: string, public note: Note, private readonly boxes: NoteBoxes) {}

  get id(): string {
    return this.note.id;
  }

  flush(): Promise<void> {
    return this.note.flush();
  }

  /** Starts the next note; what is in the box goes on by itself and is in the list. */
  next(): void {
    this.#put(this.boxes.make(this.record));
  }

  /** Takes a saved note of the person's own into the box to be written on. */
  edit(item: Item): void {
    this.#put(this.boxes.make(this.record, item));
  }

  /** Takes a note that is not saved yet back into the box. */
  take(note: Note): void {
    this.#put(note);
  }

  outside(items: readonly Item[]): void {
    if (!this.focused) this.note.outside(items);
  }

  #put(note: Note): void {
    const before = this.note;
    this.note = note; // what is in no box and not typed in is dropped
    void before.flush();
    this.boxes.tell();
  }
}

/** Milliseconds between looks for what other windows have left. */
const LOOK = 15_000;

/** The boxes of all records that were in front, one each, so that text survives going elsewhere and back; and what is not saved yet, whoever has typed it. */
export class NoteBoxes {
  readonly #boxes = new Map<string, NoteBox>();
  /** By key, all that may not be saved. */
  readonly #notes = new Map<string, Note>();
  readonly #asked = new Set<string>();
  readonly #listeners = new Set<() => void>();
  readonly #looking: ReturnType<typeof setInterval>;

  constructor(private readonly port: NotePort, private readonly drafts: Drafts, private readonly windows: Windows) {
    this.#asked.add(windows.me);
    void this.#claim(windows.me).then(() => this.#look()); // of a page before this one in the same window, which was signed in otherwise
    this.#looking = setInterval(() => void this.#look(), LOOK);
  }

  subscribe(fn: () => void): () => void {
    this.#listeners.add(fn);
    return () => void this.#listeners.delete(fn);
  }

  of(record: string): NoteBox {
    let box = this.#boxes.get(record);
    if (!box) this.#boxes.set(record, box = new NoteBox(record, this.make(record), this));
    return box;
  }

  /** A new note, or a saved one that is written on. */
  make(record: string, item?: Item): Note {
    const before = item && [...this.#notes.values()].find((n) => n.record === record && n.id === item.id);
    if (before) return before;
    const text = item?.text ?? '';
    return this.#hold({
      key: newKey(), owner: this.windows.me, record, note: item?.id ?? newNoteId(), text, ...(item && { base: { text, seen: item.changed_at } }),
    });
  }

  /** What is on its way for a record, besides what is in its box. */
  pending(record: string): Note[] {
    return this.unsaved().filter((n) => n.record === record && n !== this.#boxes.get(record)?.note);
  }

  /** What the server has not acknowledged. */
  unsaved(): Note[] {
    return [...this.#notes.values()].filter((n) => n.isUnsaved);
  }

  /** Something would be lost with the page. */
  get isLoose(): boolean {
    return this.unsaved().some((n) => n.isLoose);
  }

  /** The record was erased, or something on it: what was on it and is not any more is not kept here either (SEC-45). */
  erased(record: string, left: readonly Item[], whole: boolean): void {
    if (whole) void this.drafts.forget(record).catch(() => undefined);
    for (const note of [...this.#notes.values()]) {
      if (note.record !== record || !(whole || note.wasSaved) || left.some((i) => i.id === note.id)) continue;
      note.discard();
      this.#notes.delete(note.key);
      const box = this.#boxes.get(record);
      if (box?.note === note) box.note = this.make(record);
    }
    this.tell();
  }

  /** Saves all that is not saved; `leaving`: the page may not be there any more in a moment. */
  flush(leaving = false): void {
    for (const note of this.#notes.values()) void note.flush(leaving);
  }

  /** Saves once more what is not saved, and then tries no longer. */
  stop(): void {
    clearInterval(this.#looking);
    this.flush(true);
    for (const note of this.#notes.values()) note.stop();
  }

  tell(): void {
    const shown = new Set([...this.#boxes.values()].map((b) => b.note));
    for (const [key, note] of this.#notes) if (!note.isUnsaved && !shown.has(note)) this.#notes.delete(key);
    for (const fn of [...this.#listeners]) fn();
  }

  #hold(draft: Draft): Note {
    const note = new Note(draft, this.port, this.drafts, () => this.tell());
    this.#notes.set(draft.key, note);
    return note;
  }

  /** Finds windows that have something unsaved, and takes that over once they are gone. */
  async #look(): Promise<void> {
    for (const owner of await this.drafts.owners().catch((): string[] => [])) {
      if (this.#asked.has(owner)) continue;
      this.#asked.add(owner);
      this.windows.whenGone(owner, async () => {
        await this.#claim(owner);
        this.#asked.delete(owner);
      });
    }
  }

  async #claim(owner: string): Promise<void> {
    const taken = await this.drafts.claim(owner, this.windows.me).catch((): Draft[] => []);
    const erasures = taken.length > 0 ? await this.port.erasures().catch(() => []) : [];
    for (const draft of taken) {
      if (this.#notes.has(draft.key)) continue;
      if (erasures.some((e) => e.records.includes(draft.record) && !(draft.typed && e.asked_at && Date.parse(draft.typed) > Date.parse(e.asked_at)))) {
        void this.drafts.remove(draft.key).catch(() => undefined); // erased while no page was there to hear it (SEC-45)
        continue;
      }
      const note = this.#hold(draft);
      const box = this.#boxes.get(draft.record);
      if (!box) this.#boxes.set(draft.record, new NoteBox(draft.record, note, this));
      else if (box.note.isBlank && !box.focused) box.note = note;
    }
    this.tell();
  }
}
