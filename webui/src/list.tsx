import type { BoardRecord, Line } from '@callboard/sdk';
import { useEffect, useState } from 'preact/hooks';
import { canDial, whyNoDial } from './control.js';
import type { Desk } from './desk.js';
import { briefly, briefState, callSpan, duration, isMissed, isOwnPhoneRinging, kindWords, sentences, titleOf } from './format.js';
import { tell, useNow } from './hooks.js';
import { Again, Inbound, Internal, Missed, Outbound, Phone, Search } from './icons.js';
import { arrange, isActive } from './selection.js';
import { isCard, LARGEST_CARD, soughtOf } from './sought.js';
import { Spelled } from './spelled.js';

const SHOWN = 100;

export function List({ desk, records, selected, lines }: {
  desk: Desk; records: readonly BoardRecord[]; selected: string | undefined; lines: readonly Line[];
}) {
  const { active, earlier } = arrange(records);
  const [shown, setShown] = useState(SHOWN);
  const now = useNow(active.length > 0);
  const open = (id: string, byKey: boolean) => {
    desk.select(id);
    if (byKey) requestAnimationFrame(() => document.getElementById('record-title')?.focus({ preventScroll: true }));
  };
  const item = (record: BoardRecord) => (
    <Entry key={record.id} record={record} now={now} current={record.id === selected} onOpen={(byKey) => open(record.id, byKey)} />
  );
  return (
    <nav class="list-pane" aria-label="Calls" data-testid="call-list">
      <NumberBox desk={desk} line={lines[0]} />
      {active.length > 0 && (
        <section aria-labelledby="active-title">
          <h2 class="eyebrow" id="active-title">On the phone</h2>
          <ul class="calls">{active.map(item)}</ul>
        </section>
      )}
      {earlier.length > 0 && (
        <section aria-labelledby="earlier-title">
          <h2 class="eyebrow" id="earlier-title">Earlier</h2>
          <ul class="calls">{earlier.slice(0, shown).map(item)}</ul>
          {earlier.length > shown && (
            <button type="button" class="quiet more" onClick={() => setShown(shown + SHOWN)}>Show more</button>
          )}
        </section>
      )}
      {records.length === 0 && <p class="empty-list">No calls yet. A call appears here as soon as your phone rings or you dial.</p>}
    </nav>
  );
}

function Entry({ record, now, current, onOpen }: { record: BoardRecord; now: number; current: boolean; onOpen: (byKey: boolean) => void }) {
  const title = titleOf(record);
  const state = record.call?.state ?? 'none';
  const missed = record.call?.state === 'ended' && isMissed(record.call);
  return (
    <li>
      <button type="button" class="call" data-testid="call-item" data-record={record.id} data-state={state}
        data-result={record.call?.result} data-missed={missed || undefined} aria-current={current ? 'true' : undefined}
        onClick={(e) => onOpen(e.detail === 0)}>
        <span class="call-icon" title={kindWords(record)}><KindIcon record={record} /></span>
        <span class="call-who">
          <span class="call-name"><bdi>{title.name}</bdi></span>
          <span class="call-more"><More record={record} /></span>
        </span>
        <span class="call-at">
          <span class="state-word" data-state={state}>{briefState(record)}</span>
          <span class="time"><Time record={record} now={now} /></span>
        </span>
      </button>
    </li>
  );
}

function More({ record }: { record: BoardRecord }) {
  const { company, number } = titleOf(record);
  if (company) return <bdi>{company}</bdi>;
  if (number) return <bdi class="number">{number}</bdi>;
  return <>{record.call ? kindWords(record) : 'No call yet'}</>;
}

function Time({ record, now }: { record: BoardRecord; now: number }) {
  const { call } = record;
  if (call && isActive(record)) return <>{duration(callSpan(call, now) ?? 0)}</>;
  return <>{briefly(call?.started_at ?? record.opened_at, now)}</>;
}

export function KindIcon({ record }: { record: BoardRecord }) {
  const { call } = record;
  if (!call) return record.origin === 'reopened' ? <Again /> : <Search />;
  if (call.state === 'ended' && isMissed(call)) return <Missed />;
  if (isOwnPhoneRinging(call)) return <Phone />;
  switch (call.direction) {
    case 'inbound': return <Inbound />;
    case 'outbound': return <Outbound />;
    case 'internal': return <Internal />;
    default: return <Phone />;
  }
}

/** A number to be called, or anybody to be looked up before. Enter looks up: that costs nothing and rings nowhere. A card is pasted or dropped. */
function NumberBox({ desk, line }: { desk: Desk; line: Line | undefined }) {
  const dials = canDial(line);
  const why = whyNoDial(line);
  const [number, setNumber] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const filledIn = desk.state.typed;
  useEffect(() => {
    if (filledIn === undefined) return;
    setNumber(filledIn);
    document.getElementById('lookup-number')?.focus();
  }, [filledIn]);
  const card = async (text: string) => {
    setProblem('');
    try {
      await desk.lookup({ vcard: text });
    } catch (error) {
      setProblem(tell(error));
    }
  };
  const paste = (event: ClipboardEvent) => { // a field of one line would take the line breaks out
    const text = event.clipboardData?.getData('text/plain') ?? '';
    if (!isCard(text)) return;
    event.preventDefault();
    void card(text);
  };
  const drop = (event: DragEvent) => {
    const { files } = event.dataTransfer ?? {};
    const text = event.dataTransfer?.getData('text/plain') ?? '';
    if (!files?.length && !isCard(text)) return;
    event.preventDefault();
    const file = files?.[0];
    if (!file) void card(text);
    else if (files.length > 1) setProblem(`${files.length} files were dropped; one card is taken at once. Drop them one by one.`);
    else if (file.size > LARGEST_CARD) setProblem('The file is larger than 64 KiB, so it is not read. Drop one card, without its photograph.');
    else void file.text().then(card);
  };
  const run = async (act: (number: string) => Promise<unknown>) => {
    if (number.trim() === '' || busy) return document.getElementById('lookup-number')?.focus();
    setBusy(true);
    setProblem('');
    try {
      await act(number.trim());
      setNumber('');
    } catch (error) {
      setProblem(tell(error));
    }
    setBusy(false);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void run((n) => desk.lookup(soughtOf(n)));
  };
  return (
    <form class={dials ? 'lookup dials' : 'lookup'} onSubmit={submit} role="search" data-testid="number-box"
      onDragOver={(e) => e.preventDefault()} onDrop={drop}>
      <label for="lookup-number" class="eyebrow">{dials ? 'Call a number, or look anybody up' : 'Look anybody up'}</label>
      <div class="lookup-row">
        <input id="lookup-number" data-testid="lookup-number" type="text" autocomplete="off" autocapitalize="off" spellcheck={false} maxLength={2048}
          placeholder="Number, name, address or card" title="A number, a name, an e-mail, web or IP address; or paste or drop a business card (vCard)" value={number} onPaste={paste} aria-describedby={problem ? 'lookup-problem' : undefined}
          onInput={(e) => setNumber(e.currentTarget.value)} />
        <span class="lookup-buttons">
          <button type="submit" class="icon-button" aria-label="Look up" title="Look up" aria-disabled={busy}><Search /></button>
          {dials && (
            <button type="button" class="icon-button go" data-testid="dial" aria-label="Call: your phone rings first" title="Call: your phone rings first"
              aria-disabled={busy} onClick={() => void run((n) => desk.dial(n))}><Phone /></button>
          )}
        </span>
      </div>
      {problem && <p class="problem" id="lookup-problem" role="alert" data-testid="number-problem">{problem}</p>}
      {why && (
        <details class="missing" data-testid="why-no-dial">
          <summary>Why you cannot call from here</summary>
          <p><bdi><Spelled text={sentences(why.reason, why.remedy)} /></bdi></p>
        </details>
      )}
    </form>
  );
}
