import type { BlankField, BoardRecord, Field } from '@callboard/sdk';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Desk } from './desk.js';
import { Claims } from './claims.js';
import { groupsOf, hrefOf, isNumberField, notIn, wordOf, type Row } from './fields.js';
import { exactly, sourceName, when } from './format.js';
import { tell, useClaims } from './hooks.js';
import { Chevron, Pen } from './icons.js';
import { isNumber } from './numbers.js';
import { isSince } from './since.js';
import { Tel, Tels } from './tel.js';

/** `fixed`: it is read only. */
export function Fields({ desk, record, now, cut, fixed }: { desk: Desk; record: BoardRecord; now: number; cut: number | undefined; fixed: boolean }) {
  const [disclosed, setDisclosed] = useState<ReadonlySet<string>>(new Set());
  const [unhidden, setUnhidden] = useState(false);
  // Values that come while one looks are marked for a moment; those that were there already are not.
  const looked = useRef<string | undefined>(undefined);
  useEffect(() => {
    looked.current = record.id;
    setDisclosed(new Set());
    setUnhidden(false);
  }, [record.id]);
  const claims = useClaims(desk, record, unhidden || disclosed.size > 0);
  const blank = Object.entries(claims?.blank ?? {}).filter(([, b]) => b.claims.length > 0).map(([name]) => name);
  const nowhere = notIn(record).filter((app) => !Object.values(record.fields).some((f) => f.source === app));
  const toggle = (name: string) => {
    const next = new Set(disclosed);
    if (!next.delete(name)) next.add(name);
    setDisclosed(next);
  };
  return (
    <>
      {nowhere.length > 0 && (
        <p class="nowhere" data-testid="nothing">Not in {nowhere.map((app, i) => <>{i > 0 && ', '}<bdi key={app}>{sourceName(app)}</bdi></>)}</p>
      )}
      {groupsOf(record, [...disclosed, ...(unhidden ? blank : [])], fixed).map((group) => (
        <section class={`card group-${group.id}`} key={group.id} aria-labelledby={`group-${group.id}`}>
          <h3 id={`group-${group.id}`}>{group.title}</h3>
          <dl class="fields">
            {group.rows.map((row) => (
              <FieldRow key={`${record.id} ${row.name}`} desk={desk} record={record} row={row} now={now} fixed={fixed} cut={cut} fresh={looked.current === record.id}
                all={claims?.fields[row.name] ?? claims?.blank[row.name]}
                disclosed={disclosed.has(row.name)} onDisclose={() => toggle(row.name)} />
            ))}
          </dl>
        </section>
      ))}
      <p class="hidden-values">
        <button type="button" class="quiet" data-testid="show-hidden" aria-expanded={unhidden} onClick={() => setUnhidden(!unhidden)}>
          {unhidden ? 'Done with hidden values' : 'Show hidden values'}
        </button>
        <span role="status">{unhidden && claims && blank.length === 0 && 'No field is hidden.'}</span>
      </p>
    </>
  );
}

interface RowProps {
  desk: Desk;
  record: BoardRecord;
  row: Row;
  now: number;
  fresh: boolean;
  fixed: boolean;
  cut: number | undefined;
  /** All that is said of the field, once it was read. */
  all: Field | BlankField | undefined;
  disclosed: boolean;
  onDisclose: () => void;
}

function FieldRow({ desk, record, row, now, fresh, fixed, cut, all, disclosed, onDisclose }: RowProps) {
  const [editing, setEditing] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const { field } = row;
  const close = () => {
    setEditing(false);
    requestAnimationFrame(() => button.current?.focus());
  };
  const id = `claims-${row.name}`;
  const hidden = !field && all !== undefined && (all.claims?.length ?? 0) > 0;
  const absent = field ? [] : notIn(record, row.name);
  return (
    <div class={field ? 'field' : 'field missing'} data-testid={field ? 'field' : 'field-missing'} data-field={row.name}
      data-source={field?.source} data-quality={field?.quality} data-round={field?.round}>
      <dt>{row.label}{row.app && <>{' '}<span class="app"><bdi>{row.app}</bdi></span></>}</dt>
      <dd>
        {editing
          ? <Correction desk={desk} record={record} row={row} onDone={close} />
          : <div class="value-row">
              {field
                ? <Value name={row.name} field={field} fresh={fresh} key={field.source + field.value} />
                : <span class="unknown">{hidden ? 'Hidden' : absent.length > 0 ? `Not in ${absent.map(sourceName).join(', ')}` : 'Not known'}</span>}
              {row.editable && (
                <button type="button" class="icon-button edit" ref={button} data-testid="edit" onClick={() => setEditing(true)}
                  aria-label={field ? `Correct ${row.label}` : `Add ${row.label}`} title={field ? 'Correct' : 'Add'}><Pen /></button>
              )}
            </div>}
        {field && (
          <p class="origin">
            <Source source={field.source} />
            <span>{field.quality}</span>
            <span>round {field.round}</span>
            {field.since
              ? <span data-testid="since">known since <time dateTime={field.since}>{when(field.since, now)}</time></span>
              : <time dateTime={field.at}>{exactly(field.at, now)}</time>}
            {isSince(cut, field.at, field.since) && <Fresh />}
            {(field.others > 0 || row.editable || fixed) && (
              <button type="button" class="others" data-testid="others" aria-expanded={disclosed} aria-controls={id} onClick={onDisclose}
                aria-label={field.others > 0 ? undefined : `Sources of ${row.label}`}>
                <Chevron />{field.others > 0 ? `${field.others} other ${field.others === 1 ? 'value' : 'values'}` : 'Sources'}
              </button>
            )}
          </p>
        )}
        {hidden && (
          <p class="origin">
            <button type="button" class="others" data-testid="others" aria-expanded={disclosed} aria-controls={id} onClick={onDisclose}
              aria-label={`Hidden values of ${row.label}`}><Chevron />{all.claims?.length} hidden</button>
          </p>
        )}
      </dd>
      {disclosed && (field || hidden) && (
        <dd id={id} class="all-claims">
          <div class="claims-box" role="region" aria-label={`All values of ${row.label}`} tabIndex={0}>
            {all?.claims ? <Claims desk={desk} record={record} row={row} all={all} now={now} /> : <p class="unknown">Reading…</p>}
          </div>
        </dd>
      )}
    </div>
  );
}

/** It came after the call. */
export const Fresh = () => <span class="fresh" data-testid="fresh" tabIndex={-1}>New since the call</span>;

export function Source({ source }: { source: string }) {
  return <span class="source" data-source={source === 'user' || source === 'pbx' || source === 'history' ? source : 'app'}><bdi>{sourceName(source)}</bdi></span>;
}

function Value({ name, field, fresh }: { name: string; field: Field; fresh: boolean }) {
  const [isNew] = useState(fresh);
  const href = hrefOf(name, field.value);
  const isTel = isNumberField(name) && isNumber(field.value);
  const value = <bdi data-testid="field-value">{isTel ? field.value : href ? field.value : <Tels text={field.value} />}</bdi>;
  return (
    <span class={`value${/number|extension|\.ip$/.test(name) ? ' number' : ''}${isNew ? ' new' : ''}`}>
      {href ? <a href={href} target="_blank" rel="noopener noreferrer">{value}</a> : isTel ? <Tel number={field.value}>{value}</Tel> : value}
    </span>
  );
}

/** The person's own word for a field: it wins over all others, and can be taken back. */
function Correction({ desk, record, row, onDone }: { desk: Desk; record: BoardRecord; row: Row; onDone: () => void }) {
  const [value, setValue] = useState(row.field?.value ?? '');
  const [problem, setProblem] = useState('');
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => { // before the next key press
    input.current?.focus();
    input.current?.select();
  }, []);
  const say = async (text: string | null) => {
    try {
      await desk.board.claim(record.id, { [row.name]: text === null ? null : { value: text, quality: 'confirmed' } });
      onDone();
    } catch (error) {
      setProblem(tell(error));
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const word = wordOf(row.field, value);
    if (word === undefined) onDone();
    else void say(word);
  };
  return (
    <form class="correction" onSubmit={submit}>
      <input ref={input} type="text" data-testid="edit-value" aria-label={row.label} maxLength={8192} value={value} dir="auto" autocomplete="off"
        onInput={(e) => setValue(e.currentTarget.value)}
        onKeyDown={(e) => { if (e.key === 'Escape') { e.stopPropagation(); onDone(); } }} />
      <button type="submit" class="primary" data-testid="edit-save">Save</button>
      <button type="button" class="quiet" onClick={onDone}>Cancel</button>
      {row.field?.source === 'user' && (
        <button type="button" class="quiet" data-testid="edit-withdraw" onClick={() => void say(null)}>Take back my word</button>
      )}
      {problem && <p class="problem" role="alert">{problem}</p>}
    </form>
  );
}
