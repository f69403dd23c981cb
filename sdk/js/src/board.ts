import { Copy } from './copy.js';
import { claimsOf, Enrichers, type Claims, type Enricher, type EnrichHandler } from './enrich.js';
import { CallboardError, asCallboardError, isRefusal } from './error.js';
import { Http, type TokenSource } from './http.js';
import { recordOf, type BoardRecord } from './record.js';
import { RETRY, backOff, cursorAfter, openStream, pause, type Retry, type WatchFilter } from './stream.js';
import type {
  App, AppChange, AppList, CallLog, Command, Commanded, Erasure, Item, LogView, Lookup, NewErasure, Notification, NotificationOf, NotificationType, Placed, Progressed, RecordList, RecordState, Result, Status, WireRecord, WireWork, Written,
} from './wire.js';
import { Webhooks } from './webhooks.js';

export interface ConnectOptions {
  /** The address that Callboard printed, such as http://127.0.0.1:8747. */
  url: string | URL;
  /** The app's token, or a function that gets it; the function is asked again when a token is refused. */
  token: TokenSource;
  /** Your app's id. When given, connect() checks that the token speaks for it. */
  app?: string;
  /** Told of the link from the first moment on; the same as on('status') after connect(). */
  onStatus?: StatusHandler;
  /** Gives up and closes when aborted. */
  signal?: AbortSignal;
  retry?: Retry;
}

/** `unauthorized` and `closed` are final: connect() anew. */
export type LinkState = 'connecting' | 'online' | 'offline' | 'unauthorized' | 'closed';

export type StatusHandler = (state: LinkState, error?: CallboardError) => void;
export type Handler<T extends NotificationType = NotificationType> =
  (record: T extends RecordBound ? BoardRecord : undefined, notification: NotificationOf<T>) => unknown;
export type AnyHandler = (record: BoardRecord | undefined, notification: Notification) => unknown;
export type ListHandler = (records: BoardRecord[]) => unknown;
export type ErrorHandler = (error: CallboardError) => unknown;

/** Types of notification that are about one record. */
export type RecordBound = Extract<NotificationType, `call.${string}` | `record.${string}` | `item.${string}` | `field.${string}`>;

export interface CommandOptions {
  /**
   * The command's Idempotency-Key. Without it every call is an intention of its own; with it a command whose answer did not come
   * can be sent again and is not carried out twice.
   */
  key?: string;
  /** Whose phone is meant, on a line with several. */
  extension?: string;
}

/** What is looked for in the call log. All that is said must hold. */
export interface LogQuery {
  view?: LogView;
  line?: string;
  result?: Result;
  /** The other party's number in any usual format. */
  number?: string;
  /** Words and numbers, wherever they are; the last one may be the beginning of a word. */
  q?: string;
  person?: string;
  company?: string;
  tag?: string;
  /** Calls that began then or later. */
  from?: Date;
  /** Calls that began before then. */
  to?: Date;
  /** The `next` of the page before. */
  cursor?: string | undefined;
  /** At most 200; absent: 50. */
  limit?: number;
  signal?: AbortSignal;
}

export interface ClaimOptions {
  /**
   * The `rev` of the record that you have read. Needed for fields with one owner, such as `call.disposition`; where the record has
   * another by now, nothing is written and the error has the code `rev_mismatch`.
   */
  rev?: number;
}

export interface NoteOptions {
  /** The note's `changed_at` as you have read it. Where it was changed or removed since, nothing is written: `rev_mismatch`. */
  seen?: string | undefined;
  /** The write's Idempotency-Key: sent again with it, it is done once. */
  key?: string;
}

export interface WatchOptions extends WatchFilter {
  /** Go on after this place; absent: from now. */
  cursor?: string;
  include?: 'claims';
  /**
   * Where this stream has fallen behind: the newest state of each record (`record.newest`) in place of all its changes. The id of what
   * is told so is no cursor; the `bookmark` after it has one.
   */
  coalesce?: 'record';
  signal?: AbortSignal;
}

/** Longest that an answer to a work is tried; by then the server has long given it up. */
const ANSWER_TRIES = 4;
/** A connection that held for so many ms was a good one: the next delay is short again. */
const GOOD_CONNECTION = 5_000;

/**
 * A connection to the board. Keeps a copy of its records by listing once and applying every notification since.
 * Handlers are called one after the other, in the order of the changes; what they return is not waited for.
 */
export class Board {
  /** The apps that are reached at a URL. For the person's token only. */
  readonly webhooks: Webhooks;
  readonly #http: Http;
  readonly #retry: Required<Retry>;
  readonly #copy = new Copy();
  readonly #enrichers = new Enrichers();
  readonly #handlers = new Map<string, Set<(...args: never[]) => unknown>>();
  readonly #closing = new AbortController();
  #state: LinkState = 'connecting';
  #cursor: string | undefined;
  #connection = new AbortController();
  #registered = '';
  #working = new Set<string>();
  #running: Promise<void> | undefined;

  /** @internal Use connect(). */
  constructor(options: ConnectOptions) {
    this.#http = new Http(options.url, options.token);
    this.webhooks = new Webhooks(this.#http);
    this.#retry = { ...RETRY, ...options.retry };
    if (options.onStatus) this.on('status', options.onStatus);
    options.signal?.addEventListener('abort', () => void this.close(), { signal: this.#closing.signal });
    if (options.signal?.aborted) void this.close();
  }

  /** The state of the link to Callboard. (Those of the lines to the PBX are in status().) */
  get state(): LinkState {
    return this.#state;
  }

  /** The place up to which the copy is current. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** @internal Lists for the first time, then follows in the background. */
  async start(app: string | undefined): Promise<void> {
    this.#setState('connecting', undefined, true);
    for (let attempt = 0; ; attempt++) {
      try {
        if (app !== undefined) await this.#checkApp(app);
        await this.#list();
        break;
      } catch (error) {
        const problem = asCallboardError(error);
        if (this.#closing.signal.aborted) throw closedError();
        if (isRefusal(problem)) this.#setState('unauthorized', problem);
        if (isRefusal(problem) || !isPassing(problem)) {
          await this.close();
          throw problem;
        }
        this.#setState('offline', problem);
        await pause(backOff(attempt, this.#retry), this.#closing.signal);
      }
    }
    this.#running = this.#follow();
  }

  async #checkApp(app: string): Promise<void> {
    const { source } = await this.status();
    if (source === app) return;
    throw new CallboardError('wrong_app', 0, `The token speaks for \`${source}\`, not for \`${app}\`.`,
      'Use the token that was shown when the app was let in.');
  }

  // ---- hearing

  /**
   * Calls `fn` for every notification of a type, with the record as it is after it. Returns what takes it off again.
   * `'*'`: every notification. `'status'`: the link. `'list'`: all was read anew, after a stretch that could not be followed.
   * `'error'`: an error in a handler or in the background; without such a handler they go to console.error.
   */
  on(type: 'status', fn: StatusHandler): () => void;
  on(type: 'list', fn: ListHandler): () => void;
  on(type: 'error', fn: ErrorHandler): () => void;
  on(type: '*', fn: AnyHandler): () => void;
  on<T extends Exclude<NotificationType, 'work'>>(type: T, fn: Handler<T>): () => void;
  on(type: string, fn: (...args: never[]) => unknown): () => void {
    const all = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, all.add(fn));
    return () => void all.delete(fn);
  }

  /**
   * Registers what your app knows about. Several calls make one registration. `fn` is called for each work that concerns it,
   * more than once per record when what you need improves.
   */
  enrich(enricher: Enricher, fn: EnrichHandler): () => void {
    const remove = this.#enrichers.add(enricher, fn);
    this.#reregister();
    return () => {
      remove();
      this.#reregister();
    };
  }

  /**
   * A stream of its own with every notification, or those that you ask for, in order, at your own pace. A record that comes to be
   * one of those you follow is told whole as `record.added`, one that no longer is as `record.removed`. Reconnects by itself; throws when its place is
   * gone (`cursor_gone`) or it is refused.
   */
  async *watch(options: WatchOptions = {}): AsyncGenerator<Notification, void, void> {
    const stop = new AbortController();
    const end = () => stop.abort();
    for (const signal of [options.signal, this.#closing.signal]) {
      if (signal?.aborted) end();
      signal?.addEventListener('abort', end, { signal: stop.signal });
    }
    let cursor = options.cursor;
    try {
      for (let attempt = 0; !stop.signal.aborted; attempt++) {
        try {
          for await (const n of openStream(this.#http, { ...options, cursor, signal: stop.signal, quiet: this.#retry.quiet })) {
            if (n.type === 'reset') throw new CallboardError('cursor_gone', 410, `The stream was ended: ${n.data.reason}`, 'List again.');
            const next = cursorAfter(n);
            if (next !== undefined && isSeen(next, cursor) && n.type !== 'bookmark') continue;
            cursor = next ?? cursor;
            attempt = 0;
            yield n;
          }
        } catch (error) {
          const problem = asCallboardError(error);
          if (!stop.signal.aborted && !isPassing(problem)) throw problem;
        }
        await pause(backOff(attempt, this.#retry), stop.signal);
      }
    } finally {
      stop.abort();
    }
  }

  // ---- reading

  /** The records on the board, newest first, from the copy. */
  records(filter: { state?: RecordState } = {}): BoardRecord[] {
    const all = this.#copy.all();
    return filter.state ? all.filter((r) => r.state === filter.state) : all;
  }

  /** One record as it is now, from the board or from the store; with `include: 'claims'` all claims of every field. */
  async getRecord(id: string, options: { include?: 'claims' } = {}): Promise<BoardRecord> {
    const query = options.include ? `?include=${options.include}` : '';
    return recordOf(await this.#http.json<WireRecord>('GET', `/v1/records/${encodeURIComponent(id)}${query}`, undefined, this.#closing.signal));
  }

  /**
   * A page of the call log, newest first. With its `next` as the `cursor` of the same query comes the next page: each call once, while others come
   * in before it. An app is shown what it may read only, and cannot look by the rest.
   */
  log({ signal, ...query }: LogQuery = {}): Promise<CallLog> {
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== '') asked.set(name, value instanceof Date ? value.toISOString() : String(value));
    }
    return this.#http.json('GET', `/v1/log?${asked}`, undefined, signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal);
  }

  /** The lines and their links to the PBX, the store, and who you are. */
  status(): Promise<Status> {
    return this.#http.json('GET', '/v1/status', undefined, this.#closing.signal);
  }

  // ---- letting apps in: for the person

  /** The apps that hold a token: what each may, whether it works just now, what it is barred from; and the rings among them. */
  apps(): Promise<AppList> {
    return this.#http.json('GET', '/v1/apps', undefined, this.#closing.signal);
  }

  /** Changes what an app may; what is absent stays. It keeps its token. */
  changeApp(app: string, change: AppChange): Promise<App> {
    return this.#http.json('PATCH', `/v1/apps/${encodeURIComponent(app)}`, change);
  }

  /** Lets an app write a field again that it was barred from because it ran in circles there. */
  releaseApp(app: string, field: string): Promise<void> {
    return this.#http.json('DELETE', `/v1/apps/${encodeURIComponent(app)}/quarantine/${encodeURIComponent(field)}`);
  }

  // ---- writing

  /**
   * Says what you know, outside any work. All claims are taken or none. To pick one of several people (`party.candidates`) the
   * person claims `party.candidate` with `${item.source}/${item.id}`.
   */
  claim(recordId: string, claims: Claims, options: ClaimOptions = {}): Promise<Written> {
    return this.#http.write('POST', `/v1/records/${encodeURIComponent(recordId)}/claims`, { body: { claims: claimsOf(claims) }, ...(options.rev !== undefined && { match: String(options.rev) }), key: newKey() });
  }

  // ---- deciding: for the person

  /** Lets what one source says be shown, whatever the others say, until the person pins another, types their own or takes it back. */
  pin(recordId: string, field: string, source: string): Promise<Written> {
    return this.#http.json('PUT', fieldPath(recordId, field, 'pin'), { source });
  }

  unpin(recordId: string, field: string): Promise<Written> {
    return this.#http.json('DELETE', fieldPath(recordId, field, 'pin'));
  }

  /** Hides what one source says of a field: it is kept, and neither shown nor counted. */
  hide(recordId: string, field: string, source: string): Promise<Written> {
    return this.#http.json('PUT', fieldPath(recordId, field, 'hidden', source));
  }

  unhide(recordId: string, field: string, source: string): Promise<Written> {
    return this.#http.json('DELETE', fieldPath(recordId, field, 'hidden', source));
  }

  // ---- noting

  addNote(recordId: string, text: string): Promise<Item> {
    return this.#http.write('POST', `/v1/records/${encodeURIComponent(recordId)}/notes`, { body: { text }, key: newKey() });
  }

  /** Writes a note under an id of your own making (see newNoteId); safe to repeat, and outlives a page that is being closed. */
  putNote(recordId: string, noteId: string, text: string, options: NoteOptions = {}): Promise<Item> {
    return this.#http.once('PUT', notePath(recordId, noteId), { body: { text }, keepalive: true, ...asked(options) });
  }

  removeNote(recordId: string, noteId: string, options: NoteOptions = {}): Promise<void> {
    return this.#http.once('DELETE', notePath(recordId, noteId), { keepalive: true, ...asked(options) });
  }

  /**
   * Opens a record without a call, for a number or for whatever is known of somebody: `{ email }`, `{ vcard }`…; the next call with its
   * number joins it.
   */
  async lookup(sought: string | Lookup): Promise<BoardRecord> {
    const body = typeof sought === 'string' ? { number: sought } : sought;
    return recordOf(await this.#http.write<WireRecord>('POST', '/v1/records', { body, key: newKey() }));
  }

  /** Puts a closed record back on the board: every app works on it anew. For the person, and for apps that may `reopen`. */
  async reopen(recordId: string): Promise<BoardRecord> {
    return recordOf(await this.#http.write<WireRecord>('POST', `/v1/records/${encodeURIComponent(recordId)}/reopen`, { key: newKey() }));
  }

  /** Closes a record before its time. For the person. */
  async closeRecord(recordId: string): Promise<BoardRecord> {
    return recordOf(await this.#http.write<WireRecord>('POST', `/v1/records/${encodeURIComponent(recordId)}/close`, { key: newKey() }));
  }

  /** Erases a person from the board, the log and the database; with `dry_run` it only tells what would go. For the person. It cannot be undone. */
  erase(who: NewErasure): Promise<Erasure> {
    return this.#http.once('POST', '/v1/erasures', { body: who, patience: 30_000 });
  }

  /** The proofs of what was erased, the newest 100 first. For the person. */
  async erasures(): Promise<Erasure[]> {
    return (await this.#http.json<{ erasures: Erasure[] }>('GET', '/v1/erasures', undefined, this.#closing.signal)).erasures;
  }

  // ---- calling: for the person, and for apps that were let (`callboard app add --may dial,control`)

  /** Rings the user's phone and, once that is answered, calls a number. Gives the id of the record that becomes the call. */
  async dial(number: string, options: CommandOptions = {}): Promise<string> {
    const body = { number, ...(options.extension && { extension: options.extension }) };
    return (await this.#http.command<Placed>('/v1/calls', body, options.key ?? newKey())).record;
  }

  /**
   * Does something with a record's call; `record.call.actions` lists what is possible just now. Resolves when the PBX has taken it:
   * what becomes of the call comes with the stream. The methods below say it shorter.
   */
  async command(recordId: string, command: Command, options: CommandOptions = {}): Promise<void> {
    const body = { ...command, ...(options.extension && { extension: options.extension }) };
    await this.#http.command<Commanded>(`/v1/records/${encodeURIComponent(recordId)}/commands`, body, options.key ?? newKey());
  }

  /** Makes the ringing phone answer. */
  answer(recordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'answer' }, options);
  }

  /** Ends the call; one that rings here is rejected. */
  hangup(recordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'hangup' }, options);
  }

  hold(recordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'hold' }, options);
  }

  resume(recordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'resume' }, options);
  }

  /** Sends the other party to a number. */
  transfer(recordId: string, to: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'transfer', to }, options);
  }

  /** Lets the other party wait while a number is called; then complete() or cancel(). */
  consult(recordId: string, to: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'consult', to }, options);
  }

  complete(recordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'complete' }, options);
  }

  cancel(recordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'cancel' }, options);
  }

  /** Gives the other parties of two calls to each other. */
  join(recordId: string, otherRecordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'join', record: otherRecordId }, options);
  }

  park(recordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'park' }, options);
  }

  /** Sends digits to the other end: 0-9 * # A-D. */
  sendDtmf(recordId: string, digits: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'digits', digits }, options);
  }

  /** Keeps back what the phone sends. */
  mute(recordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'mute' }, options);
  }

  unmute(recordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'unmute' }, options);
  }

  /** Records the call at the PBX. */
  startRecording(recordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'record' }, options);
  }

  pauseRecording(recordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'pause_recording' }, options);
  }

  resumeRecording(recordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'resume_recording' }, options);
  }

  stopRecording(recordId: string, options?: CommandOptions): Promise<void> {
    return this.command(recordId, { command: 'stop_recording' }, options);
  }

  /** Ends the stream and what runs in the background; resolves when it has ended. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#connection.abort();
    if (this.#state !== 'unauthorized') this.#setState('closed');
    await this.#running;
  }

  // ---- following

  async #follow(): Promise<void> {
    await pause(0, this.#closing.signal); // so that handlers and enrichers made right after connect() are in the first stream
    for (let attempt = 0; !this.#closing.signal.aborted;) {
      const began = Date.now();
      this.#connection = new AbortController();
      const reopened = this.#connection.signal;
      try {
        if (this.#cursor === undefined) await this.#list(true);
        await this.#stream(this.#connection);
        if (reopened.aborted) continue;
        this.#setState('offline');
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        if (reopened.aborted) continue;
        if (this.#failed(asCallboardError(error))) return;
      }
      if (Date.now() - began > GOOD_CONNECTION) attempt = 0;
      await pause(backOff(attempt++, this.#retry), this.#closing.signal);
    }
  }

  async #stream(connection: AbortController): Promise<void> {
    const registration = this.#enrichers.registration();
    this.#registered = JSON.stringify(registration);
    const stream = openStream(this.#http, { cursor: this.#cursor, ...registration, signal: connection.signal, quiet: this.#retry.quiet });
    for await (const n of stream) {
      if (connection.signal.aborted) return;
      this.#setState('online');
      if (n.type === 'reset') {
        this.#cursor = undefined;
        this.#emit(n.type, undefined, n);
        throw new CallboardError('cursor_gone', 410, `The stream was ended: ${n.data.reason}`);
      }
      if (n.type === 'work') void this.#work(n.data);
      else await this.#take(n);
    }
  }

  /** Handles what broke the stream; true when there is no use in trying again. */
  #failed(problem: CallboardError): boolean {
    if (isRefusal(problem)) {
      this.#setState('unauthorized', problem);
      void this.close();
      return true;
    }
    if (problem.status === 410 || problem.code === 'bad_stream') {
      this.#cursor = undefined;
      this.#setState('connecting', problem);
      return false;
    }
    if (!isPassing(problem)) this.#report(problem); // such as needs that the server does not take
    this.#setState('offline', problem);
    return false;
  }

  async #take(n: Notification): Promise<void> {
    const next = cursorAfter(n);
    const again = n.subject === undefined && n.type !== 'bookmark' && next !== undefined && isSeen(next, this.#cursor);
    if (!again) {
      if (this.#copy.lacks(n)) await this.#fetch(n);
      if (this.#copy.apply(n)) this.#emit(n.type, n.subject === undefined ? undefined : this.#copy.get(n.subject), n);
    }
    this.#cursor = next ?? this.#cursor;
  }

  /** Gets a record that is not on the board as we know it, such as a stored one that somebody writes a note to. */
  async #fetch(n: Notification): Promise<void> {
    try {
      const path = `/v1/records/${encodeURIComponent(n.subject ?? '')}`;
      const wire = await this.#http.json<WireRecord>('GET', path, undefined, this.#connection.signal);
      this.#copy.add(wire, (n.data as { rev: number }).rev);
    } catch (error) {
      if (!(error instanceof CallboardError && error.status === 404)) throw error; // erased meanwhile
    }
  }

  async #list(announce = false): Promise<void> {
    const signal = announce ? this.#connection.signal : this.#closing.signal;
    const list = await this.#http.json<RecordList>('GET', '/v1/records', undefined, signal);
    if (!Array.isArray(list?.records) || typeof list.cursor !== 'string') {
      throw new CallboardError('unexpected_answer', 0, `${this.#http.base}/v1/records gave no list of records.`, 'Check the address.');
    }
    this.#copy.replace(list.records);
    this.#cursor = list.cursor;
    if (announce) this.#call('list', this.#copy.all());
  }

  #reregister(): void {
    queueMicrotask(() => {
      if (this.#registered !== '' && this.#registered !== JSON.stringify(this.#enrichers.registration())) this.#connection.abort();
    });
  }

  async #work(work: WireWork): Promise<void> {
    if (this.#working.has(work.work)) return; // handed out again after a break while we are still at it
    this.#working.add(work.work);
    try {
      const answer = await this.#enrichers.answer(work, (error) => this.#report(error), () => this.#progress(work.work));
      for (let attempt = 0; !this.#closing.signal.aborted; attempt++) {
        try {
          await this.#http.ask('POST', `/v1/works/${encodeURIComponent(work.work)}/answer`, { body: answer, signal: this.#closing.signal, key: `answer-${work.work}` });
          return;
        } catch (error) {
          const problem = asCallboardError(error);
          if (this.#closing.signal.aborted) return;
          if (!isPassing(problem) || attempt + 1 >= ANSWER_TRIES) return this.#report(problem);
          await pause(backOff(attempt, this.#retry), this.#closing.signal);
        }
      }
    } finally {
      this.#working.delete(work.work);
    }
  }

  async #progress(work: string): Promise<number> {
    const left = await this.#http.json<Progressed>('POST', `/v1/works/${encodeURIComponent(work)}/progress`, {}, this.#closing.signal);
    return left.deadline_ms;
  }

  // ---- telling

  #setState(state: LinkState, error?: CallboardError, always = false): void {
    if ((state === this.#state && !always) || this.#state === 'closed') return;
    this.#state = state;
    this.#call('status', state, error);
  }

  #emit(type: string, record: BoardRecord | undefined, n: Notification): void {
    const bound = /^(call|record|item|field)\./.test(type);
    if (!bound || record) this.#call(type, record, n);
    this.#call('*', record, n);
  }

  #call(type: string, ...args: unknown[]): void {
    for (const fn of [...(this.#handlers.get(type) ?? [])]) {
      try {
        const result = (fn as (...a: unknown[]) => unknown)(...args);
        if (result instanceof Promise) result.catch((error: unknown) => this.#report(asCallboardError(error)));
      } catch (error) {
        this.#report(asCallboardError(error));
      }
    }
  }

  #report(error: CallboardError): void {
    const handlers = this.#handlers.get('error');
    if (!handlers?.size) console.error('callboard:', error);
    for (const fn of [...(handlers ?? [])]) {
      try {
        (fn as ErrorHandler)(error);
      } catch (second) {
        console.error('callboard: an error handler failed:', second);
      }
    }
  }
}

/** Connects: lists the board, then follows it. Waits while Callboard cannot be reached; throws when it refuses. */
export async function connect(options: ConnectOptions): Promise<Board> {
  const board = new Board(options);
  await board.start(options.app);
  return board;
}

const asked = ({ seen, key }: NoteOptions) => ({ ...(seen !== undefined && { match: seen }), ...(key !== undefined && { key }) });

/** An id for putNote. */
export function newNoteId(): string {
  return 'n-' + random();
}

/** An Idempotency-Key, for a write that may have to be sent again. */
export function newKey(): string {
  return 'k-' + random();
}

function random(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, '0')).join('');
}

/** Trouble that passes: no answer came, or the server says that it is not its day. */
function isPassing(problem: CallboardError): boolean {
  return problem.code === 'unreachable' || problem.status >= 500 || problem.status === 429 || problem.status === 408;
}

/** Whether the place `next` is not beyond `held` in the same epoch. */
function isSeen(next: string, held: string | undefined): boolean {
  const [a, b] = [split(next), split(held ?? '')];
  return a.epoch === b.epoch && a.seq <= b.seq;
}

function split(cursor: string): { epoch: string; seq: number } {
  const colon = cursor.lastIndexOf(':');
  return { epoch: cursor.slice(0, colon), seq: Number(cursor.slice(colon + 1)) };
}

function notePath(recordId: string, noteId: string): string {
  return `/v1/records/${encodeURIComponent(recordId)}/notes/${encodeURIComponent(noteId)}`;
}

function fieldPath(recordId: string, field: string, ...rest: string[]): string {
  return `/v1/records/${encodeURIComponent(recordId)}/fields/${[field, ...rest].map(encodeURIComponent).join('/')}`;
}

function closedError(): CallboardError {
  return new CallboardError('closed', 0, 'The connection was closed before it was made.');
}
