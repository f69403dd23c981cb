import type { Line, View } from '@callboard/sdk';
import { describe, expect, it } from 'vitest';
import { buttonOf, canDial, canTransfer, dialable, digitOf, joinable, labelOf, missingOf, parkedPlace, whyNoDial } from '../src/control.js';
import { call, record } from './records.js';

const line = (state: Line['pbx']['state'], dial: boolean): Line => ({
  name: 'l', extensions: ['1001'], pbx: { state, since: '2026-11-22T10:00:00Z' },
  abilities: [{ name: 'dial', available: dial }, { name: 'mute', available: false, reason: 'no right', remedy: 'ask' },
    { name: 'park', available: false, reason: 'no lot', remedy: 'make one' }, { name: 'hold', available: false, reason: 'no right', remedy: 'ask' }],
});

describe('what can be done', () => {
  it('calls hanging up on a ringing call what it is', () => {
    expect(labelOf('hangup', record('r', {}, { call: call('ringing') }))).toBe('Reject');
    expect(labelOf('hangup', record('r', {}, { call: call('ringing', { direction: 'outbound' }) }))).toBe('Hang up');
    expect(labelOf('hangup', record('r', {}, { call: call('ringing', { direction: 'internal', click_to_dial: true }) }))).toBe('Hang up');
    expect(labelOf('hangup', record('r', {}, { call: call('connected') }))).toBe('Hang up');
    expect(labelOf('pause_recording', record('r'))).toBe('Pause recording');
  });

  it('dials only with a link and the ability, and only numbers', () => {
    expect(canDial(line('connected', true))).toBe(true);
    expect(canDial(line('connected', false))).toBe(false);
    expect(canDial(line('lost', true))).toBe(false);
    expect(canDial(undefined)).toBe(false);
    expect(dialable(record('r', { 'party.number': '+4512345678' }))).toBe('+4512345678');
    expect(dialable(record('r', { 'party.number_raw': 'anonymous' }))).toBeUndefined();
    expect(dialable(record('r'))).toBeUndefined();
    const dialed = { call: call('ended', { direction: 'outbound', views: [{ extension: '1001', direction: 'outbound', state: 'ended', started_at: '', party: {}, timeline: [], dialed: '95550199' } as View] }) };
    expect(dialable(record('r', { 'party.number': '5550199' }, dialed))).toBe('95550199');
    expect(dialable(record('r', { 'party.number': '+12025550199' }, dialed))).toBe('+12025550199');
  });

  it('says why it does not dial while the link is there', () => {
    expect(whyNoDial({ ...line('connected', false), abilities: [{ name: 'dial', available: false, reason: 'no right' }] })?.reason).toBe('no right');
    expect(whyNoDial(line('connected', true))).toBeUndefined();
    expect(whyNoDial(line('lost', false))).toBeUndefined();
  });

  it('fetches a parked call where it is', () => {
    expect(parkedPlace(call('held', { parked: true, parked_at: '701' }))).toBe('701');
    expect(parkedPlace(call('held', { parked: true, parked_at: 'lot one' }))).toBeUndefined();
    expect(parkedPlace(call('ended', { parked_at: '701' }))).toBeUndefined();
  });

  it('lets what takes turns share a button', () => {
    expect(['hold', 'resume', 'mute', 'unmute'].map((c) => buttonOf(c as 'hold'))).toEqual(['hold', 'hold', 'mute', 'mute']);
  });

  it('joins only calls of the same line that can be joined', () => {
    const can = (id: string, more = {}) => record(id, {}, { call: call('connected', { actions: ['hangup', 'join'] }), ...more });
    const ringing = record('d', {}, { call: call('ringing', { actions: ['hangup'] }) });
    const all = [can('a'), can('b'), can('c', { line: 'other' }), ringing, record('e')];
    expect(joinable(all[0]!, all).map((r) => r.id)).toEqual(['b']);
    expect(joinable(ringing, all)).toEqual([]);
    expect(canTransfer(['hangup', 'join'])).toBe(true);
    expect(canTransfer(['hangup', 'hold'])).toBe(false);
  });

  it('says what is missing, and knows the telephone\'s keys', () => {
    expect(missingOf(line('connected', true))).toEqual([{ names: ['mute', 'hold'], reason: 'no right', remedy: 'ask' }, { names: ['park'], reason: 'no lot', remedy: 'make one' }]);
    expect(missingOf(undefined)).toEqual([]);
    expect(['1', '*', '#', 'a', 'Enter', '10', ' '].map(digitOf)).toEqual(['1', '*', '#', undefined, undefined, undefined, undefined]);
  });
});
