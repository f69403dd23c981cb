// Which record is in front, and which calls the list shows first. Pure.
import type { BoardRecord } from '@callboard/sdk';

export interface Selection {
  id: string | undefined;
  /** On a narrow screen: whether the record hides the list. */
  open: boolean;
}

export const isActive = (record: BoardRecord): boolean =>
  record.state === 'open' && record.call !== undefined && record.call.state !== 'ended';

export const isNewlyUp = (record: BoardRecord): boolean =>
  isActive(record) && (record.call?.state === 'ringing' || record.call?.state === 'dialing');

const URGENCY = { ringing: 0, dialing: 1, connected: 2, held: 3, ended: 4 } as const;

/** Active calls, the most urgent first; then the rest, newest first. */
export function arrange(records: readonly BoardRecord[]): { active: BoardRecord[]; earlier: BoardRecord[] } {
  const active = records.filter(isActive).sort((a, b) => urgency(a) - urgency(b));
  return { active, earlier: records.filter((r) => !isActive(r)) };
}

function urgency(record: BoardRecord): number {
  return record.call ? (URGENCY[record.call.state] ?? 4) : 4;
}

/** A call that came up goes in front, unless the person is writing elsewhere. */
export function onNewCall(selection: Selection, id: string, writing: boolean): Selection {
  return writing && selection.id !== id ? selection : { id, open: true };
}

/** After a list: keep what is in front if it is still there, else take the most urgent call. */
export function onList(selection: Selection, records: readonly BoardRecord[]): Selection {
  if (selection.id !== undefined && records.some((r) => r.id === selection.id)) return selection;
  const { active, earlier } = arrange(records);
  const first = active[0] ?? earlier[0];
  return { id: first?.id, open: active.length > 0 };
}

/** The neighbour in the order of the list; stays at its ends. */
export function step(selection: Selection, records: readonly BoardRecord[], by: 1 | -1): Selection {
  const { active, earlier } = arrange(records);
  const ids = [...active, ...earlier].map((r) => r.id);
  if (ids.length === 0) return selection;
  const at = selection.id === undefined ? -1 : ids.indexOf(selection.id);
  const to = at < 0 ? 0 : Math.min(ids.length - 1, Math.max(0, at + by));
  return { ...selection, id: ids[to] };
}
