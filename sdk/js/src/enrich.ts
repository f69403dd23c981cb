import { CallboardError, asCallboardError } from './error.js';
import { recordOf, type BoardRecord } from './record.js';
import type { Answer, Moment, NewClaim, NewItem, Quality, WireWork } from './wire.js';

export interface Enricher {
  /** Fields whose shown value you work from; `party.*` stands for all of them. */
  needs?: readonly string[];
  /** Fields that you may claim. */
  gives?: readonly string[];
  /** Moments at which you want the record whatever its fields are. */
  on?: readonly Moment[];
  /** How long you take for a work, at most 60000 ms; absent: 5000. Of several enrichers the longest counts. */
  deadlineMs?: number;
}

/** What the work was handed out for. */
export type Work = Readonly<Omit<WireWork, 'record'>> & {
  /** Says that you are still at it: you have as much time again, up to a minute in all. Resolves to the ms left. */
  readonly progress: () => Promise<number>;
};

export type ClaimValue = string | number | boolean | null | undefined | { value: string | null; quality?: Quality; /** After how long it goes by itself: a second to 30 days. */ ttlMs?: number };

/** Field name to what you say of it. `undefined` says nothing, `null` or '' withdraws what you said before. */
export type Claims = { readonly [field: string]: ClaimValue };

export interface Reply {
  claims?: Claims;
  items?: readonly NewItem[];
  /** You looked and have nothing: of all that you give, or of these fields. */
  nothing?: boolean | readonly string[];
  /** How long that holds: so long you are not asked the same again. Absent: 10 minutes; at most a day. */
  nothingForMs?: number;
}

/** Nothing returned means: looked, found nothing. A thrown error means: could not look. */
export type EnrichHandler = (record: BoardRecord, work: Work) => MaybePromise<Claims | Reply | undefined | null | false | '' | void>;

type MaybePromise<T> = T | Promise<T>;

interface Registered {
  enricher: Enricher;
  handler: EnrichHandler;
}

export interface Registration {
  needs: string[];
  gives: string[];
  on: string[];
  deadlineMs: number | undefined;
}

/** The app's enrichers: one registration to the outside, each work given to those whom it concerns. Does no I/O of its own. */
export class Enrichers {
  #registered = new Set<Registered>();

  add(enricher: Enricher, handler: EnrichHandler): () => void {
    const entry = { enricher, handler };
    this.#registered.add(entry);
    return () => void this.#registered.delete(entry);
  }

  registration(): Registration {
    const deadlines = [...this.#registered].flatMap((r) => r.enricher.deadlineMs ?? []);
    const union = (key: 'needs' | 'gives' | 'on') =>
      [...new Set([...this.#registered].flatMap((r) => r.enricher[key] ?? []))].sort();
    return { needs: union('needs'), gives: union('gives'), on: union('on'), deadlineMs: deadlines.length > 0 ? Math.max(...deadlines) : undefined };
  }

  /** Runs the handlers that a work concerns and puts their replies into one answer. Errors of handlers go to `failed`. */
  async answer(wire: WireWork, failed: (error: CallboardError) => void, progress: () => Promise<number>): Promise<Answer> {
    const { record: wireRecord, ...stated } = wire;
    const work: Work = Object.freeze({ ...stated, progress });
    const record = recordOf(wireRecord);
    const ran = await Promise.allSettled(
      [...this.#registered].filter((r) => concerns(r.enricher, work)).map(async (r) => replyOf(await r.handler(record, work))));
    const errors = ran.flatMap((r) => (r.status === 'rejected' ? [asCallboardError(r.reason)] : []));
    errors.forEach(failed);
    return combine(ran.flatMap((r) => (r.status === 'fulfilled' ? [r.value] : [])), errors);
  }
}

function concerns(enricher: Enricher, work: Work): boolean {
  const moments = work.moments ?? [];
  if (work.changed.length === 0 && moments.length === 0) return true; // handed out for no stated reason: everybody's
  return moments.some((m) => enricher.on?.includes(m)) || work.changed.some((field) => enricher.needs?.some((need) => covers(need, field)));
}

/** A trailing `*` stands for any rest. */
function covers(need: string, field: string): boolean {
  return need.endsWith('*') ? field.startsWith(need.slice(0, -1)) : need === field;
}

interface Said {
  claims: NewClaim[];
  items: readonly NewItem[];
  nothing: readonly string[] | undefined;
  nothingForMs: number | undefined;
}

const NOTHING_SAID = { nothing: undefined, nothingForMs: undefined };

function replyOf(reply: Awaited<ReturnType<EnrichHandler>>): Said {
  if (!reply) return { claims: [], items: [], ...NOTHING_SAID };
  if (typeof reply !== 'object') throw new TypeError(`An enricher returned ${typeof reply}; it returns claims, a reply or nothing.`);
  // Every field has a dot in its name, so these three words cannot be fields.
  if ('claims' in reply || 'items' in reply || 'nothing' in reply) {
    const { claims, items, nothing, nothingForMs } = reply as Reply;
    return { claims: claimsOf(claims ?? {}), items: items ?? [], nothing: typeof nothing === 'object' ? nothing : undefined, nothingForMs };
  }
  return { claims: claimsOf(reply as Claims), items: [], ...NOTHING_SAID };
}

/** Claims as the wire wants them; a plain value counts as `matched`. */
export function claimsOf(claims: Claims): NewClaim[] {
  return Object.entries(claims).flatMap(([field, said]): NewClaim[] => {
    if (said === undefined) return [];
    const { value, quality, ttlMs } = typeof said === 'object' && said !== null ? said : { value: said, quality: undefined, ttlMs: undefined };
    if (value === null || value === '') return [{ field, value: '' }];
    if (value === undefined || typeof value === 'object' || typeof value === 'function') {
      throw new TypeError(`The claim on ${field} has no value that can be shown; give a string, or {value, quality}.`);
    }
    return [{ field, value: String(value), quality: quality ?? 'matched', ...(ttlMs !== undefined && { ttl_ms: ttlMs }) }];
  });
}

const STRENGTH: Record<Quality, number> = { guess: 0, derived: 1, matched: 2, verified: 3, confirmed: 4 };

/** An app has one slot per field: of two handlers that claim the same field the surer one is sent, else the one registered first. */
function combine(said: Said[], errors: CallboardError[]): Answer {
  const best = new Map<string, NewClaim>();
  for (const claim of said.flatMap((s) => s.claims)) {
    const other = best.get(claim.field);
    if (!other || strength(claim) > strength(other)) best.set(claim.field, claim);
  }
  const items = said.flatMap((s) => s.items);
  const answer: Answer = {};
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

function strength(claim: NewClaim): number {
  return claim.value === '' ? -1 : STRENGTH[claim.quality ?? 'matched'];
}
