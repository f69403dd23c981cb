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

/** Active calls, the most urgent first; then the rest. Newest first among equals. */
export function arrange(records: readonly BoardRecord[]): { active: BoardRecord[]; earlier: BoardRecord[] } {
  const newest = [...records].sort((a, b) => begun(b) - begun(a));
  const active = newest.filter(isActive).sort((a, b) => urgency(a) - urgency(b));
  return { active, earlier: newest.filter((r) => !isActive(r)) };
}

function urgency(record: BoardRecord): number {
  return record.call ? (URGENCY[record.call.state] ?? 4) : 4;
}

/** A record that joined the board late still belongs where its call began. */
const begun = (record: BoardRecord): number => Date.parse(record.call?.started_at ?? record.opened_at);

/** The call that the person is in: the one they talk on, else one on hold. */
function inCall(records: readonly BoardRecord[], but?: string): BoardRecord | undefined {
  const there = arrange(records).active.filter((r) => r.id !== but);
  return there.find((r) => r.call?.state === 'connected') ?? there.find((r) => r.call?.state === 'held');
}

/** A call that came up goes in front, unless the person is in another one or is writing elsewhere. */
export function onNewCall(selection: Selection, id: string, records: readonly BoardRecord[], writing: boolean): Selection {
  return selection.id !== id && (writing || inCall(records, id)) ? selection : { id, open: true };
}

/** A call that had to wait in the list goes in front when the person takes it. */
export function onTaken(selection: Selection, id: string, writing: boolean): Selection {
  return writing ? selection : { id, open: true };
}

const UNTALKED: ReadonlySet<string | undefined> = new Set(['busy', 'missed', 'cancelled', 'rejected', 'answered_elsewhere']);

/** When the call in front came to nothing, the call that the person is in comes back. */
export function onEnded(selection: Selection, ended: BoardRecord, records: readonly BoardRecord[], writing: boolean): Selection {
  const other = inCall(records, ended.id);
  return selection.id === ended.id && UNTALKED.has(ended.call?.result) && !writing && other ? { id: other.id, open: true } : selection;
}

/** After a list: keep what is in front if it is still there, else take the call that the person is in, or the most urgent one. */
export function onList(selection: Selection, records: readonly BoardRecord[]): Selection {
  if (selection.id !== undefined && records.some((r) => r.id === selection.id)) return selection;
  const { active, earlier } = arrange(records);
  const first = inCall(records) ?? active[0] ?? earlier[0];
  return { id: first?.id, open: active.length > 0 };
}

/** The neighbour in the order of the list, with what was opened from the log; stays at its ends. */
export function step(selection: Selection, records: readonly BoardRecord[], by: 1 | -1, kept?: BoardRecord): Selection {
  const { active, earlier } = arrange(records);
  const ids = [...active, ...(kept ? [kept] : []), ...earlier].map((r) => r.id);
  if (ids.length === 0) return selection;
  const at = selection.id === undefined ? -1 : ids.indexOf(selection.id);
  const to = at < 0 ? 0 : Math.min(ids.length - 1, Math.max(0, at + by));
  return { ...selection, id: ids[to] };
}
