import { onAbort } from './abort.js';
import { CallboardError, problemOf, unexpected } from './error.js';
import type { Session } from './wire.js';

export type TokenSource = string | (() => string | Promise<string>);

export interface Ask {
  body?: unknown;
  accept?: string;
  signal?: AbortSignal | undefined;
  /** The Idempotency-Key of a command or a write. */
  key?: string;
  /** What must still be so for a write (If-Match), without quotes: the record's rev, or when a note was changed. */
  match?: string;
  /** Let the request outlive the page that sends it. */
  keepalive?: boolean;
  /** Milliseconds until the answer's head must be there. */
  patience?: number;
}

const PATIENCE = 15_000;
/** How long after a write that did not arrive it is sent once more. */
const AGAIN = 250;
/** Browsers refuse more than 64 KiB of keepalive bodies in flight (Fetch standard, section 4.6); a character is up to 3 bytes. */
const KEEPALIVE_LIMIT = 16 * 1024;

/** Speaks HTTP to one Callboard: adds the token, turns every failure into a CallboardError. */
export class Http {
  readonly base: string;
  readonly #token: TokenSource;
  #held: Promise<string> | undefined;

  constructor(url: string | URL, token: TokenSource) {
    this.base = baseOf(url);
    this.#token = token;
  }

  /** The token; asked for once and kept, and asked for again after a 401. */
  #currentToken(): Promise<string> {
    this.#held ??= (async () => (typeof this.#token === 'function' ? this.#token() : this.#token))();
    return this.#held;
  }

  /** Sends one request and returns the answer if it is a good one. */
  async ask(method: string, path: string, ask: Ask = {}): Promise<Response> {
    const first = await this.#send(method, path, ask);
    if (first.ok) return first;
    const problem = await problemOf(first);
    if (first.status !== 401 || typeof this.#token !== 'function') throw problem;
    const refused = await this.#currentToken();
    this.#held = undefined;
    if ((await this.#currentToken()) === refused) throw problem;
    const second = await this.#send(method, path, ask);
    if (second.ok) return second;
    throw await problemOf(second);
  }

  async json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    return this.once(method, path, { body, signal });
  }

  /** Sends one request, once. */
  async once<T>(method: string, path: string, ask: Ask): Promise<T> {
    return readJSON<T>(await this.ask(method, path, ask));
  }

  /** Writes, once per key; with a match only if that is still so. What did not arrive is sent once more with its key. */
  async write<T>(method: string, path: string, ask: Ask & { key: string }): Promise<T> {
    try {
      return await readJSON<T>(await this.ask(method, path, ask));
    } catch (error) {
      if (!(error instanceof CallboardError) || error.code !== 'unreachable' || ask.signal?.aborted) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
    return readJSON<T>(await this.ask(method, path, ask));
  }

  /** Gives a command, once per key. It waits longer than a read does: a phone has to do something. */
  async command<T>(path: string, body: unknown, key: string): Promise<T> {
    return readJSON<T>(await this.ask('POST', path, { body, key, patience: 2 * PATIENCE }));
  }

  async #send(method: string, path: string, ask: Ask): Promise<Response> {
    let token: string;
    try {
      token = await this.#currentToken();
    } catch (cause) {
      this.#held = undefined;
      throw new CallboardError('unreachable', 0, 'The token could not be had.', 'Look at what the `token` function does.', cause);
    }
    return send(this.base + path, method, { authorization: `Bearer ${token}`, ...(ask.key && { 'idempotency-key': ask.key }),
      ...(ask.match !== undefined && { 'if-match': `"${ask.match}"` }) }, ask);
  }
}

/** Exchanges the one-time code of an address that Callboard printed for the person's token. Works once per code. */
export async function exchangeCode(url: string | URL, code: string): Promise<Session> {
  const response = await send(baseOf(url) + '/v1/session', 'POST', {}, { body: { code } });
  if (!response.ok) throw await problemOf(response);
  return readJSON<Session>(response);
}

async function send(url: string, method: string, headers: Record<string, string>, ask: Ask): Promise<Response> {
  const abort = new AbortController();
  const leave = onAbort(ask.signal, () => abort.abort(ask.signal?.reason));
  const patience = ask.patience ?? PATIENCE;
  const timer = setTimeout(() => abort.abort(new Error(`No answer within ${patience} ms.`)), patience);
  const init: RequestInit = {
    method,
    headers: { accept: ask.accept ?? 'application/json', ...headers },
    signal: abort.signal,
    cache: 'no-store',
    credentials: 'omit',
    redirect: 'error', // the token goes to nobody else
    referrerPolicy: 'no-referrer',
  };
  if (ask.body !== undefined) {
    init.body = JSON.stringify(ask.body);
    init.headers = { ...init.headers, 'content-type': 'application/json' };
  }
  if (ask.keepalive && (typeof init.body !== 'string' || init.body.length < KEEPALIVE_LIMIT)) init.keepalive = true;
  try {
    return await fetch(url, init);
  } catch (cause) {
    const reason: unknown = abort.signal.aborted ? abort.signal.reason : cause;
    throw unreachable(url, reason);
  } finally {
    // For a stream the caller's signal must go on working after the head has come.
    clearTimeout(timer);
    if (ask.accept !== EVENT_STREAM) leave();
  }
}

export const EVENT_STREAM = 'text/event-stream';

export function unreachable(url: string, cause: unknown): CallboardError {
  return new CallboardError('unreachable', 0, `Callboard at ${new URL(url).origin} cannot be reached: ${reasonOf(cause)}`,
    'Check that it is running and that the address is right.', cause);
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'the connection was closed.';
  // Node says "fetch failed" and keeps the reason beneath.
  const inner = cause.cause instanceof Error ? cause.cause : cause;
  const text = inner.message || (inner as { code?: string }).code || inner.name;
  return /[.!?]$/.test(text) ? text : text + '.';
}

async function readJSON<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T;
  let text: string;
  try {
    text = await response.text();
  } catch (cause) {
    throw unreachable(response.url, cause);
  }
  try {
    return JSON.parse(text) as T;
  } catch {
    throw unexpected(response.url, 'answered with something that is not JSON', response.status);
  }
}

function baseOf(url: string | URL): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new CallboardError('bad_option', 0, `\`url\` is not an address: ${String(url)}`, 'Use one such as http://127.0.0.1:8747.');
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new CallboardError('bad_option', 0, `\`url\` begins with ${parsed.protocol}`, 'Use an http or https address.');
  }
  return parsed.origin + parsed.pathname.replace(/\/+$/, '');
}
