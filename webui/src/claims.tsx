import type { BlankField, BoardRecord, Claim, Field } from '@callboard/sdk';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Desk } from './desk.js';
import { isNumberField, type Row } from './fields.js';
import { Source } from './fieldlist.js';
import { exactly, sourceName, words } from './format.js';
import { tell } from './hooks.js';
import { TelOr } from './tel.js';

interface Decide {
  pinned: boolean;
  hidden: boolean;
  /** Names a button among those of the table, whatever the order of the rows. */
  press: (what: string, act: () => Promise<unknown>) => void;
}

/** All that is said of a field, and what the person decides about it: which one is shown, and which ones are not. */
export function Claims({ desk, record, row, all, now }: { desk: Desk; record: BoardRecord; row: Row; all: Field | BlankField; now: number }) {
  const [problem, setProblem] = useState('');
  const table = useRef<HTMLTableElement>(null);
  const pressed = useRef<string | undefined>(undefined);
  useLayoutEffect(() => { // a row that is moved loses the focus
    if (pressed.current === undefined || document.activeElement !== document.body) return;
    table.current?.querySelector<HTMLElement>(`[data-press="${CSS.escape(pressed.current)}"]`)?.focus();
  });
  const press = (what: string, act: () => Promise<unknown>) => {
    pressed.current = what;
    setProblem('');
    act().catch((error: unknown) => setProblem(tell(error)));
  };
  return (
    <>
      <table class="claims" ref={table}>
        <thead><tr>
          <th scope="col">Value</th><th scope="col">Source</th><th scope="col">Quality</th><th scope="col">Round</th><th scope="col">Time</th>
          {row.editable && <th scope="col">Shown</th>}
        </tr></thead>
        <tbody>
          {all.claims?.map((claim) => (
            <ClaimRow key={claim.source} desk={desk} record={record} row={row} claim={claim} now={now}
              pinned={all.pin === claim.source} hidden={all.hidden?.includes(claim.source) ?? false} press={press} />
          ))}
        </tbody>
      </table>
      {problem && <p class="problem" role="alert">{problem}</p>}
    </>
  );
}

function ClaimRow({ desk, record, row, claim, now, pinned, hidden, press }: { desk: Desk; record: BoardRecord; row: Row; claim: Claim; now: number } & Decide) {
  return (
    <tr data-testid="claim" data-source={claim.source} data-pinned={pinned || undefined} data-hidden={hidden || undefined}>
      <td>{isNumberField(row.name) ? <TelOr text={claim.value} /> : <bdi>{claim.value}</bdi>}</td>
      <td><Source source={claim.source} /></td>
      <td>{words(claim.quality)}</td>
      <td>{claim.round}</td>
      <td>
        <time dateTime={claim.at}>{exactly(claim.at, now)}</time>
        {claim.since && <span class="since"> known since <time dateTime={claim.since}>{exactly(claim.since, now)}</time></span>}
        {claim.expires_at && <span class="until"> until <time dateTime={claim.expires_at}>{exactly(claim.expires_at, now)}</time></span>}
      </td>
      {row.editable && <td class="verdicts"><Verdicts desk={desk} record={record} name={row.name} claim={claim} pinned={pinned} hidden={hidden} press={press} /></td>}
    </tr>
  );
}

function Verdicts({ desk, record, name, claim, pinned, hidden, press }: { desk: Desk; record: BoardRecord; name: string; claim: Claim } & Decide) {
  const { source, value } = claim;
  const from = `${value} from ${sourceName(source)}`;
  const pin = () => (pinned ? desk.board.unpin(record.id, name) : desk.board.pin(record.id, name, source));
  const hide = () => (hidden ? desk.board.unhide(record.id, name, source) : desk.board.hide(record.id, name, source));
  return (
    <>
      {!hidden && (
        <button type="button" class="quiet" data-testid="pin" data-press={`pin ${source}`} aria-label={`${pinned ? 'Unpin' : 'Pin'} ${from}`}
          onClick={() => press(`pin ${source}`, pin)}>{pinned ? 'Unpin' : 'Pin'}</button>
      )}
      {source !== 'user' && ( // one's own word is taken back instead
        <button type="button" class="quiet" data-testid="hide" data-press={`hide ${source}`} aria-label={`${hidden ? 'Unhide' : 'Hide'} ${from}`}
          onClick={() => press(`hide ${source}`, hide)}>{hidden ? 'Unhide' : 'Hide'}</button>
      )}
    </>
  );
}
