// A small server that speaks the contract of api/openapi.yaml over real HTTP and lets a test decide what goes wrong.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer, Call, Field, Notification, WireRecord } from '../src/wire.js';

export const TOKEN = 'cb_test';

/** Waits in turn for things that come in any order relative to the waiting. */
export class Queue<T> {
  #items: T[] = [];
  #waiting: ((item: T) => void)[] = [];

  put(item: T): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(item);
    else this.#items.push(item);
  }

  next(): Promise<T> {
    const item = this.#items.shift();
    return item !== undefined ? Promise.resolve(item) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  get size(): number {
    return this.#items.length;
  }
}

/** An open GET /v1/watch, from the server's side. */
export class OpenWatch {
  readonly closed: Promise<unknown>;

  constructor(readonly query: URLSearchParams, readonly response: ServerResponse) {
    this.closed = once(response, 'close');
  }

  head(): this {
    this.response.writeHead(200, { 'content-type': 'text/event-stream' });
    return this;
  }

  bookmark(cursor: string): this {
    return this.send({ ...envelope('bookmark', cursor), data: { cursor } } as Notification);
  }

  send(...notifications: Notification[]): this {
    for (const n of notifications) this.raw(frame(n));
    return this;
  }

  raw(bytes: string | Uint8Array): this {
    this.response.write(bytes);
    return this;
  }

  /** Breaks the connection without an ending. */
  cut(): void {
    this.response.destroy();
  }

  end(): void {
    this.response.end();
  }
}

export interface Request {
  method: string;
  path: string;
  query: URLSearchParams;
  token: string | undefined;
  key: string | undefined;
  match: string | undefined;
  body: any;
}

type Answerer = (request: Request, response: ServerResponse) => boolean | void;

export class Contract {
  records: WireRecord[] = [];
  cursor = 'e1:0';
  source = 'acme-crm';
  tokens = new Set([TOKEN]);
  /** Looks at each request first; returning true means that it answered. */
  before: Answerer = () => false;
  readonly watches = new Queue<OpenWatch>();
  readonly answers = new Queue<{ work: string; answer: Answer }>();
  readonly requests: Request[] = [];
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (req, res) => void this.#handle(req, res));
  }

  static async start(): Promise<Contract> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Contract(server);
  }

  count(method: string, path: string): number {
    return this.requests.filter((r) => r.method === method && r.path === path).length;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '/', 'http://x');
    let text = '';
    for await (const chunk of req) text += String(chunk);
    const request: Request = {
      method: req.method ?? '', path: url.pathname, query: url.searchParams,
      token: req.headers.authorization?.replace(/^Bearer /, ''), key: req.headers['idempotency-key'] as string | undefined, match: req.headers['if-match'], body: text ? JSON.parse(text) : undefined,
    };
    this.requests.push(request);
    if (this.before(request, res)) return;
    if (request.path === '/v1/session') {
      return request.body.code === 'good' ? json(res, 200, { token: TOKEN, source: 'user' }) : problem(res, 401, 'code_unknown');
    }
    if (!this.tokens.has(request.token ?? '')) return problem(res, 401, 'unauthorized');
    this.#answer(request, res);
  }

  #answer(request: Request, res: ServerResponse): void {
    const [, , what, id, part, item] = request.path.split('/');
    const key = `${request.method} ${what}${part ? '/' + part : ''}`;
    const record = this.records.find((r) => r.id === id);
    switch (key) {
      case 'GET status': return json(res, 200, { version: '1', source: this.source, epoch: 'e1', lines: [], store: { durable: true } });
      case 'POST calls': return json(res, 201, { record: 'r2' });
      case 'POST records/commands': return json(res, 200, { record: id, command: request.body.command });
      case 'GET watch': return this.watches.put(new OpenWatch(request.query, res));
      case 'GET records':
        if (id === undefined) return json(res, 200, { cursor: this.cursor, records: this.records });
        return record ? json(res, 200, record) : problem(res, 404, 'record_unknown');
      case 'POST records': return json(res, 201, record0('r-lookup', { origin: 'lookup' }));
      case 'POST records/claims': return json(res, 200, { record: id, rev: 7, changed: request.body.claims.length });
      case 'PUT records/fields':
      case 'DELETE records/fields': return json(res, 200, { record: id, rev: 8, changed: 1 });
      case 'POST works/progress': return json(res, 200, { work: id, deadline_ms: 4000 });
      case 'POST records/notes': return json(res, 201, { id: 'n1', source: 'user', at: T, changed_at: T, text: request.body.text });
      case 'PUT records/notes': return json(res, 200, { id: item, source: 'user', at: T, changed_at: T, text: request.body.text });
      case 'DELETE records/notes': return void res.writeHead(204).end();
      case 'GET erasures': return json(res, 200, { erasures: [{ id: 'era_1', asked_at: T, dry_run: false, records: ['r1'], mentioned: [], claims: 1, items: 0, changes: 2, answers: 0 }] });
      case 'POST erasures': return json(res, 200, { dry_run: request.body.dry_run === true, records: ['r1'], mentioned: [], claims: 1, items: 0, changes: 2, answers: 0 });
      case 'GET webhooks': return json(res, 200, { webhooks: [] });
      case 'GET webhooks/deliveries': return json(res, 200, { deliveries: [] });
      case 'POST webhooks/deliveries':
      case 'DELETE webhooks': return void res.writeHead(204).end();
      case 'POST webhooks':
      case 'PATCH webhooks':
      case 'POST webhooks/secret':
      case 'POST webhooks/test': return json(res, 200, { id });
      case 'POST works/answer':
        this.answers.put({ work: id ?? '', answer: request.body });
        return json(res, 200, { record: 'r1', rev: 3, changed: 1 });
      default: return problem(res, 404, 'unknown_path');
    }
  }
}

export function json(res: ServerResponse, status: number, value: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

export function problem(res: ServerResponse, status: number, code: string): void {
  res.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify({
    type: `urn:callboard:problem:${code}`, title: code, status, code, detail: `Detail of ${code}.`, remedy: `Remedy of ${code}.`,
  }));
}

export const T = '2026-11-22T10:00:00Z';

export function record0(id: string, more: Partial<WireRecord> = {}): WireRecord {
  return {
    id, rev: 1, line: 'l1', origin: 'call', state: 'open', opened_at: T, complete: true, durable: true, wave: 1,
    fields: { 'party.number': field('+4512345678', 'pbx', 'verified', 0) }, items: {}, ...more,
  };
}

export function field(value: string, source = 'crm', quality: Field['quality'] = 'matched', round = 1): Field {
  return { value, source, quality, at: T, round, others: 0 };
}

export function call0(state: Call['state']): Call {
  return {
    id: 'c1', direction: 'inbound', state, started_at: T, complete: true, muted: false, parked: false, conference: false,
    recorded: 'unknown', monitored: 'unknown', encrypted: 'no', secure_line: 'no', legs: [], views: [], timeline: [],
  };
}

export function envelope(type: string, id: string, subject?: string) {
  return { specversion: '1.0', id, source: 'l1', type, time: T, ...(subject ? { subject } : {}) };
}

export function opened(seq: number, record: WireRecord): Notification {
  return { ...envelope('record.opened', `e1:${seq}`, record.id), data: { rev: record.rev, record } } as Notification;
}

export function changed(seq: number, id: string, rev: number, fields: Record<string, Field | null>, wave = 1): Notification {
  return { ...envelope('record.changed', `e1:${seq}`, id), data: { rev, source: 'crm', wave, round: 1, fields } } as Notification;
}

export function calls(seq: number, type: string, id: string, rev: number, state: Call['state']): Notification {
  return { ...envelope(type, `e1:${seq}`, id), data: { rev, call: call0(state) } } as Notification;
}

export function note(seq: number, type: string, id: string, rev: number, item: string, text: string): Notification {
  return { ...envelope(type, `e1:${seq}`, id), data: { rev, list: 'notes', item: { id: item, source: 'user', at: T, changed_at: T, text } } } as Notification;
}

export function work(id: string, record: WireRecord, more: object = {}): Notification {
  return { ...envelope('work', id, record.id), data: { work: id, record, changed: ['party.number'], round: 0, wave: 1, deadline_ms: 5000, ...more } } as Notification;
}

export function frame(n: Notification, newline = '\n'): string {
  const id = n.type === 'work' ? '' : `id: ${n.id}${newline}`;
  return `event: ${n.type}${newline}${id}data: ${JSON.stringify(n)}${newline}${newline}`;
}
