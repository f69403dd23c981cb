import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Board, CallboardError, connect, exchangeCode, newNoteId, type ConnectOptions, type LinkState } from '../src/index.js';
import type { Notification } from '../src/wire.js';
import {
  Contract, Queue, TOKEN, calls, changed, envelope, field, frame, note, opened, problem, record0, work, T,
} from './contract.js';

let server: Contract;
let boards: Board[];

beforeEach(async () => {
  server = await Contract.start();
  server.records = [record0('r1')];
  boards = [];
});

afterEach(async () => {
  await Promise.all(boards.map((b) => b.close()));
  await server.stop();
});

async function open(options: Partial<ConnectOptions> = {}): Promise<Board> {
  const board = await connect({ url: server.url, token: TOKEN, retry: { min: 1, max: 5 }, ...options });
  boards.push(board);
  return board;
}

/** What handlers are told, to be waited for in turn. */
function heard(board: Board): Queue<string> {
  const queue = new Queue<string>();
  board.on('*', (record, n) => queue.put(`${n.type} ${record?.id ?? '-'} ${record?.rev ?? '-'}`));
  return queue;
}

async function next(queue: Queue<string>, type: string): Promise<string> {
  for (;;) {
    const text = await queue.next();
    if (text.startsWith(type)) return text;
  }
}

function states(board: Board): Queue<string> {
  const queue = new Queue<string>();
  board.on('status', (state, error) => queue.put(error ? `${state} ${error.code}` : state));
  return queue;
}

describe('following', () => {
  it('lists, then watches from the cursor of the list and keeps the copy current', async () => {
    server.cursor = 'e1:41';
    const board = await open();
    const told = heard(board);
    const watch = await server.watches.next();
    expect(watch.query.get('cursor')).toBe('e1:41');
    watch.head().bookmark('e1:41').send(changed(42, 'r1', 2, { 'party.name': field('Ann') }), opened(43, record0('r2')));
    expect(await next(told, 'record.opened')).toBe('record.opened r2 1');
    expect(board.records().map((r) => [r.id, r.party.name])).toEqual([['r2', undefined], ['r1', 'Ann']]);
    expect(board.cursor).toBe('e1:43');
    expect(board.state).toBe('online');
    expect(server.requests.every((r) => r.token === TOKEN)).toBe(true);
  });

  it('hands typed handlers the record after the change, in order', async () => {
    const board = await open();
    const seen: unknown[] = [];
    const done = new Promise<void>((resolve) => board.on('call.ended', (record, n) => {
      seen.push([n.data.call.state, record.call?.state, record.notes.length]);
      resolve();
    }));
    board.on('call.ringing', (record) => seen.push(record.call?.state));
    (await server.watches.next()).head().send(
      calls(1, 'call.ringing', 'r1', 2, 'ringing'), note(2, 'item.added', 'r1', 3, 'n', 'hi'), calls(3, 'call.ended', 'r1', 4, 'ended'));
    await done;
    expect(seen).toEqual(['ringing', ['ended', 'ended', 1]]);
  });

  it('goes on after a cut in mid-frame without losing or repeating', async () => {
    const board = await open();
    const told = heard(board);
    const a = frame(changed(1, 'r1', 2, { 'party.name': field('Åse 🎭') }));
    const b = frame(changed(2, 'r1', 3, { 'party.company': field('Acme') }));
    const first = await server.watches.next();
    first.head().raw(a + b.slice(0, b.length / 2));
    expect(await next(told, 'record.changed')).toBe('record.changed r1 2');
    first.cut();
    const second = await server.watches.next();
    expect(second.query.get('cursor')).toBe('e1:1');
    second.head().raw(a + b); // the server may repeat itself
    expect(await next(told, 'record.changed')).toBe('record.changed r1 3');
    expect(board.records()[0]?.party).toMatchObject({ name: 'Åse 🎭', company: 'Acme' });
    expect(told.size).toBe(0);
  });

  it('reads a stream that comes byte by byte', async () => {
    const board = await open();
    const told = heard(board);
    const watch = (await server.watches.next()).head();
    watch.response.socket?.setNoDelay(true);
    const bytes = new TextEncoder().encode(': hi\r\n\r\n' + frame(changed(1, 'r1', 2, { 'party.name': field('Åse 🎭') }), '\r\n'));
    for (const byte of bytes) await new Promise((done) => watch.response.write(Uint8Array.of(byte), done));
    expect(await next(told, 'record.changed')).toBe('record.changed r1 2');
    expect(board.records()[0]?.party.name).toBe('Åse 🎭');
  });

  it('lists again after 410', async () => {
    const board = await open();
    const listed = new Promise<string[]>((resolve) => board.on('list', (records) => resolve(records.map((r) => r.id))));
    const first = await server.watches.next();
    server.records = [record0('r7')];
    server.cursor = 'e2:3';
    problem(first.response, 410, 'cursor_gone');
    expect(await listed).toEqual(['r7']);
    expect((await server.watches.next()).query.get('cursor')).toBe('e2:3');
    expect(board.records().map((r) => r.id)).toEqual(['r7']);
  });

  it('lists again after a reset frame', async () => {
    const board = await open();
    const state = states(board);
    const first = await server.watches.next();
    server.cursor = 'e2:0';
    first.head().send({ ...envelope('reset', 'e1:9'), data: { reason: 'new epoch' } } as Notification);
    expect((await server.watches.next()).query.get('cursor')).toBe('e2:0');
    expect([await state.next(), await state.next()]).toEqual(['online', 'connecting cursor_gone']);
  });

  it('lists again when the stream carries garbage', async () => {
    await open();
    for (const garbage of ['data: {"half\n\n', 'data: 17\n\n', 'data: {"type":"call.ringing","id":"e1:1"}\n\n']) {
      const before = server.count('GET', '/v1/records');
      (await server.watches.next()).head().raw(garbage);
      const again = await server.watches.next();
      expect(server.count('GET', '/v1/records'), garbage).toBe(before + 1);
      again.cut();
    }
  });

  it('fetches a record that it does not hold', async () => {
    const board = await open();
    const told = heard(board);
    server.records.push(record0('r5', { rev: 9, state: 'closed' }));
    (await server.watches.next()).head().send(note(1, 'item.added', 'r5', 9, 'n', 'late'), note(2, 'item.added', 'gone', 2, 'n', 'x'));
    expect(await next(told, 'item.added')).toBe('item.added r5 9');
    expect(await next(told, 'item.added')).toBe('item.added - -');
    expect(board.records().map((r) => r.id)).toContain('r5');
  });

  it('takes a silent connection for dead', async () => {
    await open({ retry: { min: 1, max: 5, quiet: 30 } });
    const first = await server.watches.next();
    first.head().bookmark('e1:0');
    await first.closed;
    await server.watches.next();
  });

  it('lets one bad handler not spoil the others', async () => {
    const board = await open();
    const errors = new Queue<CallboardError>();
    board.on('error', (e) => errors.put(e));
    board.on('record.changed', () => { throw new Error('first'); });
    board.on('record.changed', async () => { throw new Error('second'); });
    const told = heard(board);
    (await server.watches.next()).head().send(changed(1, 'r1', 2, {}));
    expect(await next(told, 'record.changed')).toBe('record.changed r1 2');
    expect([(await errors.next()).detail, (await errors.next()).detail]).toEqual(['first', 'second']);
  });

  it('stops telling a handler that was taken off', async () => {
    const board = await open();
    let times = 0;
    const off = board.on('record.changed', () => { times++; off(); });
    const told = heard(board);
    (await server.watches.next()).head().send(changed(1, 'r1', 2, {}), changed(2, 'r1', 3, {}));
    await next(told, 'record.changed');
    await next(told, 'record.changed');
    expect(times).toBe(1);
  });
});

describe('the link', () => {
  it('says online, offline and online again', async () => {
    const board = await open();
    const state = states(board);
    (await server.watches.next()).head().bookmark('e1:0').end();
    (await server.watches.next()).head().bookmark('e1:0');
    expect([await state.next(), await state.next(), await state.next()]).toEqual(['online', 'offline', 'online']);
    await board.close();
    expect(await state.next()).toBe('closed');
  });

  it('waits for a server that has a bad day', async () => {
    let bad = 3;
    server.before = (request, res) => {
      if (request.path !== '/v1/records' || bad-- <= 0) return false;
      if (bad === 1) res.destroy();
      else problem(res, 503, 'starting');
      return true;
    };
    const seen: LinkState[] = [];
    const board = await open({ onStatus: (s) => seen.push(s) });
    expect(seen).toEqual(['connecting', 'offline']);
    expect(board.records()).toHaveLength(1);
  });

  it('refuses to go on with a wrong token', async () => {
    const seen: string[] = [];
    const refused = connect({ url: server.url, token: 'wrong', onStatus: (s, e) => seen.push(e ? `${s} ${e.code}` : s) });
    await expect(refused).rejects.toMatchObject({ name: 'CallboardError', code: 'unauthorized', status: 401, detail: 'Detail of unauthorized.', remedy: 'Remedy of unauthorized.' });
    expect(seen).toEqual(['connecting', 'unauthorized unauthorized']);
  });

  it('ends when the token is taken away later', async () => {
    const board = await open();
    const state = states(board);
    const watch = await server.watches.next();
    server.tokens.clear();
    watch.head().bookmark('e1:0').end();
    expect([await state.next(), await state.next(), await state.next()]).toEqual(['online', 'offline', 'unauthorized unauthorized']);
    expect(board.state).toBe('unauthorized');
    const asked = server.requests.length;
    await board.close();
    expect(server.requests.length).toBe(asked);
  });

  it('asks a token function again when the token is refused', async () => {
    const tokens = ['old', TOKEN];
    const board = await open({ token: async () => tokens.shift() ?? 'none' });
    expect(board.records()).toHaveLength(1);
    expect(tokens).toEqual([]);
  });

  it('checks whom the token speaks for', async () => {
    await expect(open({ app: 'other' })).rejects.toMatchObject({ code: 'wrong_app' });
    await open({ app: 'acme-crm' });
  });

  it('says what is wrong with the address', async () => {
    await expect(open({ url: 'nowhere' })).rejects.toMatchObject({ code: 'bad_option' });
    await expect(open({ url: 'ftp://x' })).rejects.toMatchObject({ code: 'bad_option' });
    await expect(open({ url: server.url + '/other/' })).rejects.toMatchObject({ code: 'unknown_path', status: 404 });
    server.before = (_, res) => { res.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello'); return true; };
    await expect(open()).rejects.toMatchObject({ code: 'unexpected_answer' });
    server.before = (_, res) => { res.writeHead(302, { location: 'http://elsewhere.test/' }).end(); return true; };
    const gaveUp = new AbortController();
    await expect(open({ signal: gaveUp.signal, onStatus: (s) => s === 'offline' && gaveUp.abort() })).rejects.toMatchObject({ code: 'closed' });
  });

  it('gives up when told to', async () => {
    await server.stop();
    const gaveUp = new AbortController();
    const refused = open({ signal: gaveUp.signal, onStatus: (s, e) => { if (s === 'offline' && e?.code === 'unreachable') gaveUp.abort(); } });
    await expect(refused).rejects.toMatchObject({ code: 'closed' });
    await expect(open({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('enriching', () => {
  it('registers once for all enrichers and answers each work', async () => {
    const board = await open();
    board.enrich({ needs: ['party.number'], gives: ['party.name'] }, async (record, w) => ({ 'party.name': `${record.party.number} ${w.round}` }));
    board.enrich({ needs: ['party.number'], gives: ['party.company'], on: ['answered', 'ended'] }, () => undefined);
    const watch = await server.watches.next();
    expect([watch.query.get('needs'), watch.query.get('gives'), watch.query.get('on')]).toEqual(['party.number', 'party.company,party.name', 'answered,ended']);
    watch.head().send(work('w/1', record0('r1')), work('w2', record0('r1'), { changed: [], moments: ['ended'] }));
    const both = [await server.answers.next(), await server.answers.next()].sort((a, b) => (a.work < b.work ? -1 : 1));
    expect(both).toEqual([
      { work: 'w%2F1', answer: { claims: [{ field: 'party.name', value: '+4512345678 0', quality: 'matched' }] } },
      { work: 'w2', answer: { nothing_found: true } },
    ]);
    expect(server.watches.size).toBe(0);
  });

  it('opens the stream anew when the registration changes, from where it was', async () => {
    const board = await open();
    const told = heard(board);
    const first = await server.watches.next();
    first.head().send(changed(1, 'r1', 2, {}));
    await next(told, 'record.changed');
    const off = board.enrich({ needs: ['party.number'] }, () => undefined);
    await first.closed;
    const second = await server.watches.next();
    expect([second.query.get('cursor'), second.query.get('needs')]).toEqual(['e1:1', 'party.number']);
    second.head().bookmark('e1:1');
    await next(told, 'bookmark');
    off();
    await second.closed;
    expect((await server.watches.next()).query.get('needs')).toBeNull();
  });

  it('does not do a work twice that is handed out again meanwhile', async () => {
    const board = await open();
    let runs = 0;
    let finish: (x: undefined) => void = () => undefined;
    const started = new Queue<number>();
    board.enrich({ needs: ['party.number'] }, () => new Promise<undefined>((resolve) => { finish = resolve; started.put(++runs); }));
    const first = await server.watches.next();
    first.head().send(work('w1', record0('r1')));
    await started.next();
    first.cut();
    const told = heard(board);
    (await server.watches.next()).head().send(work('w1', record0('r1'))).bookmark('e1:0');
    await next(told, 'bookmark');
    finish(undefined);
    expect((await server.answers.next()).work).toBe('w1');
    expect(runs).toBe(1);
  });

  it('tries an answer again when it could not be delivered', async () => {
    let bad = 2;
    server.before = (request, res) => {
      if (!request.path.startsWith('/v1/works') || bad-- <= 0) return false;
      res.destroy();
      return true;
    };
    const board = await open();
    board.enrich({ needs: ['party.number'] }, () => ({ 'party.name': 'Ann' }));
    (await server.watches.next()).head().send(work('w1', record0('r1')));
    expect((await server.answers.next()).answer.claims).toHaveLength(1);
  });

  it('reports an answer that is refused, and goes on', async () => {
    server.before = (request, res) => request.path === '/v1/works/w1/answer' && (problem(res, 404, 'work_unknown'), true);
    const board = await open();
    const errors = new Queue<CallboardError>();
    board.on('error', (e) => errors.put(e));
    board.enrich({ needs: ['party.number'] }, () => { throw new Error('CRM is down'); });
    (await server.watches.next()).head().send(work('w1', record0('r1')), work('w2', record0('r2')));
    const codes = new Set([(await errors.next()).code, (await errors.next()).code, (await errors.next()).code]);
    expect(codes).toEqual(new Set(['handler', 'work_unknown']));
    expect(await server.answers.next()).toEqual({ work: 'w2', answer: { error: 'CRM is down' } });
  });
});

describe('asking and writing', () => {
  it('speaks every endpoint', async () => {
    const board = await open();
    expect((await board.status()).source).toBe('acme-crm');
    expect((await board.getRecord('r1', { include: 'claims' })).party.number).toBe('+4512345678');
    expect((await board.claim('r1', { 'party.name': { value: 'Ann', quality: 'confirmed' } })).changed).toBe(1);
    expect((await board.addNote('r1', 'hello')).text).toBe('hello');
    const id = newNoteId();
    expect(id).toMatch(/^[A-Za-z0-9_-]{8,64}$/);
    expect((await board.putNote('r1', id, 'x')).id).toBe(id);
    expect(await board.removeNote('r1', id)).toBeUndefined();
    expect((await board.lookup('+45 12 34 56 78')).origin).toBe('lookup');
    const sent = server.requests.slice(-7).map((r) => `${r.method} ${r.path}${r.query.size ? '?' + r.query : ''} ${JSON.stringify(r.body) ?? ''}`.trim());
    expect(sent.filter((s) => !s.startsWith('GET /v1/watch'))).toEqual(expect.arrayContaining([
      'POST /v1/records/r1/claims {"claims":[{"field":"party.name","value":"Ann","quality":"confirmed"}]}',
      `PUT /v1/records/r1/notes/${id} {"text":"x"}`, `DELETE /v1/records/r1/notes/${id}`,
      'POST /v1/records {"number":"+45 12 34 56 78"}',
    ]));
  });

  it('gives commands, each under a key of its own', async () => {
    const board = await open();
    expect(await board.dial('+45 12 34 56 78')).toBe('r2');
    expect(await board.dial('1002', { extension: '1001', key: 'mine-mine' })).toBe('r2');
    await board.answer('r1');
    await board.hangup('r1', { extension: '1002' });
    await board.hold('r1');
    await board.resume('r1');
    await board.transfer('r1', '1003');
    await board.consult('r1', '1003');
    await board.complete('r1');
    await board.cancel('r1');
    await board.join('r1', 'r2');
    await board.park('r1');
    await board.sendDtmf('r1', '1#');
    await board.mute('r1');
    await board.unmute('r1');
    await board.startRecording('r1');
    await board.pauseRecording('r1');
    await board.resumeRecording('r1');
    await board.stopRecording('r1');
    const sent = server.requests.filter((r) => r.method === 'POST');
    expect(sent.map((r) => `${r.path} ${JSON.stringify(r.body)}`)).toEqual([
      '/v1/calls {"number":"+45 12 34 56 78"}', '/v1/calls {"number":"1002","extension":"1001"}',
      ...['{"command":"answer"}', '{"command":"hangup","extension":"1002"}', '{"command":"hold"}', '{"command":"resume"}', '{"command":"transfer","to":"1003"}',
        '{"command":"consult","to":"1003"}', '{"command":"complete"}', '{"command":"cancel"}', '{"command":"join","record":"r2"}', '{"command":"park"}',
        '{"command":"digits","digits":"1#"}', '{"command":"mute"}', '{"command":"unmute"}', '{"command":"record"}', '{"command":"pause_recording"}',
        '{"command":"resume_recording"}', '{"command":"stop_recording"}'].map((body) => '/v1/records/r1/commands ' + body),
    ]);
    expect(sent[1]?.key).toBe('mine-mine');
    expect(new Set(sent.map((r) => r.key)).size).toBe(sent.length);
    for (const { key } of sent) expect(key).toMatch(/^[\x21-\x7e]{8,128}$/);
  });

  it('never sends a command twice by itself', async () => {
    const board = await open();
    server.before = (request, response) => {
      if (request.path !== '/v1/calls') return false;
      response.destroy();
      return true;
    };
    const error = await board.dial('1002').catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'unreachable' });
    expect(server.count('POST', '/v1/calls')).toBe(1);
  });

  it('asks for pages of the call log by what is said, and by nothing else', async () => {
    const board = await open();
    server.before = (request, res) => {
      if (request.path !== '/v1/log') return false;
      res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ entries: [], next: String(request.query) }));
      return true;
    };
    expect((await board.log()).next).toBe('');
    expect((await board.log({ view: 'missed', q: 'a&b', number: '+45', from: new Date(0), limit: 1, company: '', cursor: undefined })).next)
      .toBe('view=missed&q=a%26b&number=%2B45&from=1970-01-01T00%3A00%3A00.000Z&limit=1');
    await expect(board.log({ signal: AbortSignal.abort() })).rejects.toBeDefined();
  });

  it('throws what the server says', async () => {
    const board = await open();
    const error = await board.getRecord('nope').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CallboardError);
    expect(error).toMatchObject({ code: 'record_unknown', status: 404, remedy: 'Remedy of record_unknown.', message: 'Detail of record_unknown; Remedy of record_unknown.' });
    server.before = (request, res) => request.path === '/v1/status' && (res.writeHead(500).end('oops'), true);
    await expect(board.status()).rejects.toMatchObject({ code: 'unexpected_answer', status: 500 });
  });

  it('exchanges a code once, without a token', async () => {
    expect(await exchangeCode(server.url, 'good')).toEqual({ token: TOKEN, source: 'user' });
    expect(server.requests.filter((r) => r.path !== '/v1/watch').at(-1)?.token).toBeUndefined();
    await expect(exchangeCode(server.url, 'used')).rejects.toMatchObject({ code: 'code_unknown', status: 401 });
  });
});

describe('webhooks', () => {
  it('adds, changes, rotates, tests, reads the log, sends again and removes', async () => {
    const board = await open();
    const hooks = board.webhooks;
    await hooks.add({ id: 'crm', url: 'https://crm.example.com/', work: { needs: ['party.number'], gives: ['party.name'] } });
    expect(await hooks.list()).toEqual([]);
    await hooks.change('crm', { enabled: true });
    await hooks.rotate('crm', { overlapMs: 1000 });
    await hooks.test('crm');
    await hooks.log('crm', { before: 7, limit: 2 });
    expect(server.requests.at(-1)?.query.toString()).toBe('before=7&limit=2');
    await hooks.resend('crm', 'msg_1');
    await hooks.remove('a/b');
    expect(server.requests.filter((r) => r.path.includes('/webhooks')).map((r) => [r.method, r.path, r.body])).toEqual([
      ['POST', '/v1/webhooks', { id: 'crm', url: 'https://crm.example.com/', work: { needs: ['party.number'], gives: ['party.name'] } }],
      ['GET', '/v1/webhooks', undefined], ['PATCH', '/v1/webhooks/crm', { enabled: true }],
      ['POST', '/v1/webhooks/crm/secret', undefined], ['POST', '/v1/webhooks/crm/test', undefined],
      ['GET', '/v1/webhooks/crm/deliveries', undefined], ['POST', '/v1/webhooks/crm/deliveries/msg_1/resend', undefined],
      ['DELETE', '/v1/webhooks/a%2Fb', undefined],
    ]);
  });
});

describe('deciding', () => {
  it('pins, hides and takes both back', async () => {
    const board = await open();
    await board.pin('r1', 'party.name', 'crm');
    await board.unpin('r1', 'party.name');
    await board.hide('r1', 'party.name', 'a/b');
    expect((await board.unhide('r1', 'party.name', 'crm')).changed).toBe(1);
    expect(server.requests.filter((r) => r.path.includes('/fields/')).map((r) => [r.method, r.path, r.body])).toEqual([
      ['PUT', '/v1/records/r1/fields/party.name/pin', { source: 'crm' }], ['DELETE', '/v1/records/r1/fields/party.name/pin', undefined],
      ['PUT', '/v1/records/r1/fields/party.name/hidden/a%2Fb', undefined], ['DELETE', '/v1/records/r1/fields/party.name/hidden/crm', undefined],
    ]);
  });

  it('changes what an app may, and releases it', async () => {
    const board = await open();
    await board.changeApp('crm', { read: [] }).catch(() => undefined); // what it is answered, the contract's tests say
    await board.releaseApp('crm', 'party.bio').catch(() => undefined);
    expect(server.requests.filter((r) => r.path.startsWith('/v1/apps/')).map((r) => [r.method, r.path, r.body])).toEqual([
      ['PATCH', '/v1/apps/crm', { read: [] }], ['DELETE', '/v1/apps/crm/quarantine/party.bio', undefined],
    ]);
  });

  it('claims with the rev that was read, and for a while', async () => {
    const board = await open();
    await board.claim('r1', { 'call.disposition': { value: 'sold', ttlMs: 5000 } }, { rev: 6 });
    const { match, body } = server.requests.filter((r) => r.path !== '/v1/watch').at(-1)!;
    expect([match, body.claims]).toEqual(['"6"', [{ field: 'call.disposition', value: 'sold', quality: 'matched', ttl_ms: 5000 }]]);
    await board.claim('r1', { 'party.name': 'Ann' });
    expect(server.requests.filter((r) => r.path !== '/v1/watch').at(-1)?.match).toBeUndefined();
  });

  it('writes a note as it was seen, once per key', async () => {
    const board = await open();
    const last = () => server.requests.filter((r) => r.path !== '/v1/watch').at(-1)!;
    await board.putNote('r1', 'n-1', 'x', { seen: T, key: 'k-12345678' });
    expect([last().match, last().key]).toEqual([`"${T}"`, 'k-12345678']);
    await board.removeNote('r1', 'n-1', { seen: T, key: 'k-87654321' });
    expect([last().method, last().match, last().key]).toEqual(['DELETE', `"${T}"`, 'k-87654321']);
    await board.putNote('r1', 'n-1', 'y');
    expect([last().match, last().key]).toEqual([undefined, undefined]);
  });

  it('erases a person', async () => {
    const board = await open();
    expect((await board.erase({ numbers: ['+4512345678'], dry_run: true })).records).toEqual(['r1']);
    expect(server.requests.filter((r) => r.path !== '/v1/watch').at(-1)).toMatchObject({ method: 'POST', path: '/v1/erasures', body: { numbers: ['+4512345678'], dry_run: true } });
  });

  it('tells what was erased', async () => {
    const board = await open();
    expect((await board.erasures()).map((e) => e.records)).toEqual([['r1']]);
  });

  it('asks for time, and says of which fields nothing is known', async () => {
    const board = await open();
    board.enrich({ needs: ['party.number'], deadlineMs: 20_000 }, async (_, work) => {
      expect(await work.progress()).toBe(4000);
      return { nothing: ['party.company'], nothingForMs: 60_000 };
    });
    const watch = await server.watches.next();
    expect(watch.query.get('deadline_ms')).toBe('20000');
    watch.head().bookmark('e1:0').send(work('w1', record0('r1')));
    expect(await server.answers.next()).toEqual({ work: 'w1', answer: { nothing_found: true, nothing_fields: ['party.company'], nothing_for_ms: 60_000 } });
    expect(server.count('POST', '/v1/works/w1/progress')).toBe(1);
  });

  it('watches what is asked for', async () => {
    const board = await open();
    await server.watches.next();
    const stop = new AbortController();
    const reading = board.watch({ lines: ['l1'], states: ['open'], callStates: ['ringing', 'connected'], types: ['call.*'], fields: ['party.*'], signal: stop.signal }).next();
    const { query } = await server.watches.next();
    expect(Object.fromEntries(query)).toEqual({ lines: 'l1', states: 'open', call_states: 'ringing,connected', types: 'call.*', fields: 'party.*' });
    stop.abort();
    await reading;
  });
});

describe('watch', () => {
  it('yields every notification once, across breaks, and ends when left', async () => {
    const board = await open();
    (await server.watches.next()).head();
    const got: string[] = [];
    const loop = (async () => {
      for await (const n of board.watch({ cursor: 'e1:5', include: 'claims' })) {
        got.push(n.id);
        if (n.id === 'e1:8') break;
      }
    })();
    const first = await server.watches.next();
    expect([first.query.get('cursor'), first.query.get('include')]).toEqual(['e1:5', 'claims']);
    first.head().send(changed(6, 'r1', 2, {}), changed(7, 'r1', 3, {})).end();
    const second = await server.watches.next();
    expect(second.query.get('cursor')).toBe('e1:7');
    second.head().send(changed(7, 'r1', 3, {}), changed(8, 'r1', 4, {}));
    await loop;
    await second.closed;
    expect(got).toEqual(['e1:6', 'e1:7', 'e1:8']);
  });

  it('throws when its place is gone, and ends with the board', async () => {
    const board = await open();
    (await server.watches.next()).head();
    const lost = board.watch({ cursor: 'e0:1' }).next();
    problem((await server.watches.next()).response, 410, 'cursor_gone');
    await expect(lost).rejects.toMatchObject({ code: 'cursor_gone', status: 410 });
    const open2 = board.watch().next();
    (await server.watches.next()).head();
    await board.close();
    expect(await open2).toEqual({ done: true, value: undefined });
  });
});
