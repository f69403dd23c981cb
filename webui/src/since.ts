// What is new on a reopened record since its call ended. Pure.
import type { BoardRecord, Item } from '@callboard/sdk';
import { CANDIDATES, labelOf, PICKED } from './fields.js';
import { words } from './format.js';

/** When the call ended, of a reopened one; of a lookup, when it was reopened. Undefined: nothing is old here. */
export function cutOf({ origin, call, reopened_at }: BoardRecord): number | undefined {
  if (origin !== 'reopened' || (call && call.state !== 'ended')) return undefined;
  const end = call ? call.ended_at ?? call.ended_before ?? call.ended_after : reopened_at;
  return end === undefined ? undefined : Date.parse(end);
}

/** `since`: of what was known before it was said. */
export const isSince = (cut: number | undefined, at: string, since?: string): boolean =>
  cut !== undefined && Date.parse(since ?? at) > cut;

/** When an item came to be as it is; what history remembers bears the time of its call. */
export const itemTime = (list: string, item: Item): string => (list === 'history' ? item.at : item.changed_at);

export interface New {
  /** How many values and items. */
  count: number;
  /** What they are called: fields, then lists. */
  names: string[];
}

export function newOf(record: BoardRecord): New {
  const cut = cutOf(record);
  if (cut === undefined) return { count: 0, names: [] };
  const fields = Object.entries(record.fields).filter(([, f]) => isSince(cut, f.at, f.since)).map(([name]) => name);
  const lists = Object.entries(record.items).filter(([name]) => name !== CANDIDATES)
    .map(([name, items]) => [name, items.filter((i) => isSince(cut, itemTime(name, i))).length] as const).filter(([, n]) => n > 0);
  return {
    count: lists.reduce((sum, [, n]) => sum + n, fields.length),
    names: [...fields.filter((name) => name !== PICKED).map(labelOf), ...lists.map(([name]) => words(name))],
  };
}
