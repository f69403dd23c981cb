import type { BoardRecord, Line } from '@callboard/sdk';
import { useState } from 'preact/hooks';
import type { Desk } from './desk.js';
import { briefly, briefState, callSpan, duration, isMissed, isOwnPhoneRinging, kindWords, titleOf } from './format.js';
import { useNow, useOpen } from './hooks.js';
import { Again, Close, Inbound, Internal, Missed, Outbound, Phone, Search } from './icons.js';
import { Log } from './log.js';
import { NumberBox } from './numberbox.js';
import { isNumber } from './numbers.js';
import { arrange, isActive } from './selection.js';
import { Tel } from './tel.js';

const SHOWN = 100;

export function List({ desk, records, selected, lines }: {
  desk: Desk; records: readonly BoardRecord[]; selected: string | undefined; lines: readonly Line[];
}) {
  const { pane } = desk.state;
  return (
    <nav class="list-pane" aria-label="Calls" data-testid="call-list" data-pane={pane}>
      <NumberBox desk={desk} line={lines[0]} />
      <Tabs desk={desk} pane={pane} />
      <div role="tabpanel" id={`panel-${pane}`} aria-labelledby={`tab-${pane}`}>
        {pane === 'log' ? <Log desk={desk} lines={lines} selected={selected} /> : <Calls desk={desk} records={records} selected={selected} />}
      </div>
    </nav>
  );
}

const PANES = [['calls', 'Board'], ['log', 'Log']] as const;

/** The calls of now, and those of ever, with how many were missed since one has looked. */
function Tabs({ desk, pane }: { desk: Desk; pane: 'calls' | 'log' }) {
  const { missed } = desk;
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    event.preventDefault();
    const other = pane === 'log' ? 'calls' : 'log';
    desk.showPane(other);
    requestAnimationFrame(() => document.getElementById(`tab-${other}`)?.focus());
  };
  return (
    <div class="tabs" role="tablist" aria-label="Calls" onKeyDown={onKey}>
      {PANES.map(([name, word]) => (
        <button key={name} type="button" role="tab" class="tab" id={`tab-${name}`} data-testid={`tab-${name}`} aria-selected={pane === name} aria-controls={pane === name ? `panel-${name}` : undefined}
          tabIndex={pane === name ? 0 : -1} onClick={() => desk.showPane(name)}>
          {word}
          {name === 'log' && missed.count > 0 && <span class="count bad" data-testid="missed-count">{missed.words}<span class="visually-hidden"> missed</span></span>}
        </button>
      ))}
    </div>
  );
}

function Calls({ desk, records, selected }: { desk: Desk; records: readonly BoardRecord[]; selected: string | undefined }) {
  const { active, earlier } = arrange(records);
  const [shown, setShown] = useState(SHOWN);
  const now = useNow(active.length > 0);
  const { kept } = desk;
  const item = (record: BoardRecord) => (
    <Entry key={record.id} record={record} now={now} current={record.id === selected} onOpen={(byKey) => void desk.open(record.id, byKey)} />
  );
  return (
    <>
      {active.length > 0 && (
        <section aria-labelledby="active-title">
          <h2 class="eyebrow" id="active-title">On the phone</h2>
          <ul class="calls">{active.map(item)}</ul>
        </section>
      )}
      {kept && <Kept key={kept.id} desk={desk} record={kept} now={now} current={kept.id === selected} />}
      {earlier.length > 0 && (
        <section aria-labelledby="earlier-title">
          <h2 class="eyebrow" id="earlier-title">Earlier</h2>
          <ul class="calls">{earlier.slice(0, shown).map(item)}</ul>
          {earlier.length > shown && (
            <button type="button" class="quiet more" onClick={() => setShown(shown + SHOWN)}>Show more</button>
          )}
        </section>
      )}
      {records.length === 0 && !kept && <p class="empty-list">No calls yet. A call appears here as soon as your phone rings or you dial.</p>}
    </>
  );
}

/** What was opened from the log, until it is put away or something else is opened from there. */
function Kept({ desk, record, now, current }: { desk: Desk; record: BoardRecord; now: number; current: boolean }) {
  const [open, problem] = useOpen(desk);
  return (
    <section aria-labelledby="kept-title" data-testid="kept">
      <h2 class="eyebrow" id="kept-title">From the log</h2>
      <ul class="calls"><Entry record={record} now={now} current={current} onOpen={(byKey) => open(record.id, byKey)} onClose={() => desk.putAway()} /></ul>
      {problem && <p class="problem log-problem" role="alert">{problem}</p>}
    </section>
  );
}

function Entry({ record, now, current, onOpen, onClose }: {
  record: BoardRecord; now: number; current: boolean; onOpen: (byKey: boolean) => void; onClose?: () => void;
}) {
  const title = titleOf(record);
  const state = record.call?.state ?? 'none';
  const missed = record.call?.state === 'ended' && isMissed(record.call);
  const number = isActive(record) ? undefined : record.party.number ?? record.party.number_raw;
  return (
    <li class={isActive(record) ? undefined : 'row'}>
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
      {onClose
        ? <button type="button" class="icon-button" data-testid="put-away" title="Put away" aria-label={`Put ${title.name} away`} onClick={onClose}><Close /></button>
        : number !== undefined && isNumber(number) && <Tel number={number} label={`Look up or call ${number}`}><Phone /></Tel>}
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
