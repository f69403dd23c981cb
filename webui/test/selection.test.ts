import { describe, expect, it } from 'vitest';
import { arrange, isActive, isNewlyUp, onEnded, onList, onNewCall, onTaken, step } from '../src/selection.js';
import { at, call, record } from './records.js';

const held = record('held', {}, { call: call('held') });
const ringing = record('ringing', {}, { call: call('ringing') });
const talking = record('talking', {}, { call: call('connected') });
const over = record('over', {}, { call: call('ended') });
const lookup = record('lookup', {}, { origin: 'lookup' });
const all = [held, over, talking, lookup, ringing];

describe('the list', () => {
  it('has active calls first, the ringing one at the top', () => {
    const { active, earlier } = arrange(all);
    expect(active.map((r) => r.id)).toEqual(['ringing', 'talking', 'held']);
    expect(earlier.map((r) => r.id)).toEqual(['over', 'lookup']);
  });

  it('has the newest first, by when the call began and not by when the board heard of it', () => {
    const begun = (id: string, seconds: number, state: 'ended' | 'ringing') => record(id, {}, { opened_at: at(1000), call: call(state, { started_at: at(seconds) }) });
    const { active, earlier } = arrange([begun('old', 1, 'ended'), record('lookup', {}, { opened_at: at(5) }), begun('new', 9, 'ended'), begun('first', 2, 'ringing'), begun('second', 3, 'ringing')]);
    expect(active.map((r) => r.id)).toEqual(['second', 'first']);
    expect(earlier.map((r) => r.id)).toEqual(['new', 'lookup', 'old']);
  });

  it('counts a closed record as over, whatever its call says', () => {
    expect(isActive(record('r', {}, { state: 'closed', call: call('connected') }))).toBe(false);
    expect([ringing, talking, lookup].map(isNewlyUp)).toEqual([true, false, false]);
  });
});

describe('what is in front', () => {
  it('is a call that newly rings', () => {
    expect(onNewCall({ id: 'over', open: false }, 'ringing', [over, ringing], false)).toEqual({ id: 'ringing', open: true });
  });

  it.each([[talking], [held]])('is no second call while one is in another, until it is taken', (other) => {
    const front = { id: other.id, open: true };
    expect(onNewCall(front, 'ringing', [other, ringing], false)).toEqual(front);
    expect(onNewCall({ id: 'over', open: true }, 'ringing', [over, other, ringing], false)).toEqual({ id: 'over', open: true });
    expect(onTaken(front, 'ringing', false)).toEqual({ id: 'ringing', open: true });
    expect(onTaken(front, 'ringing', true)).toEqual(front);
  });

  it('is the call one is in again, when the one in front came to nothing', () => {
    const ended = (result: 'busy' | 'answered') => record('second', {}, { call: call('ended', { result }) });
    const front = { id: 'second', open: true };
    expect(onEnded(front, ended('busy'), [held, ended('busy')], false)).toEqual({ id: 'held', open: true });
    expect(onEnded(front, ended('busy'), [held, talking], false)).toEqual({ id: 'talking', open: true });
    expect(onEnded(front, ended('busy'), [held], true)).toEqual(front);
    expect(onEnded(front, ended('busy'), [over, ringing], false)).toEqual(front);
    expect(onEnded(front, ended('answered'), [held], false)).toEqual(front);
    expect(onEnded({ id: 'over', open: false }, ended('busy'), [held], false)).toEqual({ id: 'over', open: false });
  });

  it('stays while the person writes elsewhere', () => {
    expect(onNewCall({ id: 'over', open: true }, 'ringing', [ringing], true)).toEqual({ id: 'over', open: true });
    expect(onNewCall({ id: 'ringing', open: false }, 'ringing', [ringing], true)).toEqual({ id: 'ringing', open: true });
  });

  it('is kept over a new list while it is there', () => {
    expect(onList({ id: 'lookup', open: true }, all)).toEqual({ id: 'lookup', open: true });
    expect(onList({ id: 'gone', open: true }, all)).toEqual({ id: 'talking', open: true });
    expect(onList({ id: 'gone', open: true }, [over, ringing])).toEqual({ id: 'ringing', open: true });
    expect(onList({ id: undefined, open: false }, [over])).toEqual({ id: 'over', open: false });
    expect(onList({ id: undefined, open: false }, [])).toEqual({ id: undefined, open: false });
  });

  it('moves by the keys in the order of the list and stays at its ends', () => {
    const from = (id: string | undefined, by: 1 | -1) => step({ id, open: false }, all, by).id;
    expect([from('ringing', 1), from('held', 1), from('lookup', 1), from('ringing', -1), from('over', -1), from(undefined, 1), from('gone', -1)])
      .toEqual(['talking', 'over', 'lookup', 'ringing', 'held', 'ringing', 'ringing']);
    const kept = record('kept');
    expect([step({ id: 'held', open: false }, all, 1, kept).id, step({ id: 'kept', open: false }, all, 1, kept).id]).toEqual(['kept', 'over']);
    expect(step({ id: undefined, open: false }, [], 1, kept).id).toBe('kept');
    expect(step({ id: undefined, open: false }, [], 1)).toEqual({ id: undefined, open: false });
  });
});
