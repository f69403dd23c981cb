// What the page shows: the board's copy, the state of the links, and what is in front. Components read it and subscribe.
import type { AppList, Board, BoardRecord, CallboardError, LinkState, LogView, Lookup, Notification, Status } from '@callboard/sdk';
import { CallLog } from './calllog.js';
import type { Drafts } from './drafts.js';
import { isGivenAway, isOurs, stateWord, titleOf } from './format.js';
import { Missed } from './missed.js';
import { NoteBoxes } from './notebox.js';
import type { Windows } from './windows.js';
import { isActive, isNewlyUp, onEnded, onList, onNewCall, onTaken, step, type Selection } from './selection.js';

export interface Stream {
  state: LinkState;
  /** Since when, in milliseconds of the browser's clock. */
  since: number;
  error?: CallboardError | undefined;
}

export interface DeskState {
  records: readonly BoardRecord[];
  selection: Selection;
  status: Status | undefined;
  stream: Stream;
  /** For screen readers: the newest quiet announcement, and the call that rings. */
  said: string;
  alarm: string;
  /** What the box for numbers is filled in with, by a link. It is looked up when the person says so, or at once. */
  typed?: { text: string; atOnce: boolean };
  /** The apps that hold a token; undefined while that is not known. */
  apps?: AppList | undefined;
  /** Which list is beside the record. */
  pane: 'calls' | 'log';
  /** A record that is in the store only. */
  stored?: BoardRecord | undefined;
  /** The record that was opened to be read, from the log. */
  reading?: string | undefined;
}

export class Desk {
  readonly notes: NoteBoxes;
  readonly log: CallLog;
  readonly missed: Missed;
  /** By record, whom the person asks before giving the call away, as it was typed. */
  readonly asked = new Map<string, string>();
  state: DeskState;
  /** A lookup or a stored record that was just opened and is not in the copy yet. */
  #extra: BoardRecord | undefined;
  #rung = new Set<string>();
  /** Calls that came up while another had the page. */
  #waiting = new Set<string>();
  #listeners = new Set<() => void>();
  #due: ReturnType<typeof setTimeout> | undefined;
  #appsDue: ReturnType<typeof setTimeout> | undefined;
  #off: (() => void)[] = [];
  #unsavedShown = false;
  #missedDue: ReturnType<typeof setTimeout> | undefined;
  /** Which list of the log is on the screen. */
  #looked: LogView | undefined;
  readonly #onHide = () => {
    if (document.visibilityState === 'hidden') this.notes.flush(true);
    this.#see();
  };
  readonly #onStored = () => this.#readMissed(); // another window has looked
  /** The browser asks whether to leave what it could not keep. */
  readonly #onLeave = (event: BeforeUnloadEvent) => this.notes.isLoose && event.preventDefault();

  constructor(readonly board: Board, private readonly isWriting: () => boolean, drafts: Drafts, windows: Windows) {
    this.notes = new NoteBoxes(board, drafts, windows);
    this.log = new CallLog(board);
    this.missed = new Missed(board, localStorage, () => this.#set({}));
    const records = board.records();
    for (const record of records) if (isNewlyUp(record)) this.#rung.add(record.id);
    this.state = {
      records, status: undefined, said: '', alarm: alarmOf(records), pane: 'calls', stream: { state: board.state, since: Date.now() },
      selection: onList({ id: undefined, open: false }, records),
    };
    this.#off = [
      board.on('*', (record, n) => this.#heard(record, n)),
      board.on('list', (all) => this.#listed(all)),
      board.on('status', (state, error) => this.#linked(state, error)),
    ];
    document.addEventListener('visibilitychange', this.#onHide);
    addEventListener('pagehide', this.#onHide);
    addEventListener('storage', this.#onStored);
    addEventListener('beforeunload', this.#onLeave);
    this.#off.push(this.notes.subscribe(() => this.#tellUnsaved()));
    void this.#readStatus();
    this.#readMissed();
    this.readApps();
  }

  subscribe(fn: () => void): () => void {
    this.#listeners.add(fn);
    return () => void this.#listeners.delete(fn);
  }

  close(): void {
    this.notes.stop();
    this.log.close();
    for (const off of this.#off) off();
    clearTimeout(this.#due);
    clearTimeout(this.#appsDue);
    clearTimeout(this.#missedDue);
    document.removeEventListener('visibilitychange', this.#onHide);
    removeEventListener('pagehide', this.#onHide);
    removeEventListener('storage', this.#onStored);
    removeEventListener('beforeunload', this.#onLeave);
    void this.board.close();
  }

  /** The record hides the list; the width is that of style.css. */
  isNarrow(): boolean {
    return matchMedia('(max-width: 760px)').matches;
  }

  /** Shows a record: from the board, or as it is stored. `byKey`: the keyboard goes along; `reading`: what is over is not written on. */
  async open(id: string, byKey: boolean, reading = false): Promise<void> {
    const onBoard = this.#records().some((r) => r.id === id);
    const stored = onBoard ? undefined : await this.board.getRecord(id, { include: 'claims' });
    this.#set({ selection: { id, open: true }, reading: reading ? id : undefined, ...(stored && { stored }) });
    if (byKey) requestAnimationFrame(() => document.getElementById('record-title')?.focus({ preventScroll: true }));
  }

  /** What was opened from the log stays in the list, so that a call which takes its place does not take the way back, too. */
  get kept(): BoardRecord | undefined {
    const { stored, records } = this.state;
    return records.some((r) => r.id === stored?.id) ? undefined : stored;
  }

  putAway(): void {
    const { selection, stored, records } = this.state;
    const next = selection.id === stored?.id ? onList({ id: undefined, open: false }, records) : selection;
    this.#set({ stored: undefined, selection: { ...next, open: selection.open && next.id !== undefined } });
  }

  showPane(pane: 'calls' | 'log'): void {
    this.#set({ pane });
  }

  /** Which list of the log is on the screen; undefined: none. */
  look(view: LogView | undefined): void {
    this.#looked = view;
    this.#see();
  }

  /** A hidden page is looked at by nobody. */
  #see(): void {
    const seen = document.visibilityState === 'visible' ? this.#looked : undefined;
    this.log.watch(seen !== undefined);
    this.missed.look(seen === 'missed' || seen === 'all');
  }

  step(by: 1 | -1): void {
    this.#set({ selection: step(this.state.selection, this.state.records, by, this.kept) });
  }

  /** On a narrow screen: back to the list. */
  back(): void {
    this.#set({ selection: { ...this.state.selection, open: false } });
  }

  async lookup(sought: Lookup): Promise<BoardRecord> {
    return this.#show(await this.board.lookup(sought));
  }

  /** Puts a closed record back on the board: the apps work on it anew. */
  async reopen(id: string): Promise<BoardRecord> {
    return this.#show(await this.board.reopen(id));
  }

  fillIn(text: string, atOnce: boolean): void {
    this.#set({ typed: { text, atOnce }, selection: { ...this.state.selection, open: false } });
  }

  #show(record: BoardRecord): BoardRecord {
    this.#extra = record;
    if (this.state.stored?.id === record.id) this.state = { ...this.state, stored: undefined }; // it was reopened
    this.#set({ records: this.#records(), selection: { id: record.id, open: true } });
    return record;
  }

  /** Lets the person's own phone ring, and shows the record that becomes the call. */
  async dial(number: string): Promise<void> {
    const id = await this.board.dial(number);
    if (!this.board.records().some((r) => r.id === id)) this.#extra = await this.board.getRecord(id);
    this.#rung.add(id);
    this.#set({ records: this.#records(), selection: { id, open: true } });
  }

  /** Gives a call to a number, at once or after a word there. */
  async give(id: string, how: 'transfer' | 'consult', to: string): Promise<void> {
    const before = this.asked.get(id);
    if (how === 'consult') this.asked.set(id, to);
    try {
      await this.board.command(id, { command: how, to });
    } catch (error) {
      if (before === undefined) this.asked.delete(id);
      else this.asked.set(id, before);
      throw error;
    }
  }

  #heard(record: BoardRecord | undefined, n: Notification): void {
    if (n.type.startsWith('app.')) this.readApps();
    if (MOVES_LOG.has(n.type)) this.log.changed();
    if (n.type === 'call.ended' || n.type === 'record.erased') this.#readMissed();
    if (n.type === 'pbx.connected' || n.type === 'pbx.lost') {
      this.#relink(n.data);
      void this.#readStatus(); // what can be done from here may be another now
    }
    if (!record) return;
    this.log.heard(record);
    if (n.type === 'record.erased') {
      if (this.state.stored?.id === record.id) this.#set({ stored: undefined, records: this.#records() });
      this.asked.delete(record.id);
      this.notes.erased(record.id, record.notes, Object.keys(record.fields).length === 0);
    }
    const before = this.state.selection;
    const selection = this.#select(record, n);
    if (selection !== before) this.#set({ selection, records: this.#records() });
    if (n.type === 'call.ended') this.notes.flush();
    if (record.id === this.state.selection.id) this.notes.of(record.id).outside(record.notes);
    this.#later(announcement(record, n));
  }

  /** What is in front after a notification. */
  #select(record: BoardRecord, n: Notification): Selection {
    const { selection } = this.state;
    if (isNewlyUp(record) && !this.#rung.has(record.id)) return this.#cameUp(record.id, selection, this.board.records());
    if (n.type === 'call.answered' && this.#waiting.delete(record.id)) return onTaken(selection, record.id, this.isWriting());
    if (n.type !== 'call.ended') return selection;
    this.#waiting.delete(record.id);
    return onEnded(selection, record, this.board.records(), this.isWriting());
  }

  #cameUp(id: string, selection: Selection, records: readonly BoardRecord[]): Selection {
    this.#rung.add(id);
    const next = onNewCall(selection, id, records, this.isWriting());
    if (next.id !== id) this.#waiting.add(id);
    return next;
  }

  /** Many notifications make one rendering. */
  #later(said: string | undefined): void {
    if (said) this.state = { ...this.state, said };
    this.#due ??= setTimeout(() => {
      this.#due = undefined;
      const records = this.#records();
      this.#set({ records, alarm: alarmOf(records) });
    }, 0);
  }

  #listed(all: readonly BoardRecord[]): void {
    for (const record of all) {
      if (!isNewlyUp(record) || this.#rung.has(record.id)) continue;
      this.state = { ...this.state, selection: this.#cameUp(record.id, this.state.selection, all) };
    }
    const records = this.#records();
    const { selection, stored } = this.state;
    const kept = stored !== undefined && stored.id === selection.id ? selection : onList(selection, records);
    this.#set({ records, alarm: alarmOf(records), selection: kept });
  }

  #linked(state: LinkState, error: CallboardError | undefined): void {
    const { stream } = this.state;
    const since = stream.state === 'online' || state === 'online' ? Date.now() : stream.since; // one outage, one beginning
    this.#set({ stream: { state, since, error } });
    if (state !== 'online') return;
    this.notes.flush();
    this.log.changed();
    this.#readMissed();
    void this.#readStatus();
    this.readApps();
  }

  /** Many calls that end at once make one request. */
  #readMissed(): void {
    this.#missedDue ??= setTimeout(() => {
      this.#missedDue = undefined;
      void this.missed.read();
    }, 200);
  }

  /** The list of what is not saved is shown when there is something in it, and drawn once for many key presses. */
  #tellUnsaved(): void {
    if (this.notes.unsaved().some((n) => n.problem) || this.#unsavedShown) this.#later(undefined);
    this.#unsavedShown = this.notes.unsaved().some((n) => n.problem);
  }

  async #readStatus(): Promise<void> {
    try {
      this.#set({ status: await this.board.status() });
    } catch {
      // The stream's own state tells what is wrong; the next time it is online this is asked again.
    }
  }

  /** Many reasons to read them make one request. */
  readApps(): void {
    this.#appsDue ??= setTimeout(() => {
      this.#appsDue = undefined;
      this.board.apps().then((apps) => this.#set({ apps }), () => undefined); // not known: nothing is said of it
    }, 50);
  }

  #relink({ line, pbx }: { line: string; pbx: Status['lines'][number]['pbx'] }): void {
    const { status } = this.state;
    if (status?.lines.some((l) => l.name === line)) {
      this.#set({ status: { ...status, lines: status.lines.map((l) => (l.name === line ? { ...l, pbx } : l)) } });
    } else {
      void this.#readStatus();
    }
  }

  #records(): readonly BoardRecord[] {
    const records = this.board.records();
    if (!this.#extra) return records;
    if (records.some((r) => r.id === this.#extra?.id)) this.#extra = undefined;
    return this.#extra ? [this.#extra, ...records] : records;
  }

  #set(part: Partial<DeskState>): void {
    this.state = { ...this.state, ...part };
    for (const fn of [...this.#listeners]) fn();
  }
}

/** After these the log has an entry more, or one that came out otherwise. */
const MOVES_LOG = new Set<string>(['call.created', 'call.ended', 'record.opened', 'record.joined', 'record.added', 'record.erased']);

/** Said again only when it changes, so a later name is heard and a ticking clock is not. */
function alarmOf(records: readonly BoardRecord[]): string {
  const ringing = records.find((r) => isActive(r) && r.call?.state === 'ringing' && !isOurs(r.call) && !isGivenAway(r.call));
  return ringing ? `Incoming call: ${spoken(ringing)}` : '';
}

function announcement(record: BoardRecord, n: Notification): string | undefined {
  if (n.type === 'record.settled' && n.data.rounds > 0) return `${spoken(record)}: settled.`;
  if (['call.answered', 'call.held', 'call.resumed', 'call.ended'].includes(n.type) && record.call) {
    return `${spoken(record)}: ${stateWord(record.call.state)}.`;
  }
  return undefined;
}

function spoken(record: BoardRecord): string {
  const { name, company } = titleOf(record);
  return company ? `${name}, ${company}` : name;
}
