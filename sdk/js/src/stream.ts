import { onAbort } from './abort.js';
import { CallboardError, unexpected } from './error.js';
import { EVENT_STREAM, unreachable, type Http } from './http.js';
import { FrameReader } from './sse.js';
import type { CallState, Notification, RecordState } from './wire.js';

/** Which records are followed, and what is told of them. Within a word any one suffices; an absent one asks nothing. */
export interface WatchFilter {
  lines?: readonly string[];
  /** States of the record. */
  states?: readonly RecordState[];
  /** States of its call. */
  callStates?: readonly CallState[];
  /** Types of notification; `call.*` stands for all that begin so. */
  types?: readonly string[];
  /** Fields and lists of which changes are told; `party.*` stands for all that begin so. */
  fields?: readonly string[];
}

export interface StreamOptions extends WatchFilter {
  cursor?: string | undefined;
  include?: 'claims' | undefined;
  coalesce?: 'record' | undefined;
  needs?: readonly string[];
  gives?: readonly string[];
  on?: readonly string[];
  deadlineMs?: number | undefined;
  signal: AbortSignal;
  /** Milliseconds without a byte after which the connection counts as dead. */
  quiet: number;
}

/**
 * One connection to GET /v1/watch. Yields its notifications as they come and returns when the other side ends it.
 * Throws a CallboardError when it cannot be opened, breaks, or carries what is no notification.
 */
export async function* openStream(http: Http, options: StreamOptions): AsyncGenerator<Notification, void, void> {
  const abort = new AbortController();
  const leave = onAbort(options.signal, () => abort.abort(options.signal.reason));
  let quietTimer: ReturnType<typeof setTimeout> | undefined;
  const heard = () => {
    clearTimeout(quietTimer);
    quietTimer = setTimeout(() => abort.abort(new Error(`nothing was heard for ${options.quiet} ms.`)), options.quiet);
  };
  try {
    const response = await http.ask('GET', '/v1/watch' + queryOf(options), { accept: EVENT_STREAM, signal: abort.signal });
    const kind = response.headers.get('content-type') ?? '';
    if (!kind.startsWith(EVENT_STREAM) || !response.body) throw unexpected(response.url, `sent ${kind || 'nothing'} where a stream was due`);
    const reader = response.body.getReader();
    const frames = new FrameReader();
    try {
      for (;;) {
        heard();
        const { done, value } = await readChunk(reader, http.base, abort.signal);
        if (done) return;
        for (const frame of framesOf(frames, value, http.base)) yield parse(frame.data, http.base);
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  } finally {
    clearTimeout(quietTimer);
    leave();
    abort.abort();
  }
}

async function readChunk(reader: ReadableStreamDefaultReader<Uint8Array>, url: string, signal: AbortSignal) {
  try {
    return await reader.read();
  } catch (cause) {
    throw unreachable(url, signal.aborted ? signal.reason : cause);
  }
}

function framesOf(frames: FrameReader, chunk: Uint8Array, url: string) {
  try {
    return frames.push(chunk);
  } catch (cause) {
    throw garbage(url, cause instanceof Error ? cause.message : String(cause));
  }
}

function parse(data: string, url: string): Notification {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    throw garbage(url, 'A frame of the stream is not JSON.');
  }
  const n = value as Partial<Notification> | null;
  if (typeof n !== 'object' || n === null || typeof n.type !== 'string' || typeof n.id !== 'string'
    || typeof n.data !== 'object' || n.data === null) {
    throw garbage(url, 'A frame of the stream is not a notification.');
  }
  return n as Notification;
}

/** `bad_stream`: going on from the same cursor could meet the same bytes, so the board lists again. */
function garbage(url: string, detail: string): CallboardError {
  return new CallboardError('bad_stream', 0, detail, `Check that ${url} is Callboard and that nothing between changes what it sends.`);
}

function queryOf(options: StreamOptions): string {
  const query = new URLSearchParams();
  if (options.cursor !== undefined) query.set('cursor', options.cursor);
  if (options.include) query.set('include', options.include);
  if (options.coalesce) query.set('coalesce', options.coalesce);
  for (const key of ['needs', 'gives', 'on', 'lines', 'states', 'callStates', 'types', 'fields'] as const) {
    const names = options[key];
    if (names?.length) query.set(key === 'callStates' ? 'call_states' : key, names.join(','));
  }
  if (options.deadlineMs !== undefined) query.set('deadline_ms', String(options.deadlineMs));
  const text = query.toString();
  return text && '?' + text;
}

/** Where a stream may be gone on with after `n`; undefined when `n` moves no cursor. */
export function cursorAfter(n: Notification): string | undefined {
  if (n.type === 'bookmark') return n.data.cursor;
  return n.type === 'work' || n.type === 'reset' || n.coalesced ? undefined : n.id;
}

export interface Retry {
  /** Milliseconds before the first new try; doubles up to `max`. */
  min?: number;
  max?: number;
  /** Milliseconds of silence after which a connection counts as dead. Callboard sends a bookmark every 15 s. */
  quiet?: number;
}

export const RETRY = { min: 250, max: 15_000, quiet: 60_000 } as const satisfies Required<Retry>;

/** Doubling delay; the jitter keeps many apps from coming back in one instant. */
export function backOff(attempt: number, retry: Required<Retry>, random: () => number = Math.random): number {
  const full = Math.min(retry.max, retry.min * 2 ** Math.min(attempt, 20));
  return full * (0.5 + random() / 2);
}

/** Resolves after `ms`, or at once when the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      leave();
      resolve();
    };
    const timer = setTimeout(done, ms);
    const leave = onAbort(signal, done);
  });
}
