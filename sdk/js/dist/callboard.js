// @callboard/sdk. Apache-2.0. Built from sdk/js/src; do not edit.

// src/record.ts
function recordOf(wire) {
  return deepFreeze({
    ...wire,
    fields: wire.fields ?? {},
    items: wire.items ?? {},
    party: valuesUnder(wire, "party."),
    user: valuesUnder(wire, "user."),
    notes: wire.items?.["notes"] ?? []
  });
}
function valuesUnder(wire, prefix) {
  return Object.fromEntries(Object.entries(wire.fields ?? {}).filter(([name]) => name.startsWith(prefix)).map(([name, field]) => [name.slice(prefix.length), field.value]));
}
function deepFreeze(value) {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return value;
}

// src/copy.ts
var WHOLE = /* @__PURE__ */ new Set(["record.opened", "record.joined", "record.added", "record.newest"]);
var CLOSED_KEPT = 500;
var Copy = class {
  #held = /* @__PURE__ */ new Map();
  /** Replaces everything by a snapshot. */
  replace(records) {
    this.#held = new Map(records.map((wire) => [wire.id, { record: recordOf(wire), told: wire.rev }]));
  }
  /** Adds a record that was fetched because a notification of `rev` named it and it was not held. */
  add(wire, rev) {
    this.#held.set(wire.id, { record: recordOf(wire), told: rev - 1 });
  }
  get(id) {
    return this.#held.get(id)?.record;
  }
  /** Newest first, as the list gives them. */
  all() {
    return [...this.#held.values()].map((h) => h.record).sort((a, b) => compare(b.opened_at, a.opened_at) || compare(b.id, a.id));
  }
  /** Whether the record must be fetched before the notification can be applied. */
  lacks(n) {
    return revOf(n) !== void 0 && n.subject !== void 0 && !this.#held.has(n.subject) && !WHOLE.has(n.type) && n.type !== "record.removed";
  }
  /** Takes a notification of a record in; false when it was told of before (delivery is at least once across reconnects). */
  apply(n) {
    const rev = revOf(n);
    if (rev === void 0 || n.subject === void 0) return true;
    const held = this.#held.get(n.subject);
    if (held && rev <= held.told) return false;
    if (!held || rev > held.record.rev) {
      const next = changed(held?.record, n);
      if (!next) return true;
      this.#held.set(n.subject, { record: recordOf(next), told: rev });
      if (n.type === "record.closed") this.#forgetOldest();
    } else {
      held.told = rev;
    }
    return true;
  }
  #forgetOldest() {
    const closed = this.all().filter((r) => r.state === "closed");
    for (const record of closed.slice(CLOSED_KEPT)) this.#held.delete(record.id);
  }
};
function revOf(n) {
  if (n.type === "work") return void 0;
  const rev = n.data.rev;
  return typeof rev === "number" ? rev : void 0;
}
function changed(record, n) {
  if (n.type === "record.opened" || n.type === "record.joined" || n.type === "record.added" || n.type === "record.newest") return { ...n.data.record, rev: n.data.rev };
  if (!record) return void 0;
  if (n.type.startsWith("call.")) {
    return { ...record, rev: n.data.rev, call: n.data.call };
  }
  switch (n.type) {
    case "record.erased":
      return n.data.record ? { ...n.data.record, rev: n.data.rev } : erased(record, n.data.rev);
    case "record.changed":
      return withFields(record, n.data);
    case "record.settled": {
      const { rev, ...settled } = n.data;
      return { ...record, rev, wave: Math.max(record.wave ?? 0, settled.wave), settled };
    }
    case "field.contended":
      return contended(record, n.data, n.time);
    case "record.closed":
      return { ...record, rev: n.data.rev, state: "closed", closed_at: n.time };
    case "item.added":
    case "item.changed":
      return withItem(record, n.data, (list, item) => list.some((i) => i.id === item.id) ? list.map((i) => i.id === item.id ? item : i) : [...list, item]);
    case "item.removed":
      return withItem(record, n.data, (list, item) => list.filter((i) => i.id !== item.id));
    default:
      return record;
  }
}
function erased(record, rev) {
  const { id, line, origin, state, opened_at, closed_at, erased_at, complete } = record;
  return { id, line, origin, state, opened_at, ...closed_at && { closed_at }, ...erased_at && { erased_at }, complete, durable: true, rev, fields: {}, items: {} };
}
function withFields(record, data) {
  const fields = { ...record.fields, ...data.fields };
  for (const [name, field] of Object.entries(data.fields)) if (field === null) delete fields[name];
  const next = { ...record, rev: data.rev, fields };
  if (data.items) next.items = { ...record.items, ...data.items };
  setBlank(next, data);
  if (data.nothing) setNothing(next, data.nothing);
  next.wave = Math.max(record.wave ?? 0, data.wave);
  if (next.wave > (record.wave ?? 0)) delete next.contended;
  return next;
}
function contended(record, data, at) {
  const wave = Math.max(record.wave ?? 0, data.wave);
  const before = wave === record.wave ? record.contended : void 0;
  return { ...record, rev: data.rev, wave, contended: { ...before, [data.field]: { sources: data.sources, at, wave: data.wave } } };
}
function setBlank(next, data) {
  const blank = { ...next.blank };
  for (const name of Object.keys(data.fields)) delete blank[name];
  Object.assign(blank, data.blank);
  delete next.blank;
  if (Object.keys(blank).length > 0) next.blank = blank;
}
function setNothing(next, said) {
  const others = (next.nothing ?? []).filter((n) => n.source !== said.source || n.fields.join() !== said.fields.join());
  const nothing = said.until ? [...others, said] : others;
  delete next.nothing;
  if (nothing.length > 0) next.nothing = nothing;
}
function withItem(record, data, edit) {
  const list = edit(record.items[data.list] ?? [], data.item);
  return { ...record, rev: data.rev, items: { ...record.items, [data.list]: list } };
}
function compare(a, b) {
  const byTime = Date.parse(a) - Date.parse(b);
  return byTime || (a < b ? -1 : a > b ? 1 : 0);
}

// src/error.ts
var CallboardError = class extends Error {
  /** A code of the API (`unauthorized`, `cursor_gone`, …), or one of the SDK's own: `unreachable`, `unexpected_answer`, `bad_stream`, `bad_option`, `wrong_app`, `closed`, `handler`. */
  code;
  /** The HTTP status; 0 when no answer came. */
  status;
  detail;
  remedy;
  constructor(code, status, detail, remedy = "", cause) {
    super(remedy ? `${detail.replace(/\.$/, "")}; ${remedy}` : detail, cause === void 0 ? void 0 : { cause });
    this.name = "CallboardError";
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.remedy = remedy;
  }
};
async function problemOf(response) {
  const status = response.status;
  try {
    if (/^application\/(problem\+)?json\b/.test(response.headers.get("content-type") ?? "")) {
      const problem = await response.json();
      if (problem && typeof problem.code === "string") {
        return new CallboardError(problem.code, status, problem.detail || problem.title || problem.code, problem.remedy);
      }
    } else {
      await response.body?.cancel();
    }
  } catch {
  }
  return unexpected(response.url, `answered with status ${status}`, status);
}
function unexpected(url, what, status = 0) {
  return new CallboardError(
    "unexpected_answer",
    status,
    `${url} ${what}, which is not an answer of Callboard.`,
    "Check that the address is the one that Callboard printed."
  );
}
function isRefusal(error) {
  return error.status === 401 || error.status === 403;
}
function asCallboardError(error) {
  if (error instanceof CallboardError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new CallboardError("handler", 0, text, "", error);
}

// src/enrich.ts
var Enrichers = class {
  #registered = /* @__PURE__ */ new Set();
  add(enricher, handler) {
    const entry = { enricher, handler };
    this.#registered.add(entry);
    return () => void this.#registered.delete(entry);
  }
  registration() {
    const deadlines = [...this.#registered].flatMap((r) => r.enricher.deadlineMs ?? []);
    const union = (key) => [...new Set([...this.#registered].flatMap((r) => r.enricher[key] ?? []))].sort();
    return { needs: union("needs"), gives: union("gives"), on: union("on"), deadlineMs: deadlines.length > 0 ? Math.max(...deadlines) : void 0 };
  }
  /** Runs the handlers that a work concerns and puts their replies into one answer. Errors of handlers go to `failed`. */
  async answer(wire, failed, progress) {
    const { record: wireRecord, ...stated } = wire;
    const work = Object.freeze({ ...stated, progress });
    const record = recordOf(wireRecord);
    const ran = await Promise.allSettled(
      [...this.#registered].filter((r) => concerns(r.enricher, work)).map(async (r) => replyOf(await r.handler(record, work)))
    );
    const errors = ran.flatMap((r) => r.status === "rejected" ? [asCallboardError(r.reason)] : []);
    errors.forEach(failed);
    return combine(ran.flatMap((r) => r.status === "fulfilled" ? [r.value] : []), errors);
  }
};
function concerns(enricher, work) {
  const moments = work.moments ?? [];
  if (work.changed.length === 0 && moments.length === 0) return true;
  return moments.some((m) => enricher.on?.includes(m)) || work.changed.some((field) => enricher.needs?.some((need) => covers(need, field)));
}
function covers(need, field) {
  return need.endsWith("*") ? field.startsWith(need.slice(0, -1)) : need === field;
}
var NOTHING_SAID = { nothing: void 0, nothingForMs: void 0 };
function replyOf(reply) {
  if (!reply) return { claims: [], items: [], ...NOTHING_SAID };
  if (typeof reply !== "object") throw new TypeError(`An enricher returned ${typeof reply}; it returns claims, a reply or nothing.`);
  if ("claims" in reply || "items" in reply || "nothing" in reply) {
    const { claims, items, nothing, nothingForMs } = reply;
    return { claims: claimsOf(claims ?? {}), items: items ?? [], nothing: typeof nothing === "object" ? nothing : void 0, nothingForMs };
  }
  return { claims: claimsOf(reply), items: [], ...NOTHING_SAID };
}
function claimsOf(claims) {
  return Object.entries(claims).flatMap(([field, said]) => {
    if (said === void 0) return [];
    const { value, quality, ttlMs } = typeof said === "object" && said !== null ? said : { value: said, quality: void 0, ttlMs: void 0 };
    if (value === null || value === "") return [{ field, value: "" }];
    if (value === void 0 || typeof value === "object" || typeof value === "function") {
      throw new TypeError(`The claim on ${field} has no value that can be shown; give a string, or {value, quality}.`);
    }
    return [{ field, value: String(value), quality: quality ?? "matched", ...ttlMs !== void 0 && { ttl_ms: ttlMs } }];
  });
}
var STRENGTH = { guess: 0, derived: 1, matched: 2, verified: 3, confirmed: 4 };
function combine(said, errors) {
  const best = /* @__PURE__ */ new Map();
  for (const claim of said.flatMap((s) => s.claims)) {
    const other = best.get(claim.field);
    if (!other || strength(claim) > strength(other)) best.set(claim.field, claim);
  }
  const items = said.flatMap((s) => s.items);
  const answer = {};
  if (best.size > 0) answer.claims = [...best.values()];
  if (items.length > 0) answer.items = items;
  if (best.size === 0 && items.length === 0) {
    const error = errors[0];
    if (error) answer.error = error.detail.slice(0, 512);
    else answer.nothing_found = true;
  }
  const fields = [...new Set(said.flatMap((s) => s.nothing ?? []))];
  if (!answer.error && fields.length > 0) Object.assign(answer, { nothing_found: true, nothing_fields: fields });
  const lives = said.flatMap((s) => s.nothingForMs ?? []);
  if (answer.nothing_found && lives.length > 0) answer.nothing_for_ms = Math.min(...lives);
  return answer;
}
function strength(claim) {
  return claim.value === "" ? -1 : STRENGTH[claim.quality ?? "matched"];
}

// src/abort.ts
var acts = /* @__PURE__ */ new WeakMap();
function onAbort(signal, act) {
  if (!signal || signal.aborted) {
    if (signal) act();
    return () => void 0;
  }
  const waiting = acts.get(signal) ?? listen(signal);
  waiting.add(act);
  return () => void waiting.delete(act);
}
function listen(signal) {
  const waiting = /* @__PURE__ */ new Set();
  acts.set(signal, waiting);
  signal.addEventListener("abort", () => {
    for (const act of waiting) act();
  }, { once: true });
  return waiting;
}

// src/http.ts
var PATIENCE = 15e3;
var AGAIN = 250;
var KEEPALIVE_LIMIT = 16 * 1024;
var Http = class {
  base;
  #token;
  #held;
  constructor(url, token) {
    this.base = baseOf(url);
    this.#token = token;
  }
  /** The token; asked for once and kept, and asked for again after a 401. */
  #currentToken() {
    this.#held ??= (async () => typeof this.#token === "function" ? this.#token() : this.#token)();
    return this.#held;
  }
  /** Sends one request and returns the answer if it is a good one. */
  async ask(method, path2, ask = {}) {
    const first = await this.#send(method, path2, ask);
    if (first.ok) return first;
    const problem = await problemOf(first);
    if (first.status !== 401 || typeof this.#token !== "function") throw problem;
    const refused = await this.#currentToken();
    this.#held = void 0;
    if (await this.#currentToken() === refused) throw problem;
    const second = await this.#send(method, path2, ask);
    if (second.ok) return second;
    throw await problemOf(second);
  }
  async json(method, path2, body, signal) {
    return this.once(method, path2, { body, signal });
  }
  /** Sends one request, once. */
  async once(method, path2, ask) {
    return readJSON(await this.ask(method, path2, ask));
  }
  /** Writes, once per key; with a match only if that is still so. What did not arrive is sent once more with its key. */
  async write(method, path2, ask) {
    try {
      return await readJSON(await this.ask(method, path2, ask));
    } catch (error) {
      if (!(error instanceof CallboardError) || error.code !== "unreachable" || ask.signal?.aborted) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
    return readJSON(await this.ask(method, path2, ask));
  }
  /** Gives a command, once per key. It waits longer than a read does: a phone has to do something. */
  async command(path2, body, key) {
    return readJSON(await this.ask("POST", path2, { body, key, patience: 2 * PATIENCE }));
  }
  async #send(method, path2, ask) {
    let token;
    try {
      token = await this.#currentToken();
    } catch (cause) {
      this.#held = void 0;
      throw new CallboardError("unreachable", 0, "The token could not be had.", "Look at what the `token` function does.", cause);
    }
    return send(this.base + path2, method, {
      authorization: `Bearer ${token}`,
      ...ask.key && { "idempotency-key": ask.key },
      ...ask.match !== void 0 && { "if-match": `"${ask.match}"` }
    }, ask);
  }
};
async function exchangeCode(url, code) {
  const response = await send(baseOf(url) + "/v1/session", "POST", {}, { body: { code } });
  if (!response.ok) throw await problemOf(response);
  return readJSON(response);
}
async function send(url, method, headers, ask) {
  const abort = new AbortController();
  const leave = onAbort(ask.signal, () => abort.abort(ask.signal?.reason));
  const patience = ask.patience ?? PATIENCE;
  const timer = setTimeout(() => abort.abort(new Error(`No answer within ${patience} ms.`)), patience);
  const init = {
    method,
    headers: { accept: ask.accept ?? "application/json", ...headers },
    signal: abort.signal,
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    // the token goes to nobody else
    referrerPolicy: "no-referrer"
  };
  if (ask.body !== void 0) {
    init.body = JSON.stringify(ask.body);
    init.headers = { ...init.headers, "content-type": "application/json" };
  }
  if (ask.keepalive && (typeof init.body !== "string" || init.body.length < KEEPALIVE_LIMIT)) init.keepalive = true;
  try {
    return await fetch(url, init);
  } catch (cause) {
    const reason = abort.signal.aborted ? abort.signal.reason : cause;
    throw unreachable(url, reason);
  } finally {
    clearTimeout(timer);
    if (ask.accept !== EVENT_STREAM) leave();
  }
}
var EVENT_STREAM = "text/event-stream";
function unreachable(url, cause) {
  return new CallboardError(
    "unreachable",
    0,
    `Callboard at ${new URL(url).origin} cannot be reached: ${reasonOf(cause)}`,
    "Check that it is running and that the address is right.",
    cause
  );
}
function reasonOf(cause) {
  if (!(cause instanceof Error)) return "the connection was closed.";
  const inner = cause.cause instanceof Error ? cause.cause : cause;
  const text = inner.message || inner.code || inner.name;
  return /[.!?]$/.test(text) ? text : text + ".";
}
async function readJSON(response) {
  if (response.status === 204) return void 0;
  let text;
  try {
    text = await response.text();
  } catch (cause) {
    throw unreachable(response.url, cause);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw unexpected(response.url, "answered with something that is not JSON", response.status);
  }
}
function baseOf(url) {
  let parsed;
  try {
    parsed = new URL(url);
  } catch {
    throw new CallboardError("bad_option", 0, `\`url\` is not an address: ${String(url)}`, "Use one such as http://127.0.0.1:8747.");
  }
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw new CallboardError("bad_option", 0, `\`url\` begins with ${parsed.protocol}`, "Use an http or https address.");
  }
  return parsed.origin + parsed.pathname.replace(/\/+$/, "");
}

// src/sse.ts
var MAX_FRAME = 16 * 1024 * 1024;
var FrameReader = class {
  #decoder = new TextDecoder();
  // drops the BOM, keeps half a character for the next chunk
  #line = [];
  #size = 0;
  #skipLF = false;
  #event = "";
  #id;
  #data = [];
  #max;
  constructor(max = MAX_FRAME) {
    this.#max = max;
  }
  push(chunk) {
    const text = this.#decoder.decode(chunk, { stream: true });
    const frames = [];
    let from = this.#skipLF && text.startsWith("\n") ? 1 : 0;
    if (text !== "") this.#skipLF = false;
    const end = /\r\n|\r|\n/g;
    end.lastIndex = from;
    for (let m = end.exec(text); m; m = end.exec(text)) {
      this.#grow(text.slice(from, m.index));
      from = end.lastIndex;
      if (m[0] === "\r" && from === text.length) this.#skipLF = true;
      const frame = this.#endOfLine();
      if (frame) frames.push(frame);
    }
    this.#grow(text.slice(from));
    return frames;
  }
  #grow(part) {
    if (part === "") return;
    this.#size += part.length;
    if (this.#size > this.#max) throw new RangeError(`A frame is longer than ${this.#max} characters.`);
    this.#line.push(part);
  }
  #endOfLine() {
    const line = this.#line.join("");
    this.#line = [];
    if (line === "") return this.#endOfFrame();
    const colon = line.indexOf(":");
    if (colon === 0) {
      this.#size -= line.length;
      return void 0;
    }
    const name = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    return void 0;
  }
  #endOfFrame() {
    const frame = this.#data.length > 0 ? { event: this.#event, id: this.#id, data: this.#data.join("\n") } : void 0;
    this.#event = "";
    this.#id = void 0;
    this.#data = [];
    this.#size = 0;
    return frame;
  }
};

// src/stream.ts
async function* openStream(http, options) {
  const abort = new AbortController();
  const leave = onAbort(options.signal, () => abort.abort(options.signal.reason));
  let quietTimer;
  const heard = () => {
    clearTimeout(quietTimer);
    quietTimer = setTimeout(() => abort.abort(new Error(`nothing was heard for ${options.quiet} ms.`)), options.quiet);
  };
  try {
    const response = await http.ask("GET", "/v1/watch" + queryOf(options), { accept: EVENT_STREAM, signal: abort.signal });
    const kind = response.headers.get("content-type") ?? "";
    if (!kind.startsWith(EVENT_STREAM) || !response.body) throw unexpected(response.url, `sent ${kind || "nothing"} where a stream was due`);
    const reader = response.body.getReader();
    const frames = new FrameReader();
    try {
      for (; ; ) {
        heard();
        const { done, value } = await readChunk(reader, http.base, abort.signal);
        if (done) return;
        for (const frame of framesOf(frames, value, http.base)) yield parse(frame.data, http.base);
      }
    } finally {
      await reader.cancel().catch(() => void 0);
    }
  } finally {
    clearTimeout(quietTimer);
    leave();
    abort.abort();
  }
}
async function readChunk(reader, url, signal) {
  try {
    return await reader.read();
  } catch (cause) {
    throw unreachable(url, signal.aborted ? signal.reason : cause);
  }
}
function framesOf(frames, chunk, url) {
  try {
    return frames.push(chunk);
  } catch (cause) {
    throw garbage(url, cause instanceof Error ? cause.message : String(cause));
  }
}
function parse(data, url) {
  let value;
  try {
    value = JSON.parse(data);
  } catch {
    throw garbage(url, "A frame of the stream is not JSON.");
  }
  const n = value;
  if (typeof n !== "object" || n === null || typeof n.type !== "string" || typeof n.id !== "string" || typeof n.data !== "object" || n.data === null) {
    throw garbage(url, "A frame of the stream is not a notification.");
  }
  return n;
}
function garbage(url, detail) {
  return new CallboardError("bad_stream", 0, detail, `Check that ${url} is Callboard and that nothing between changes what it sends.`);
}
function queryOf(options) {
  const query = new URLSearchParams();
  if (options.cursor !== void 0) query.set("cursor", options.cursor);
  if (options.include) query.set("include", options.include);
  if (options.coalesce) query.set("coalesce", options.coalesce);
  for (const key of ["needs", "gives", "on", "lines", "states", "callStates", "types", "fields"]) {
    const names = options[key];
    if (names?.length) query.set(key === "callStates" ? "call_states" : key, names.join(","));
  }
  if (options.deadlineMs !== void 0) query.set("deadline_ms", String(options.deadlineMs));
  const text = query.toString();
  return text && "?" + text;
}
function cursorAfter(n) {
  if (n.type === "bookmark") return n.data.cursor;
  return n.type === "work" || n.type === "reset" || n.coalesced ? void 0 : n.id;
}
var RETRY = { min: 250, max: 15e3, quiet: 6e4 };
function backOff(attempt, retry, random2 = Math.random) {
  const full = Math.min(retry.max, retry.min * 2 ** Math.min(attempt, 20));
  return full * (0.5 + random2() / 2);
}
function pause(ms, signal) {
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

// src/webhooks.ts
var Webhooks = class {
  #http;
  /** @internal See Board.webhooks. */
  constructor(http) {
    this.#http = http;
  }
  async list() {
    return (await this.#http.json("GET", "/v1/webhooks")).webhooks;
  }
  /** Lets an app in. The signing secret is given this once. */
  add(hook) {
    return this.#http.json("POST", "/v1/webhooks", hook);
  }
  /** What is left out stays. `enabled: true` also lets one go on that Callboard has disabled. */
  change(id, change) {
    return this.#http.json("PATCH", path(id), change);
  }
  /** Takes the app away, with all that waits for it. */
  remove(id) {
    return this.#http.json("DELETE", path(id));
  }
  /** Gives a new signing secret. The former signs too for so long; absent: a day. */
  rotate(id, options = {}) {
    const query = options.overlapMs === void 0 ? "" : `?overlap_ms=${options.overlapMs}`;
    return this.#http.json("POST", `${path(id)}/secret${query}`);
  }
  /** Sends a test now, and says what came of it. */
  test(id) {
    return this.#http.json("POST", `${path(id)}/test`);
  }
  /** A page of what was and is to be delivered, the newest first. `next` is the `before` of the next page. */
  log(id, options = {}) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(options)) query.set(name, String(value));
    return this.#http.json("GET", `${path(id)}/deliveries?${query}`);
  }
  /** Sends a delivery of the log once more, with the newest state of its record. */
  resend(id, delivery) {
    return this.#http.json("POST", `${path(id)}/deliveries/${encodeURIComponent(delivery)}/resend`);
  }
};
function path(id) {
  return `/v1/webhooks/${encodeURIComponent(id)}`;
}

// src/board.ts
var ANSWER_TRIES = 4;
var GOOD_CONNECTION = 5e3;
var Board = class {
  /** The apps that are reached at a URL. For the person's token only. */
  webhooks;
  #http;
  #retry;
  #copy = new Copy();
  #enrichers = new Enrichers();
  #handlers = /* @__PURE__ */ new Map();
  #closing = new AbortController();
  #state = "connecting";
  #cursor;
  #connection = new AbortController();
  #registered = "";
  #working = /* @__PURE__ */ new Set();
  #running;
  /** @internal Use connect(). */
  constructor(options) {
    this.#http = new Http(options.url, options.token);
    this.webhooks = new Webhooks(this.#http);
    this.#retry = { ...RETRY, ...options.retry };
    if (options.onStatus) this.on("status", options.onStatus);
    options.signal?.addEventListener("abort", () => void this.close(), { signal: this.#closing.signal });
    if (options.signal?.aborted) void this.close();
  }
  /** The state of the link to Callboard. (Those of the lines to the PBX are in status().) */
  get state() {
    return this.#state;
  }
  /** The place up to which the copy is current. */
  get cursor() {
    return this.#cursor;
  }
  /** @internal Lists for the first time, then follows in the background. */
  async start(app) {
    this.#setState("connecting", void 0, true);
    for (let attempt = 0; ; attempt++) {
      try {
        if (app !== void 0) await this.#checkApp(app);
        await this.#list();
        break;
      } catch (error) {
        const problem = asCallboardError(error);
        if (this.#closing.signal.aborted) throw closedError();
        if (isRefusal(problem)) this.#setState("unauthorized", problem);
        if (isRefusal(problem) || !isPassing(problem)) {
          await this.close();
          throw problem;
        }
        this.#setState("offline", problem);
        await pause(backOff(attempt, this.#retry), this.#closing.signal);
      }
    }
    this.#running = this.#follow();
  }
  async #checkApp(app) {
    const { source } = await this.status();
    if (source === app) return;
    throw new CallboardError(
      "wrong_app",
      0,
      `The token speaks for \`${source}\`, not for \`${app}\`.`,
      "Use the token that was shown when the app was let in."
    );
  }
  on(type, fn) {
    const all = this.#handlers.get(type) ?? /* @__PURE__ */ new Set();
    this.#handlers.set(type, all.add(fn));
    return () => void all.delete(fn);
  }
  /**
   * Registers what your app knows about. Several calls make one registration. `fn` is called for each work that concerns it,
   * more than once per record when what you need improves.
   */
  enrich(enricher, fn) {
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
  async *watch(options = {}) {
    const stop = new AbortController();
    const end = () => stop.abort();
    for (const signal of [options.signal, this.#closing.signal]) {
      if (signal?.aborted) end();
      signal?.addEventListener("abort", end, { signal: stop.signal });
    }
    let cursor = options.cursor;
    try {
      for (let attempt = 0; !stop.signal.aborted; attempt++) {
        try {
          for await (const n of openStream(this.#http, { ...options, cursor, signal: stop.signal, quiet: this.#retry.quiet })) {
            if (n.type === "reset") throw new CallboardError("cursor_gone", 410, `The stream was ended: ${n.data.reason}`, "List again.");
            const next = cursorAfter(n);
            if (next !== void 0 && isSeen(next, cursor) && n.type !== "bookmark") continue;
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
  records(filter = {}) {
    const all = this.#copy.all();
    return filter.state ? all.filter((r) => r.state === filter.state) : all;
  }
  /** One record as it is now, from the board or from the store; with `include: 'claims'` all claims of every field. */
  async getRecord(id, options = {}) {
    const query = options.include ? `?include=${options.include}` : "";
    return recordOf(await this.#http.json("GET", `/v1/records/${encodeURIComponent(id)}${query}`, void 0, this.#closing.signal));
  }
  /**
   * A page of the call log, newest first. With its `next` as the `cursor` of the same query comes the next page: each call once, while others come
   * in before it. An app is shown what it may read only, and cannot look by the rest.
   */
  log({ signal, ...query } = {}) {
    const asked2 = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== void 0 && value !== "") asked2.set(name, value instanceof Date ? value.toISOString() : String(value));
    }
    return this.#http.json("GET", `/v1/log?${asked2}`, void 0, signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal);
  }
  /** The lines and their links to the PBX, the store, and who you are. */
  status() {
    return this.#http.json("GET", "/v1/status", void 0, this.#closing.signal);
  }
  // ---- letting apps in: for the person
  /** The apps that hold a token: what each may, whether it works just now, what it is barred from; and the rings among them. */
  apps() {
    return this.#http.json("GET", "/v1/apps", void 0, this.#closing.signal);
  }
  /** Changes what an app may; what is absent stays. It keeps its token. */
  changeApp(app, change) {
    return this.#http.json("PATCH", `/v1/apps/${encodeURIComponent(app)}`, change);
  }
  /** Lets an app write a field again that it was barred from because it ran in circles there. */
  releaseApp(app, field) {
    return this.#http.json("DELETE", `/v1/apps/${encodeURIComponent(app)}/quarantine/${encodeURIComponent(field)}`);
  }
  // ---- writing
  /**
   * Says what you know, outside any work. All claims are taken or none. To pick one of several people (`party.candidates`) the
   * person claims `party.candidate` with `${item.source}/${item.id}`.
   */
  claim(recordId, claims, options = {}) {
    return this.#http.write("POST", `/v1/records/${encodeURIComponent(recordId)}/claims`, { body: { claims: claimsOf(claims) }, ...options.rev !== void 0 && { match: String(options.rev) }, key: newKey() });
  }
  // ---- deciding: for the person
  /** Lets what one source says be shown, whatever the others say, until the person pins another, types their own or takes it back. */
  pin(recordId, field, source) {
    return this.#http.json("PUT", fieldPath(recordId, field, "pin"), { source });
  }
  unpin(recordId, field) {
    return this.#http.json("DELETE", fieldPath(recordId, field, "pin"));
  }
  /** Hides what one source says of a field: it is kept, and neither shown nor counted. */
  hide(recordId, field, source) {
    return this.#http.json("PUT", fieldPath(recordId, field, "hidden", source));
  }
  unhide(recordId, field, source) {
    return this.#http.json("DELETE", fieldPath(recordId, field, "hidden", source));
  }
  // ---- noting
  addNote(recordId, text) {
    return this.#http.write("POST", `/v1/records/${encodeURIComponent(recordId)}/notes`, { body: { text }, key: newKey() });
  }
  /** Writes a note under an id of your own making (see newNoteId); safe to repeat, and outlives a page that is being closed. */
  putNote(recordId, noteId, text, options = {}) {
    return this.#http.once("PUT", notePath(recordId, noteId), { body: { text }, keepalive: true, ...asked(options) });
  }
  removeNote(recordId, noteId, options = {}) {
    return this.#http.once("DELETE", notePath(recordId, noteId), { keepalive: true, ...asked(options) });
  }
  /**
   * Opens a record without a call, for a number or for whatever is known of somebody: `{ email }`, `{ vcard }`…; the next call with its
   * number joins it.
   */
  async lookup(sought) {
    const body = typeof sought === "string" ? { number: sought } : sought;
    return recordOf(await this.#http.write("POST", "/v1/records", { body, key: newKey() }));
  }
  /** Puts a closed record back on the board: every app works on it anew. For the person, and for apps that may `reopen`. */
  async reopen(recordId) {
    return recordOf(await this.#http.write("POST", `/v1/records/${encodeURIComponent(recordId)}/reopen`, { key: newKey() }));
  }
  /** Closes a record before its time. For the person. */
  async closeRecord(recordId) {
    return recordOf(await this.#http.write("POST", `/v1/records/${encodeURIComponent(recordId)}/close`, { key: newKey() }));
  }
  /** Erases a person from the board, the log and the database; with `dry_run` it only tells what would go. For the person. It cannot be undone. */
  erase(who) {
    return this.#http.once("POST", "/v1/erasures", { body: who, patience: 3e4 });
  }
  /** The proofs of what was erased, the newest 100 first. For the person. */
  async erasures() {
    return (await this.#http.json("GET", "/v1/erasures", void 0, this.#closing.signal)).erasures;
  }
  // ---- calling: for the person, and for apps that were let (`callboard app add --may dial,control`)
  /** Rings the user's phone and, once that is answered, calls a number. Gives the id of the record that becomes the call. */
  async dial(number, options = {}) {
    const body = { number, ...options.extension && { extension: options.extension } };
    return (await this.#http.command("/v1/calls", body, options.key ?? newKey())).record;
  }
  /**
   * Does something with a record's call; `record.call.actions` lists what is possible just now. Resolves when the PBX has taken it:
   * what becomes of the call comes with the stream. The methods below say it shorter.
   */
  async command(recordId, command, options = {}) {
    const body = { ...command, ...options.extension && { extension: options.extension } };
    await this.#http.command(`/v1/records/${encodeURIComponent(recordId)}/commands`, body, options.key ?? newKey());
  }
  /** Makes the ringing phone answer. */
  answer(recordId, options) {
    return this.command(recordId, { command: "answer" }, options);
  }
  /** Ends the call; one that rings here is rejected. */
  hangup(recordId, options) {
    return this.command(recordId, { command: "hangup" }, options);
  }
  hold(recordId, options) {
    return this.command(recordId, { command: "hold" }, options);
  }
  resume(recordId, options) {
    return this.command(recordId, { command: "resume" }, options);
  }
  /** Sends the other party to a number. */
  transfer(recordId, to, options) {
    return this.command(recordId, { command: "transfer", to }, options);
  }
  /** Lets the other party wait while a number is called; then complete() or cancel(). */
  consult(recordId, to, options) {
    return this.command(recordId, { command: "consult", to }, options);
  }
  complete(recordId, options) {
    return this.command(recordId, { command: "complete" }, options);
  }
  cancel(recordId, options) {
    return this.command(recordId, { command: "cancel" }, options);
  }
  /** Gives the other parties of two calls to each other. */
  join(recordId, otherRecordId, options) {
    return this.command(recordId, { command: "join", record: otherRecordId }, options);
  }
  park(recordId, options) {
    return this.command(recordId, { command: "park" }, options);
  }
  /** Sends digits to the other end: 0-9 * # A-D. */
  sendDtmf(recordId, digits, options) {
    return this.command(recordId, { command: "digits", digits }, options);
  }
  /** Keeps back what the phone sends. */
  mute(recordId, options) {
    return this.command(recordId, { command: "mute" }, options);
  }
  unmute(recordId, options) {
    return this.command(recordId, { command: "unmute" }, options);
  }
  /** Records the call at the PBX. */
  startRecording(recordId, options) {
    return this.command(recordId, { command: "record" }, options);
  }
  pauseRecording(recordId, options) {
    return this.command(recordId, { command: "pause_recording" }, options);
  }
  resumeRecording(recordId, options) {
    return this.command(recordId, { command: "resume_recording" }, options);
  }
  stopRecording(recordId, options) {
    return this.command(recordId, { command: "stop_recording" }, options);
  }
  /** Ends the stream and what runs in the background; resolves when it has ended. */
  async close() {
    this.#closing.abort();
    this.#connection.abort();
    if (this.#state !== "unauthorized") this.#setState("closed");
    await this.#running;
  }
  // ---- following
  async #follow() {
    await pause(0, this.#closing.signal);
    for (let attempt = 0; !this.#closing.signal.aborted; ) {
      const began = Date.now();
      this.#connection = new AbortController();
      const reopened = this.#connection.signal;
      try {
        if (this.#cursor === void 0) await this.#list(true);
        await this.#stream(this.#connection);
        if (reopened.aborted) continue;
        this.#setState("offline");
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        if (reopened.aborted) continue;
        if (this.#failed(asCallboardError(error))) return;
      }
      if (Date.now() - began > GOOD_CONNECTION) attempt = 0;
      await pause(backOff(attempt++, this.#retry), this.#closing.signal);
    }
  }
  async #stream(connection) {
    const registration = this.#enrichers.registration();
    this.#registered = JSON.stringify(registration);
    const stream = openStream(this.#http, { cursor: this.#cursor, ...registration, signal: connection.signal, quiet: this.#retry.quiet });
    for await (const n of stream) {
      if (connection.signal.aborted) return;
      this.#setState("online");
      if (n.type === "reset") {
        this.#cursor = void 0;
        this.#emit(n.type, void 0, n);
        throw new CallboardError("cursor_gone", 410, `The stream was ended: ${n.data.reason}`);
      }
      if (n.type === "work") void this.#work(n.data);
      else await this.#take(n);
    }
  }
  /** Handles what broke the stream; true when there is no use in trying again. */
  #failed(problem) {
    if (isRefusal(problem)) {
      this.#setState("unauthorized", problem);
      void this.close();
      return true;
    }
    if (problem.status === 410 || problem.code === "bad_stream") {
      this.#cursor = void 0;
      this.#setState("connecting", problem);
      return false;
    }
    if (!isPassing(problem)) this.#report(problem);
    this.#setState("offline", problem);
    return false;
  }
  async #take(n) {
    const next = cursorAfter(n);
    const again = n.subject === void 0 && n.type !== "bookmark" && next !== void 0 && isSeen(next, this.#cursor);
    if (!again) {
      if (this.#copy.lacks(n)) await this.#fetch(n);
      if (this.#copy.apply(n)) this.#emit(n.type, n.subject === void 0 ? void 0 : this.#copy.get(n.subject), n);
    }
    this.#cursor = next ?? this.#cursor;
  }
  /** Gets a record that is not on the board as we know it, such as a stored one that somebody writes a note to. */
  async #fetch(n) {
    try {
      const path2 = `/v1/records/${encodeURIComponent(n.subject ?? "")}`;
      const wire = await this.#http.json("GET", path2, void 0, this.#connection.signal);
      this.#copy.add(wire, n.data.rev);
    } catch (error) {
      if (!(error instanceof CallboardError && error.status === 404)) throw error;
    }
  }
  async #list(announce = false) {
    const signal = announce ? this.#connection.signal : this.#closing.signal;
    const list = await this.#http.json("GET", "/v1/records", void 0, signal);
    if (!Array.isArray(list?.records) || typeof list.cursor !== "string") {
      throw new CallboardError("unexpected_answer", 0, `${this.#http.base}/v1/records gave no list of records.`, "Check the address.");
    }
    this.#copy.replace(list.records);
    this.#cursor = list.cursor;
    if (announce) this.#call("list", this.#copy.all());
  }
  #reregister() {
    queueMicrotask(() => {
      if (this.#registered !== "" && this.#registered !== JSON.stringify(this.#enrichers.registration())) this.#connection.abort();
    });
  }
  async #work(work) {
    if (this.#working.has(work.work)) return;
    this.#working.add(work.work);
    try {
      const answer = await this.#enrichers.answer(work, (error) => this.#report(error), () => this.#progress(work.work));
      for (let attempt = 0; !this.#closing.signal.aborted; attempt++) {
        try {
          await this.#http.ask("POST", `/v1/works/${encodeURIComponent(work.work)}/answer`, { body: answer, signal: this.#closing.signal, key: `answer-${work.work}` });
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
  async #progress(work) {
    const left = await this.#http.json("POST", `/v1/works/${encodeURIComponent(work)}/progress`, {}, this.#closing.signal);
    return left.deadline_ms;
  }
  // ---- telling
  #setState(state, error, always = false) {
    if (state === this.#state && !always || this.#state === "closed") return;
    this.#state = state;
    this.#call("status", state, error);
  }
  #emit(type, record, n) {
    const bound = /^(call|record|item|field)\./.test(type);
    if (!bound || record) this.#call(type, record, n);
    this.#call("*", record, n);
  }
  #call(type, ...args) {
    for (const fn of [...this.#handlers.get(type) ?? []]) {
      try {
        const result = fn(...args);
        if (result instanceof Promise) result.catch((error) => this.#report(asCallboardError(error)));
      } catch (error) {
        this.#report(asCallboardError(error));
      }
    }
  }
  #report(error) {
    const handlers = this.#handlers.get("error");
    if (!handlers?.size) console.error("callboard:", error);
    for (const fn of [...handlers ?? []]) {
      try {
        fn(error);
      } catch (second) {
        console.error("callboard: an error handler failed:", second);
      }
    }
  }
};
async function connect(options) {
  const board = new Board(options);
  await board.start(options.app);
  return board;
}
var asked = ({ seen, key }) => ({ ...seen !== void 0 && { match: seen }, ...key !== void 0 && { key } });
function newNoteId() {
  return "n-" + random();
}
function newKey() {
  return "k-" + random();
}
function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");
}
function isPassing(problem) {
  return problem.code === "unreachable" || problem.status >= 500 || problem.status === 429 || problem.status === 408;
}
function isSeen(next, held) {
  const [a, b] = [split(next), split(held ?? "")];
  return a.epoch === b.epoch && a.seq <= b.seq;
}
function split(cursor) {
  const colon = cursor.lastIndexOf(":");
  return { epoch: cursor.slice(0, colon), seq: Number(cursor.slice(colon + 1)) };
}
function notePath(recordId, noteId) {
  return `/v1/records/${encodeURIComponent(recordId)}/notes/${encodeURIComponent(noteId)}`;
}
function fieldPath(recordId, field, ...rest) {
  return `/v1/records/${encodeURIComponent(recordId)}/fields/${[field, ...rest].map(encodeURIComponent).join("/")}`;
}
function closedError() {
  return new CallboardError("closed", 0, "The connection was closed before it was made.");
}
export {
  Board,
  CallboardError,
  connect,
  exchangeCode,
  newKey,
  newNoteId
};
