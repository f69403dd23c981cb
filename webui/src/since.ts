// What is new on a reopened record since its call ended. Pure.
import type { BoardRecord, Item } from '@callboard/sdk';
import { CANDIDATES } from './fields.js';

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

/** How many values and items are new. */
export function newCount(record: BoardRecord): number {
  const cut = cutOf(record);
  if (cut === undefined) return 0;
  const fields = Object.values(record.fields).filter((f) => isSince(cut, f.at, f.since)).length;
  const lists = Object.entries(record.items).filter(([name]) => name !== CANDIDATES);
  return fields + lists.reduce((sum, [name, items]) => sum + items.filter((i) => isSince(cut, itemTime(name, i))).length, 0);
}
