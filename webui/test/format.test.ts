import type { Call, View } from '@callboard/sdk';
import { describe, expect, it } from 'vitest';
import { briefState, briefly, callSpan, callWords, duration, endedWords, entryTitle, entryWords, erasedOn, erasedWords, exactly, flagsOf, isMissed, resultWord, resultWords, sentences, settledWords, titleOf, unseenWords, when, words } from '../src/format.js';
import { T0, at, call, field, record } from './records.js';

const GB = ['en-GB', 'UTC'] as const;

describe('times', () => {
  it.each([[0, '0:00'], [999, '0:00'], [65_000, '1:05'], [3_665_000, '1:01:05'], [360_000_000, '100:00:00'], [-5000, '0:00']])('%d ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it('names the day only when it is not today', () => {
    expect(when(at(0), T0, ...GB)).toBe('10:00');
    expect(exactly(at(1), T0, ...GB)).toBe('10:00:01');
    expect(when(at(-86_400), T0, ...GB)).toMatch(/^Sat,? 21 Nov, 10:00$/);
    expect(briefly(at(0), T0, ...GB)).toBe('10:00');
    expect(briefly(at(-86_400), T0, ...GB)).toMatch(/^Sat,? 21 Nov$/);
    expect(exactly(at(-86_400), T0, ...GB)).toBe('21 Nov, 10:00:00');
  });

  it('counts from the answer, and from the start until then', () => {
    expect(callSpan(call('ringing'), T0 + 5000)).toBe(5000);
    expect(callSpan(call('connected', { answered_at: at(4) }), T0 + 10_000)).toBe(6000);
    expect(callSpan(call('ended', { answered_at: at(4), ended_at: at(64) }), T0 + 1e9)).toBe(60_000);
    expect(callSpan(call('ended', { ended_at: at(64), result: 'missed' }), T0)).toBe(0);
  });

  it('does not make up what was not seen', () => {
    expect(callSpan(call('ended', { answered_at: at(4) }), T0)).toBeUndefined();
    expect(callSpan(call('ended', { ended_at: at(64), result: 'answered' }), T0)).toBeUndefined();
    expect(endedWords(call('ended', { ended_after: at(0), ended_before: at(90) }), T0, ...GB)).toBe('Not seen; between 10:00:00 and 10:01:30');
    expect(endedWords(call('ended', { ended_before: at(90) }), T0, ...GB)).toBe('Not seen; before 10:01:30');
    expect(endedWords(call('ended', { ended_after: at(90) }), T0, ...GB)).toBe('Not seen; after 10:01:30');
    expect(endedWords(call('ended'), T0)).toBe('Not seen');
    expect(endedWords(call('connected'), T0)).toBeUndefined();
  });
});

describe('titles', () => {
  it('tells of a call without a name who that was found to be', () => {
    const entry = { record: 'r1', line: 'l', started_at: '2026-11-28T10:00:00Z', notes: 0, complete: true, number: '+4512345678' };
    expect(entryTitle(entry)).toEqual({ name: '+4512345678' });
    const later = { name: 'Ann Smith', company: 'Acme', record: 'r2', at: '2026-11-29T10:00:00Z' };
    expect(entryTitle({ ...entry, later })).toEqual({ name: 'Ann Smith', more: 'found later, Acme' });
    expect(entryTitle({ ...entry, later, name: 'Bo' }).name).toBe('Bo');
  });

  it('tell what was looked up', () => {
    const entry = { record: 'r1', line: 'l', view: 'lookups' as const, started_at: at(0), notes: 0, complete: true };
    expect(entryTitle({ ...entry, email: 'a@acme.example' })).toEqual({ name: 'a@acme.example' });
    expect(entryTitle({ ...entry, website: 'https://acme.example' })).toEqual({ name: 'https://acme.example' });
    expect(entryTitle({ ...entry, ip: '192.0.2.7' })).toEqual({ name: '192.0.2.7' });
    expect(entryTitle({ ...entry, ip: '192.0.2.7', company: 'Acme' })).toEqual({ name: 'Acme', more: '192.0.2.7' });
    expect(entryTitle({ ...entry, view: 'missed', ip: '192.0.2.7' })).toEqual({ name: 'Unknown number' });
    expect(entryTitle(entry).name).toBe('Nobody known');
  });

  it('say that somebody was erased, and who has come since', () => {
    const entry = { record: 'r1', line: 'l', started_at: at(0), notes: 0, complete: true, erased_at: at(1) };
    expect(entryTitle(entry)).toEqual({ name: 'Erased', more: erasedOn(at(1)) });
    expect(entryTitle({ ...entry, view: 'lookups' }).name).toBe('Erased');
    expect(entryTitle({ ...entry, number: '+4512345678' })).toEqual({ name: '+4512345678' });
    expect(titleOf(record('r', {}, { call: call('ended'), erased_at: at(1) }))).toEqual({ name: 'Erased' });
    expect(titleOf(record('r', {}, { erased_at: at(1) }))).toEqual({ name: 'Erased' });
    expect(titleOf(record('r', { 'party.number': '+45' }, { erased_at: at(1) }))).toEqual({ name: '+45' });
    expect(erasedWords(at(1), ...GB)).toBe('Erased on 22 Nov 2026 at 10:00: what was known here until then is gone for good.');
  });

  it('say what of a call nobody saw', () => {
    expect(unseenWords({ complete: true })).toBeUndefined();
    expect(unseenWords({ complete: false })?.mark).toBe('Seen in part');
    expect(unseenWords({ complete: false, unseen: true })).toEqual({ mark: 'Not seen live', why: expect.stringContaining('the records of the phone system') });
  });

  const view = { extension: '1001', direction: 'inbound' as const, state: 'ringing' as const, started_at: at(0), timeline: [] } satisfies Omit<View, 'party'>;
  it('are the best there is', () => {
    expect(titleOf(record('r', { 'party.name': 'Ann', 'party.number': '+45', 'party.company': 'Acme' }))).toEqual({ name: 'Ann', number: '+45', company: 'Acme' });
    expect(titleOf(record('r', { 'party.company': 'Acme', 'party.number': '+45' }))).toEqual({ name: 'Acme', number: '+45' });
    expect(titleOf(record('r', { 'party.number': '+45' }))).toEqual({ name: '+45' });
    expect(titleOf(record('r', { 'party.name': '+45', 'party.number': '+45' }))).toEqual({ name: '+45' });
    expect(titleOf(record('r', {}, { call: call('ringing', { views: [{ ...view, party: { extension: '1017', name: 'Jo' } }] }) }))).toEqual({ name: 'Jo', number: '1017' });
    expect(titleOf(record('r', {}, { call: call('ended') }))).toEqual({ name: 'Unknown number' });
    expect(titleOf(record('r', { 'party.website': 'https://acme.example' }))).toEqual({ name: 'https://acme.example' });
    expect(titleOf(record('r', { 'party.ip': '192.0.2.7' }))).toEqual({ name: '192.0.2.7' });
    expect(titleOf(record('r'))).toEqual({ name: 'Nobody known' });
    expect(titleOf(record('r', { 'party.name': 'Anonymous', 'party.number_raw': 'anonymous' }))).toEqual({ name: 'Anonymous' });
  });
});

describe('words', () => {
  it('say what a record is at', () => {
    expect(briefState(record('r', {}, { origin: 'lookup' }))).toBe('Lookup');
    expect(briefState(record('r', {}, { call: call('held') }))).toBe('On hold');
    expect(briefState(record('r', {}, { call: call('ended', { result: 'answered' }) }))).toBe('Answered');
    expect(briefState(record('r', {}, { call: call('ended', { result: 'answered', direction: 'outbound' }) }))).toBe('Answered');
    expect(briefState(record('r', {}, { call: call('ended', { result: 'unknown' }) }))).toBe('Ended');
    expect(words('open_deals')).toBe('Open deals');
  });

  it.each([
    ['inbound', 'missed', 'pbx', 'Missed', 'Missed'],
    ['inbound', 'cancelled', 'other', 'Missed', 'Missed – the caller gave up'],
    ['inbound', 'busy', 'self', 'Missed', 'Missed – you were busy'],
    ['inbound', 'rejected', 'self', 'Rejected', 'Rejected'],
    ['outbound', 'missed', 'pbx', 'No answer', 'No answer'],
    ['outbound', 'busy', 'other', 'Busy', 'Busy'],
    ['outbound', 'cancelled', 'self', 'Cancelled', 'Cancelled'],
    ['inbound', 'unknown', undefined, 'Ended', 'Ended'],
    ['inbound', undefined, undefined, 'Ended', 'Ended'],
  ] as const)('for %s, %s by %s are %s', (direction, result, ended_by, word, more) => {
    const ended = call('ended', { direction, ...(result && { result }), ...(ended_by && { ended_by }) });
    expect([resultWord(ended), resultWords(ended), briefState(record('r', {}, { call: ended })), isMissed(ended)]).toEqual([word, more, word, word === 'Missed']);
  });

  it.each([
    ['ended', 'answered', 'Ended', ''],
    ['ended', undefined, 'Ended', ''],
    ['ended', 'missed', 'Ended, not answered', ''],
    ['ended', 'cancelled', 'Ended, not answered', ''],
    ['ended', 'answered_elsewhere', 'Ended, answered elsewhere', ''],
    ['ended', 'the PBX could not be seen', 'Found ended: the phone system could not be seen', ''],
    ['gap', 'the PBX could not be seen', 'Phone system not seen', ''],
    ['held', 'by self', 'On hold', ''],
    ['parked', 'at 701', 'Parked', 'at 701'],
    ['ringing', "from the PBX's own records", 'Ringing', "from the phone system's own records"],
    ['ended', "missed, from the PBX's own records", 'Ended, not answered', "from the phone system's own records"],
  ])('of the timeline for %s, %s are %s', (what, detail, want, more) => {
    expect(entryWords({ at: at(0), what, ...(detail && { detail }) })).toEqual({ what: want, detail: more });
  });

  const leg = (state: Call['state'], number: string) => ({ id: number, state, party: { number } });
  const consulting: Partial<Call> = {
    actions: ['hangup', 'complete', 'cancel'], legs: [leg('connected', '1001'), leg('held', '5550101'), leg('ringing', '1002')],
    views: [{ extension: '1001', direction: 'inbound', state: 'held', started_at: at(0), party: { number: '5550101' }, timeline: [] }],
  };
  it.each<[Call['state'], Partial<Call>, string, string, string?]>([
    ['held', { parked: true, parked_at: '701' }, 'Parked at 701', 'Parked at 701'],
    ['held', {}, 'On hold', 'On hold'],
    ['ringing', { transferred_to: '1002' }, 'Transferred to 1002, rings there', 'Transferred'],
    ['ringing', { transferred_to: '1002', actions: ['answer'] }, 'Ringing', 'Ringing'],
    ['ringing', { click_to_dial: true, legs: [leg('ringing', '1001')] }, 'Your phone rings: pick it up', 'Pick up'],
    ['ringing', { click_to_dial: true, legs: [leg('connected', '1001'), leg('ringing', '1002')] }, 'Ringing', 'Ringing'],
    ['dialing', { direction: 'outbound' }, 'Dialing', 'Dialing'],
    ['held', consulting, 'Asking 1002', 'On hold'],
    ['held', { ...consulting, legs: [] }, 'Asking first', 'On hold'],
    ['connected', consulting, 'Asking +4512345678', 'Connected', '+4512345678'],
    ['connected', {}, 'Connected', 'Connected', '1002'],
  ])('of a live call that is %s with %j are %s', (state, more, want, brief, typed) => {
    expect(callWords(call(state, more), typed)).toBe(want);
    expect(briefState(record('r', {}, { call: call(state, more) }))).toBe(brief);
  });

  it('leave out what is over with the call', () => {
    const facts: Partial<Call> = { recording: 'on', recorded: 'yes', muted: true, other_holds: true, parked: true, encrypted: 'no' };
    expect(flagsOf(call('connected', facts)).map(([text]) => text)).toEqual(['Recording', 'Muted', 'On hold at the other end', 'Parked', 'Not encrypted']);
    expect(flagsOf(call('ended', facts))).toEqual([['Recorded', true], ['Not encrypted', false]]);
  });

  it('become sentences', () => {
    expect(sentences('"12" is not a phone number', 'type it with its country code')).toBe('"12" is not a phone number. Type it with its country code.');
    expect(sentences('run `callboard open`', undefined, ' ', 'Trying again…')).toBe('Run `callboard open`. Trying again…');
    expect(sentences('party.number is what the PBX says', 'http://127.0.0.1 is gone!')).toBe('party.number is what the PBX says. http://127.0.0.1 is gone!');
    expect(sentences()).toBe('');
  });

  it('count the rounds', () => {
    const settled = (rounds: number, unanswered: string[] = []) => ({ wave: 1, rounds, took_ms: 1234, unanswered });
    expect(settledWords(record('r')).text).toBe('Working… round 1');
    expect(settledWords(record('r', { 'party.name': 'x' })).text).toBe('Working… round 2');
    expect(settledWords(record('r', {}, { settled: settled(0) }))).toEqual({ state: 'settled', text: 'No app had anything to add', rounds: 0 });
    expect(settledWords(record('r', {}, { settled: settled(0) }), 0)).toEqual({ state: 'none', text: 'No apps yet', rounds: 0 });
    expect(settledWords(record('r', {}, { settled: settled(0) }), 2).text).toBe('No app had anything to add');
    expect(settledWords(record('r', { 'party.name': 'x' }, { settled: settled(1) }))).toMatchObject({ text: 'Settled after 1 round', detail: 'in 1.2 s' });
    expect(settledWords(record('r', {}, { settled: settled(2, ['crm', 'erp']) }))).toMatchObject({ text: 'Settled after 2 rounds', detail: 'in 1.2 s · no answer from crm, erp' });
    expect(settledWords(record('r', {}, { fields: { a: field('x', { round: 3 }) }, settled: settled(0) }))).toEqual({ state: 'settled', text: 'Settled after 3 rounds', rounds: 3 });
    expect(settledWords(record('r', {}, { state: 'closed' })).state).toBe('none');
  });
});
