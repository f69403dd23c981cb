import { describe, expect, it } from 'vitest';
import { arrange, isActive, isNewlyUp, onList, onNewCall, step } from '../src/selection.js';
import { call, record } from './records.js';

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

  it('counts a closed record as over, whatever its call says', () => {
    expect(isActive(record('r', {}, { state: 'closed', call: call('connected') }))).toBe(false);
    expect([ringing, talking, lookup].map(isNewlyUp)).toEqual([true, false, false]);
  });
});

describe('what is in front', () => {
  it('is a call that newly rings', () => {
    expect(onNewCall({ id: 'over', open: false }, 'ringing', false)).toEqual({ id: 'ringing', open: true });
  });

  it('stays while the person writes elsewhere', () => {
    expect(onNewCall({ id: 'over', open: true }, 'ringing', true)).toEqual({ id: 'over', open: true });
    expect(onNewCall({ id: 'ringing', open: false }, 'ringing', true)).toEqual({ id: 'ringing', open: true });
  });

  it('is kept over a new list while it is there', () => {
    expect(onList({ id: 'lookup', open: true }, all)).toEqual({ id: 'lookup', open: true });
    expect(onList({ id: 'gone', open: true }, all)).toEqual({ id: 'ringing', open: true });
    expect(onList({ id: undefined, open: false }, [over])).toEqual({ id: 'over', open: false });
    expect(onList({ id: undefined, open: false }, [])).toEqual({ id: undefined, open: false });
  });

  it('moves by the keys in the order of the list and stays at its ends', () => {
    const from = (id: string | undefined, by: 1 | -1) => step({ id, open: false }, all, by).id;
    expect([from('ringing', 1), from('held', 1), from('lookup', 1), from('ringing', -1), from('over', -1), from(undefined, 1), from('gone', -1)])
      .toEqual(['talking', 'over', 'lookup', 'ringing', 'held', 'ringing', 'ringing']);
    expect(step({ id: undefined, open: false }, [], 1)).toEqual({ id: undefined, open: false });
  });
});
