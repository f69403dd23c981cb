// Words and numbers for people. Pure; the clock and the locale are passed in.
import type { BoardRecord, Call, CallState, EndedBy, Known, LogEntry, Result, TimelineEntry, View } from '@callboard/sdk';

/** 65 s is 1:05, 3665 s is 1:01:05. Negative spans, from clocks that disagree, count as nothing. */
export function duration(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export function clock(iso: string, locale?: string, timeZone?: string): string {
  return new Date(iso).toLocaleTimeString(locale, { hour: 'numeric', minute: '2-digit', second: '2-digit', timeZone });
}

/** The time alone for today, with the day for any other. */
export function when(iso: string, now: number, locale?: string, timeZone?: string): string {
  const date = new Date(iso);
  const day = (d: Date) => d.toLocaleDateString(locale, { timeZone });
  const time = date.toLocaleTimeString(locale, { hour: 'numeric', minute: '2-digit', timeZone });
  if (day(date) === day(new Date(now))) return time;
  return `${date.toLocaleDateString(locale, { weekday: 'short', day: 'numeric', month: 'short', timeZone })}, ${time}`;
}

/** For a narrow list: the time of today, the day of any other. */
export function briefly(iso: string, now: number, locale?: string, timeZone?: string): string {
  const date = new Date(iso);
  const day = (d: Date) => d.toLocaleDateString(locale, { timeZone });
  if (day(date) === day(new Date(now))) return when(iso, now, locale, timeZone);
  return date.toLocaleDateString(locale, { weekday: 'short', day: 'numeric', month: 'short', timeZone });
}

/** As `when`, with seconds: for places where the order of things matters. */
export function exactly(iso: string, now: number, locale?: string, timeZone?: string): string {
  const date = new Date(iso);
  const sameDay = date.toLocaleDateString(locale, { timeZone }) === new Date(now).toLocaleDateString(locale, { timeZone });
  const day = sameDay ? '' : date.toLocaleDateString(locale, { day: 'numeric', month: 'short', timeZone }) + ', ';
  return day + clock(iso, locale, timeZone);
}

/** A day of the log; of another year with it. */
export function dayWords(iso: string, now: number, locale?: string, timeZone?: string): string {
  const day = (ms: number) => new Date(ms).toLocaleDateString(locale, { timeZone });
  const at = new Date(iso);
  if (day(at.getTime()) === day(now)) return 'Today';
  if (day(at.getTime()) === day(now - 24 * 3600_000)) return 'Yesterday';
  const year = at.toLocaleDateString(locale, { year: 'numeric', timeZone }) === new Date(now).toLocaleDateString(locale, { year: 'numeric', timeZone });
  return at.toLocaleDateString(locale, { weekday: 'long', day: 'numeric', month: 'long', ...(year ? {} : { year: 'numeric' }), timeZone });
}

export interface Title {
  name: string;
  /** Absent when the name is the number. */
  number?: string;
  company?: string;
}

/** Who does not show himself is "Anonymous" by name and "anonymous" by number: once is enough. */
export const sameText = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** Of a person who was erased it is not said that they were never known. */
const nobody = (erasedAt: string | undefined, isLookup: boolean): string => (erasedAt ? 'Erased' : isLookup ? 'Nobody known' : 'Unknown number');

/** On which day. */
export const erasedOn = (iso: string, locale?: string, timeZone?: string): string => `on ${new Date(iso).toLocaleDateString(locale, { dateStyle: 'medium', timeZone })}`;

/** What may have come since stays. */
export function erasedWords(iso: string, locale?: string, timeZone?: string): string {
  const time = new Date(iso).toLocaleTimeString(locale, { timeStyle: 'short', timeZone });
  return `Erased ${erasedOn(iso, locale, timeZone)} at ${time}: what was known here until then is gone for good.`;
}

/** The best there is to call a record by; of a lookup, what was looked up. */
export function titleOf(record: BoardRecord): Title {
  const view = record.call?.views[0];
  const number = record.party.number ?? record.party.number_raw ?? view?.party.number ?? view?.party.extension;
  const name = record.party.name ?? view?.party.name ?? record.party.company;
  const company = record.party.company;
  const { email, website, ip } = record.party;
  const sought = record.call ? undefined : email ?? website ?? ip;
  if (!name) return { name: number ?? sought ?? nobody(record.erased_at, !record.call) };
  return { name, ...(number && !sameText(number, name) ? { number } : {}), ...(company && company !== name ? { company } : {}) };
}

const STATE: Record<CallState, string> = { dialing: 'Dialing', ringing: 'Ringing', connected: 'Connected', held: 'On hold', ended: 'Ended' };

const RESULT: Record<Result, string> = {
  answered: 'Answered', missed: 'Missed', busy: 'Busy', rejected: 'Rejected', cancelled: 'Cancelled', failed: 'Failed',
  voicemail: 'Went to voicemail', answered_elsewhere: 'Answered elsewhere', forwarded: 'Forwarded', unknown: 'Ended',
};

/** What can be asked for in the log. */
export const RESULTS = Object.entries(RESULT).map(([result, word]) => [result, result === 'unknown' ? 'Not known' : word] as const);

const ENDED_BY: Record<EndedBy, string> = { self: 'by you', other: 'by the other party', pbx: 'by the phone system', failure: 'by a failure' };

export const stateWord = (state: CallState): string => STATE[state] ?? words(state);

/** A call, or one extension's part of it. */
type Outcome = Pick<Call | View, 'direction' | 'result' | 'ended_by'>;

/** Whether the person began the call. */
export const isOurs = (call: Call): boolean => call.direction === 'outbound' || call.click_to_dial === true || call.views[0]?.caller === true;

/** Whether somebody called and did not get through to the person. */
export const isMissed = (of: Outcome): boolean =>
  of.result === 'missed' && of.direction !== 'outbound' || whyMissed(of) !== undefined;

function whyMissed({ direction, result, ended_by }: Outcome): string | undefined {
  if (direction !== 'inbound') return undefined;
  if (result === 'busy') return 'you were busy';
  return result === 'cancelled' && ended_by === 'other' ? 'the caller gave up' : undefined;
}

/** One word for how it went; the same wherever the call is shown. */
export function resultWord(of: Outcome): string {
  if (isMissed(of)) return RESULT.missed;
  if (of.result === 'missed') return 'No answer'; // we called
  return of.result ? RESULT[of.result] ?? words(of.result) : 'Ended';
}

/** With why, where a person would ask. */
export function resultWords(of: Outcome): string {
  const why = whyMissed(of);
  return why ? `${resultWord(of)} – ${why}` : resultWord(of);
}

/** How an entry of the log came out, as the record says it. */
export function entryResult({ view, direction, result }: LogEntry): string {
  if (view === 'lookups') return 'Lookup';
  if (!result) return 'Now';
  if (view === 'missed' && (result === 'missed' || result === 'cancelled')) return RESULT.missed;
  return resultWord({ direction: direction ?? 'unknown', result });
}

/** What nobody saw of a call, in brief, and what that means. */
export function unseenWords({ complete, unseen }: Pick<LogEntry, 'complete' | 'unseen'>): { mark: string; why: string } | undefined {
  if (unseen) return { mark: 'Not seen live', why: 'Nobody saw this call: what is said of it is from the records of the phone system, which tell less.' };
  if (!complete) return { mark: 'Seen in part', why: 'A part of this call was not seen, because the phone system could not be reached.' };
  return undefined;
}

/** Who an entry of the log is, and what else one knows them by. Who was found to be behind the number only later is marked so. */
export function entryTitle({ view, name, company, number, number_raw, email, website, ip, later, erased_at }: LogEntry): { name: string; more?: string } {
  if (!name && later) return { name: later.name, more: `found later${later.company ? `, ${later.company}` : ''}` };
  const [first, ...rest] = [name, company, number ?? number_raw, email, ...(view === 'lookups' ? [website, ip] : [])].filter((text): text is string => !!text);
  const more = first === undefined && erased_at ? erasedOn(erased_at) : rest.find((text) => !sameText(text, first ?? ''));
  return { name: first ?? nobody(erased_at, view === 'lookups'), ...(more !== undefined && { more }) };
}

export const endedByWords = (by: EndedBy): string => ENDED_BY[by] ?? words(by);

/** Nobody of ours is in it: it waits to be fetched. */
export const isParked = (call: Call): boolean => call.parked && call.state === 'held';

/** The person gave it away, and the phone there rings. */
export const isGivenAway = (call: Call): boolean => call.state === 'ringing' && call.transferred_to !== undefined && !call.actions?.includes('answer');

/** Made from here, and the person's own phone is not picked up yet: the number is dialled after that. */
export const isOwnPhoneRinging = (call: Call): boolean =>
  call.click_to_dial === true && !call.answered_at && (call.state === 'dialing' || call.state === 'ringing') &&
  !call.legs.some((leg) => leg.state === 'connected' || leg.state === 'held');

/** Whom the person asks before giving the call away: as typed, else the one live leg that is neither of the call's two ends. */
export function asking(call: Call, typed?: string): string | undefined {
  if (!call.actions?.includes('complete')) return undefined;
  const view = call.views.find((v) => v.state !== 'ended');
  const ends = new Set([view?.extension, view?.party.number, view?.party.extension]);
  const third = call.legs.filter((leg) => leg.state !== 'ended' && leg.party.number && !ends.has(leg.party.number));
  const whom = typed ?? (third.length === 1 ? third[0]?.party.number : undefined);
  return `Asking ${whom ?? 'first'}`;
}

/** What a call is at, with what a person would ask next. */
export function callWords(call: Call, typed?: string): string {
  if (call.state === 'ended') return resultWords(call);
  if (isParked(call)) return call.parked_at ? `Parked at ${call.parked_at}` : 'Parked';
  if (isGivenAway(call)) return `Transferred to ${call.transferred_to}, rings there`;
  if (isOwnPhoneRinging(call)) return 'Your phone rings: pick it up';
  return asking(call, typed) ?? stateWord(call.state);
}

/** In a list: what a record is at, in one or two words. */
export function briefState(record: BoardRecord): string {
  const call = record.call;
  if (!call) return record.origin === 'reopened' ? 'Reopened' : 'Lookup';
  if (call.state === 'ended') return resultWord(call);
  if (isGivenAway(call)) return 'Transferred';
  if (isOwnPhoneRinging(call)) return 'Pick up';
  return isParked(call) ? callWords(call) : stateWord(call.state);
}

/** What else is to be said of a call; true: it is so. What is over with the call is said of a live one only. */
export function flagsOf(call: Call): [string, boolean][] {
  const flags: [string, boolean][] = [];
  const live = call.state !== 'ended';
  if (live && call.recording) flags.push([call.recording === 'paused' ? 'Recording paused' : 'Recording', true]);
  if (live && call.muted) flags.push(['Muted', true]);
  if (live && call.other_holds) flags.push(['On hold at the other end', true]);
  if (live && call.parked) flags.push(['Parked', true]);
  if (call.conference) flags.push(['Conference', true]);
  const known = (value: Known, yes: string, no: string) => value !== 'unknown' && flags.push(value === 'yes' ? [yes, true] : [no, false]);
  if (!live || !call.recording) known(call.recorded, 'Recorded', 'Not recorded');
  known(call.monitored, 'Monitored', 'Not monitored');
  known(call.encrypted, 'Encrypted', 'Not encrypted');
  known(call.secure_line, 'Secure line', 'No secure line');
  return flags;
}

const WHAT: Record<string, string> = {
  dialing: 'Dialing', ringing: 'Ringing', connected: 'Connected', held: 'On hold', resumed: 'Resumed', ended: 'Ended',
  gap: 'Phone system not seen', picked_up: 'Picked up',
};

/** The tracker's own details, for people; an empty one says nothing that the entry does not say. */
const DETAIL: Record<string, string> = {
  'by self': '', 'by other': 'by the other party', 'the PBX could not be seen': '', 'so when the PBX was seen again': 'found so when the phone system was seen again',
};

/** With an end comes its result in the wire's word, or how it was found out later. */
const END: Record<string, string> = {
  '': 'Ended', answered: 'Ended', unknown: 'Ended', missed: 'Ended, not answered', cancelled: 'Ended, not answered',
  'the PBX could not be seen': 'Found ended: the phone system could not be seen', 'the PBX was started anew': 'Found ended: the phone system was started anew',
};

/** How the wire says what nobody saw. */
const READ_BACK = /(?:^|, )from the PBX's own records$/;

export function entryWords({ what, detail = '' }: TimelineEntry): { what: string; detail: string } {
  const told = detail.replace(READ_BACK, '');
  const from = told === detail ? '' : "from the phone system's own records";
  if (what === 'ended') return { what: END[told] ?? `Ended, ${(RESULT[told as Result] ?? words(told)).toLowerCase()}`, detail: from };
  return { what: WHAT[what] ?? words(what), detail: [DETAIL[told] ?? told, from].filter(Boolean).join(', ') };
}

/** With whom of us an earlier call was; with the person, it goes without saying. */
const VIEWS: Record<string, string> = { 'user-party': '', 'our company-party': 'with your company', 'their company-us': 'with their company' };

export const viewWords = (view: string | undefined): string => (view === undefined ? '' : VIEWS[view] ?? view);

/** Each part as a sentence. What begins with a name of a program's making (`party.name`, an address) keeps it as it is. */
export function sentences(...parts: (string | undefined)[]): string {
  return parts.map((part) => part?.trim() ?? '').filter(Boolean).map((text) => {
    const start = /^\p{Ll}[\p{L}'’-]*(?=[\s,;]|$)/u.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
    return /[.!?…]["'”’)]*$/.test(start) ? start : `${start}.`;
  }).join(' ');
}

export function kindWords(record: BoardRecord): string {
  if (!record.call) return record.origin === 'reopened' ? 'Reopened call' : 'Lookup';
  const direction = { inbound: 'Incoming call', outbound: 'Outgoing call', internal: 'Internal call', unknown: 'Call' }[record.call.direction] ?? 'Call';
  return record.origin === 'reopened' ? `${direction}, reopened` : direction;
}

/** How long people have talked, or rung while nobody answered; undefined when the span was not seen. */
export function callSpan(call: Call, now: number): number | undefined {
  if (call.state !== 'ended') return now - Date.parse(call.answered_at ?? call.started_at);
  if (!call.ended_at) return undefined;
  if (!call.answered_at) return call.result === 'answered' ? undefined : 0;
  return Date.parse(call.ended_at) - Date.parse(call.answered_at);
}

/** The end of a call as it is known: a time, a span of time, or not at all. */
export function endedWords(call: Call, now: number, locale?: string, timeZone?: string): string | undefined {
  const at = (iso: string) => exactly(iso, now, locale, timeZone);
  if (call.ended_at) return at(call.ended_at);
  const { ended_after: after, ended_before: before } = call;
  if (after && before) return `Not seen; between ${at(after)} and ${at(before)}`;
  if (after) return `Not seen; after ${at(after)}`;
  if (before) return `Not seen; before ${at(before)}`;
  return call.state === 'ended' ? 'Not seen' : undefined;
}

const SOURCE: Record<string, string> = { pbx: 'Phone system', user: 'You', history: 'History' };

export const sourceName = (source: string): string => SOURCE[source] ?? source;

/** `open_deals` is Open deals. */
export function words(name: string): string {
  const text = name.replace(/[_.-]+/g, ' ').trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** crm → party.company → mail → party.email → crm */
export function ringWords({ apps, fields }: { apps: readonly string[]; fields: readonly string[] }): string {
  return [...apps.flatMap((app, i) => [app, fields[i] ?? '']), apps[0] ?? ''].join(' → ');
}

export interface SettledWords {
  state: 'working' | 'settled' | 'none';
  text: string;
  rounds: number;
  detail?: string;
}

/** `apps`: how many there are; undefined when that is not known. */
export function settledWords(record: BoardRecord, apps?: number): SettledWords {
  const { settled } = record;
  const deepest = Math.max(0, ...Object.values(record.fields).map((f) => f.round));
  if (!settled) {
    if (record.state === 'closed') return { state: 'none', text: '', rounds: deepest };
    return { state: 'working', text: `Working… round ${Math.min(8, deepest + 1)}`, rounds: deepest };
  }
  // What settled last may be a small matter after a deep one; what is shown still took as many rounds.
  const rounds = Math.max(settled.rounds, deepest);
  const silent = settled.unanswered ?? [];
  const parts = [
    settled.rounds === rounds && rounds > 0 ? `in ${seconds(settled.took_ms)}` : '',
    silent.length > 0 ? `no answer from ${silent.map(sourceName).join(', ')}` : '',
  ].filter(Boolean);
  if (rounds === 0 && apps === 0) return { state: 'none', text: 'No apps yet', rounds };
  const text = rounds === 0 ? 'No app had anything to add' : `Settled after ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`;
  return { state: 'settled', text, rounds, ...(parts.length > 0 ? { detail: parts.join(' · ') } : {}) };
}

function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
