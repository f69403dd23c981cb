// Serves the built page with a toy board behind it, for working on the page without a phone system.
//   node dev/server.mjs [--scene=empty|idle|ringing|talking|lost|people|log|hostile] [--port=8748]
// Without a scene a call comes in every minute. Token: dev. POST /dev/<what> makes things happen: story, cut, refuse, accept, ring.
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DevBoard, wire } from './board.mjs';
import { past, ring, scenes, tell } from './story.mjs';

const option = (name, standard) => process.argv.find((a) => a.startsWith(`--${name}=`))?.split('=')[1] ?? standard;
const scene = option('scene');
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const TOKEN = 'dev';
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const KINDS = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

const board = new DevBoard();
const streams = new Set();
(scene ? scenes[scene] : past)(board);
const story = () => tell(board, (s) => sleep(s * 1000));

const problem = (status, code, detail, remedy) => Object.assign(new Error(code), { status, code, detail, remedy });
const need = (id) => board.records.get(id) ?? (() => { throw problem(404, 'record_unknown', `There is no record ${id}.`, 'List the records again.'); })();
const asked = (url) => url.searchParams.get('include') === 'claims';

/** Method and path to what is done; the last argument is the request's body. */
const routes = [
  ['GET', /^\/v1\/hello$/, () => ({ name: 'callboard', version: 'dev', api: 'v1' })],
  ['GET', /^\/v1\/status$/, () => ({ version: 'dev', source: 'user', epoch: board.epoch, lines: board.lines, store: { durable: true } })],
  ['GET', /^\/v1\/apps$/, () => ({ apps: board.apps, cycles: board.cycles })],
  ['DELETE', /^\/v1\/apps\/([^/]+)\/quarantine\/([^/]+)$/, ([id, field]) => void board.release(id, field)],
  ['GET', /^\/v1\/records$/, (_, url) => ({ cursor: board.cursor, records: [...board.records.values()].filter((r) => r.state === 'open').reverse().map((r) => wire(r, asked(url))) })],
  ['POST', /^\/v1\/records$/, (_, __, { number }) => {
    if (!/\d{3}/.test(number)) throw problem(422, 'number_invalid', `"${number}" is not a telephone number.`, 'Give it with its country code, such as +45 12 34 56 78.');
    const record = board.open('lookup', { 'party.number': ['user', number] });
    board.settle(record, 0, 2);
    return wire(record);
  }],
  ['GET', /^\/v1\/records\/([^/]+)$/, ([id], url) => wire(need(id), asked(url))],
  ['POST', /^\/v1\/records\/([^/]+)\/claims$/, ([id], _, { claims }) => {
    const record = need(id);
    const changed = board.claim(record, 'user', claims, 0);
    setTimeout(() => board.settle(record, 0, 40), 600);
    return { record: id, rev: record.rev, changed };
  }],
  ['PUT', /^\/v1\/records\/([^/]+)\/fields\/([^/]+)\/pin$/, ([id, field], _, { source }) => board.decide(need(id), field, (v) => { v.pin = source; })],
  ['DELETE', /^\/v1\/records\/([^/]+)\/fields\/([^/]+)\/pin$/, ([id, field]) => board.decide(need(id), field, (v) => { delete v.pin; })],
  ['PUT', /^\/v1\/records\/([^/]+)\/fields\/([^/]+)\/hidden\/([^/]+)$/, ([id, field, source]) => board.decide(need(id), field, (v) => {
    v.hidden = [...new Set([...v.hidden, source])];
    if (v.pin === source) delete v.pin;
  })],
  ['DELETE', /^\/v1\/records\/([^/]+)\/fields\/([^/]+)\/hidden\/([^/]+)$/, ([id, field, source]) => board.decide(need(id), field, (v) => {
    v.hidden = v.hidden.filter((other) => other !== source);
  })],
  ['GET', /^\/v1\/log$/, (_, { searchParams }) => board.callLog(Object.fromEntries(searchParams))],
  ['POST', /^\/v1\/records\/([^/]+)\/reopen$/, ([id]) => wire(board.reopen(need(id)))],
  ['PUT', /^\/v1\/records\/([^/]+)\/notes\/([^/]+)$/, ([id, item], _, { text }) => board.item(need(id), 'notes', 'user', { id: item, text })],
  ['DELETE', /^\/v1\/records\/([^/]+)\/notes\/([^/]+)$/, ([id, item]) => void board.removeItem(need(id), 'notes', item)],
  ['POST', /^\/v1\/session$/, (_, __, { code }) => {
    if (code !== 'dev') throw problem(401, 'code_unknown', 'The address was used before or is too old.', 'Run `callboard open` for a fresh one.');
    return { token: TOKEN, source: 'user' };
  }],
  ['POST', /^\/dev\/story$/, () => void story()],
  ['POST', /^\/dev\/ring$/, () => void ring(board)],
  ['POST', /^\/dev\/cut$/, () => streams.forEach((s) => s.destroy())],
  ['POST', /^\/dev\/refuse$/, () => { board.refusing = true; }],
  ['POST', /^\/dev\/accept$/, () => { board.refusing = false; }],
];
const OPEN = /^\/(v1\/(hello|session)$|dev\/)/;

async function api(req, res, url) {
  if (board.refusing && url.pathname.startsWith('/v1/')) throw problem(503, 'unavailable', 'Callboard is being stopped.', 'Start it again.');
  if (!OPEN.test(url.pathname) && req.headers.authorization !== `Bearer ${TOKEN}`) {
    throw problem(401, 'unauthorized', 'The token is not valid.', 'Run `callboard open` and open the address that it prints.');
  }
  if (url.pathname === '/v1/watch') return watch(res, url);
  let text = '';
  for await (const chunk of req) text += chunk;
  for (const [method, path, act] of routes) {
    const match = req.method === method && path.exec(url.pathname);
    if (!match) continue;
    const value = act(match.slice(1), url, text ? JSON.parse(text) : {});
    return void res.writeHead(value === undefined ? 204 : 200, { 'content-type': 'application/json' }).end(value === undefined ? undefined : JSON.stringify(value));
  }
  throw problem(404, 'unknown_path', `There is nothing at ${url.pathname}.`);
}

function watch(res, url) {
  const [epoch, seq] = (url.searchParams.get('cursor') ?? board.cursor).split(':');
  if (epoch !== board.epoch) throw problem(410, 'cursor_gone', 'The cursor is of another epoch.', 'List again.');
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const send = (n) => res.write(`event: ${n.type}\nid: ${n.id}\ndata: ${JSON.stringify(n)}\n\n`);
  const bookmark = () => send({ specversion: '1.0', id: board.cursor, source: 'alice', type: 'bookmark', time: new Date().toISOString(), data: { cursor: board.cursor } });
  send({ specversion: '1.0', id: `${epoch}:${seq}`, source: 'alice', type: 'bookmark', time: new Date().toISOString(), data: { cursor: `${epoch}:${seq}` } });
  board.log.slice(Number(seq)).forEach(send);
  board.watchers.add(send);
  streams.add(res);
  const timer = setInterval(bookmark, 15_000);
  res.on('close', () => {
    clearInterval(timer);
    board.watchers.delete(send);
    streams.delete(res);
  });
}

function page(res, path) {
  const file = join(dist, normalize(path === '/' ? '/index.html' : path));
  if (!file.startsWith(dist) || !existsSync(file)) return void res.writeHead(404).end('not found');
  res.writeHead(200, {
    'content-type': KINDS[extname(file)] ?? 'text/plain; charset=utf-8', 'content-security-policy': CSP, 'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin',
  });
  createReadStream(file).pipe(res);
}

createServer((req, res) => {
  const url = new URL(req.url, 'http://x');
  if (url.pathname === '/lookup') return page(res, '/');
  if (!/^\/(v1|dev)\//.test(url.pathname)) return page(res, url.pathname);
  api(req, res, url).catch(({ status = 500, code = 'internal', detail, message, remedy }) => {
    res.writeHead(status, { 'content-type': 'application/problem+json' })
      .end(JSON.stringify({ type: `urn:callboard:problem:${code}`, title: code, status, code, detail: detail ?? message, remedy }));
  });
}).listen(Number(option('port', '8748')), '127.0.0.1', function () {
  console.log(`http://127.0.0.1:${this.address().port}/#code=dev`);
});

if (!scene) {
  for (;;) {
    await sleep(3000);
    await story();
    await sleep(25_000);
  }
}
