import { CallboardError, type BlankField, type BoardRecord, type Field } from '@callboard/sdk';
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';
import type { CallLog } from './calllog.js';
import type { Desk, DeskState } from './desk.js';
import { sentences } from './format.js';
import type { NoteBoxes } from './notebox.js';

export function useDesk(desk: Desk): DeskState {
  const [, render] = useReducer((n: number) => n + 1, 0);
  useEffect(() => desk.subscribe(() => render(undefined)), [desk]);
  return desk.state;
}

export function useNotes(notes: NoteBoxes): void {
  const [, render] = useReducer((n: number) => n + 1, 0);
  useEffect(() => notes.subscribe(() => render(undefined)), [notes]);
}

export function useLog(log: CallLog): void {
  const [, render] = useReducer((n: number) => n + 1, 0);
  useEffect(() => log.subscribe(() => render(undefined)), [log]);
}

/** The way to a record as it is stored, and why it could not be opened last; empty: it could. */
export function useOpen(desk: Desk): [open: (id: string, byKey: boolean) => void, problem: string] {
  const [problem, setProblem] = useState('');
  const open = (id: string, byKey: boolean) => {
    setProblem('');
    desk.open(id, byKey, true).catch((error: unknown) => setProblem(tell(error)));
  };
  return [open, problem];
}

/**
 * What stands first in sight stays where it is while rows come and go above it; at the very top, new rows push the others down. Rows bear
 * `data-entry`. (Not every browser anchors what scrolls.)
 */
export function useKeptPlace(list: { current: HTMLElement | null }): void {
  const held = useRef<{ id: string; at: number; scrolled: number } | undefined>(undefined);
  useLayoutEffect(() => {
    const scroller = list.current?.closest('.list-pane');
    if (!scroller || !list.current) return;
    const placeOf = (row: Element) => row.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
    const row = held.current && list.current.querySelector(`[data-entry="${CSS.escape(held.current.id)}"]`);
    if (row && held.current && scroller.scrollTop > 0) {
      // By how much the row has moved in the list, not on the screen: the person may have scrolled since, and no event has told of it yet.
      const moved = placeOf(row) - held.current.at;
      const most = scroller.scrollHeight - scroller.clientHeight; // where the list got shorter the browser has gone back to there
      if (moved !== 0) scroller.scrollTop = (held.current.scrolled > most ? held.current.scrolled : scroller.scrollTop) + moved;
    }
    const mark = () => {
      const edge = scroller.getBoundingClientRect().top;
      const rows = [...scroller.querySelectorAll<HTMLElement>('[data-entry]')];
      const first = rows[firstBelow(rows, edge)];
      held.current = first && { id: first.dataset['entry'] ?? '', at: placeOf(first), scrolled: scroller.scrollTop };
    };
    mark();
    scroller.addEventListener('scroll', mark, { passive: true });
    return () => scroller.removeEventListener('scroll', mark);
  });
}

/** Rows come from above to below. */
function firstBelow(rows: readonly HTMLElement[], edge: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.getBoundingClientRect().top ?? 0) < edge) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The time, ticking on whole seconds while `on`. */
export function useNow(on: boolean): number {
  const [now, set] = useState(Date.now);
  useEffect(() => {
    if (!on) return;
    let timer: ReturnType<typeof setTimeout>;
    const tick = () => {
      set(Date.now());
      timer = setTimeout(tick, 1000 - (Date.now() % 1000));
    };
    tick();
    return () => clearTimeout(timer);
  }, [on]);
  return now;
}

/**
 * When the button that has the keyboard goes, the next one gets it, or the record's heading. Never one that begins or ends a
 * call: a second press of Enter was meant for the button that is gone.
 */
export function useKeptFocus(): { current: HTMLElement | null } {
  const root = useRef<HTMLElement>(null);
  const had = root.current?.contains(document.activeElement) ? document.activeElement : null;
  useLayoutEffect(() => {
    if (!(had instanceof HTMLElement) || (document.activeElement !== null && document.activeElement !== document.body)) return;
    const next = had.isConnected ? had : root.current?.querySelector<HTMLElement>('.control:not(.go, .end)') ?? document.getElementById('record-title');
    next?.focus({ preventScroll: true });
  });
  return root;
}

/** What is said of each field, and of those of which nothing is shown. */
export interface AllClaims {
  fields: { readonly [name: string]: Field };
  blank: { readonly [name: string]: BlankField };
}

/** All claims of a record's fields while `on`, read again when the record moves; one request at a time. */
export function useClaims(desk: Desk, record: BoardRecord, on: boolean): AllClaims | undefined {
  const [held, set] = useState<{ id: string; rev: number; all: AllClaims }>();
  const asking = useRef(false);
  const stale = on && (held?.id !== record.id || held.rev < record.rev);
  useEffect(() => {
    if (!stale || asking.current) return;
    asking.current = true;
    desk.board.getRecord(record.id, { include: 'claims' })
      // The list must not ask in a circle when the server is behind its own stream.
      .then((r) => set({ id: r.id, rev: Math.max(r.rev, record.rev), all: { fields: r.fields, blank: r.blank ?? {} } }))
      .catch(() => undefined)
      .finally(() => { asking.current = false; });
  }, [stale, desk, record.id, record.rev]);
  return held?.id === record.id ? held.all : undefined;
}

/** What to tell a person of an error. */
export function tell(error: unknown): string {
  if (!(error instanceof CallboardError)) return sentences(error instanceof Error ? error.message : String(error));
  // The server's remedy for this one is for programs.
  if (error.status === 401) return 'Callboard does not know this page any more. Open a fresh address with `callboard open`.';
  return sentences(error.detail, error.remedy);
}
