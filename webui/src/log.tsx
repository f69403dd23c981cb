import type { Line, LogEntry, LogView, Result } from '@callboard/sdk';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { filtersOf, NOTHING_ASKED, type Asked } from './calllog.js';
import type { Desk } from './desk.js';
import { dayWords, duration, entryResult, entryTitle, RESULTS, unseenWords, when } from './format.js';
import { tell, useKeptPlace, useLog, useOpen } from './hooks.js';
import { Inbound, Internal, Missed, Note, Outbound, Phone, Search } from './icons.js';
import { isNumber } from './numbers.js';
import { Tel } from './tel.js';

const VIEWS: [LogView, string][] = [['all', 'All'], ['missed', 'Missed'], ['received', 'Received'], ['dialed', 'Dialed'], ['lookups', 'Lookups']];

/** The call log: what is looked for, and what was found, newest first. */
export function Log({ desk, lines, selected }: { desk: Desk; lines: readonly Line[]; selected: string | undefined }) {
  const { log } = desk;
  useLog(log);
  const { view } = log.asked;
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    desk.look(view);
    return () => desk.look(undefined);
  }, [desk, view]);
  useLayoutEffect(() => list.current?.closest('.list-pane')?.scrollTo(0, 0), [log.asked]);
  useKeptPlace(list);
  return (
    <div class="log" ref={list}>
      <div class="chips" role="group" aria-label="Which calls">
        {VIEWS.map(([name, word]) => (
          <button key={name} type="button" class="chip" data-testid={`log-${name}`} aria-pressed={view === name} onClick={() => log.ask({ view: name })}>{word}</button>
        ))}
      </div>
      <form class="log-search" role="search" aria-label="The call log" onSubmit={(e) => e.preventDefault()}>
        <label class="visually-hidden" for="log-search">Search the log</label>
        <input id="log-search" data-testid="log-search" type="search" autocomplete="off" spellcheck={false} maxLength={256} placeholder="Search names, numbers, notes"
          value={log.asked.q} onInput={(e) => log.ask({ q: e.currentTarget.value })} />
        <Filters asked={log.asked} lines={lines} ask={(change) => log.ask(change)} />
      </form>
      <Found desk={desk} selected={selected} />
    </div>
  );
}

function Filters({ asked, lines, ask }: { asked: Asked; lines: readonly Line[]; ask: (change: Partial<Asked>) => void }) {
  const count = filtersOf(asked);
  const text = (name: 'person' | 'company' | 'number' | 'tag', label: string) => (
    <label>{label}<input type="text" data-testid={`log-${name}`} autocomplete="off" maxLength={name === 'number' ? 64 : 256} value={asked[name]} onInput={(e) => ask({ [name]: e.currentTarget.value })} /></label>
  );
  const day = (name: 'from' | 'to', label: string) => (
    <label>{label}<input type="date" data-testid={`log-${name}`} value={asked[name]} onInput={(e) => ask({ [name]: e.currentTarget.value })} /></label>
  );
  return (
    <details class="filters" data-testid="log-filters">
      <summary>Filters{count > 0 && <span class="count" data-testid="log-filter-count">{count}</span>}</summary>
      <div class="filter-grid">
        {text('person', 'Person')}{text('company', 'Company')}{text('number', 'Number')}{text('tag', 'Tag')}
        {day('from', 'From')}{day('to', 'To')}
        <label>Result
          <select data-testid="log-result" value={asked.result} onChange={(e) => ask({ result: e.currentTarget.value as Result | '' })}>
            <option value="">Any</option>
            {RESULTS.map(([result, word]) => <option key={result} value={result}>{word}</option>)}
          </select>
        </label>
        {lines.length > 1 && (
          <label>Line
            <select data-testid="log-line" value={asked.line} onChange={(e) => ask({ line: e.currentTarget.value })}>
              <option value="">Any</option>
              {lines.map((l) => <option key={l.name} value={l.name}>{l.name}</option>)}
            </select>
          </label>
        )}
        <button type="button" class="quiet" data-testid="log-clear" disabled={count === 0} onClick={() => ask({ ...NOTHING_ASKED, view: asked.view, q: asked.q })}>Clear filters</button>
      </div>
    </details>
  );
}

function Found({ desk, selected }: { desk: Desk; selected: string | undefined }) {
  const { log } = desk;
  const { entries, busy, problem, hasMore } = log;
  const now = Date.now();
  const days = byDay(entries);
  const [open, unopened] = useOpen(desk);
  return (
    <div class="found" data-testid="log-found" data-busy={busy} aria-busy={busy === 'first'}>
      <p class="visually-hidden" role="status">{busy === 'first' ? '' : `${entries.length} ${entries.length === 1 ? 'entry' : 'entries'}${hasMore ? ', and more below' : ''}`}</p>
      {days.map(([day, group]) => (
        <section key={day} aria-label={dayWords(day, now)}>
          <h3 class="eyebrow day" aria-hidden="true">{dayWords(day, now)}</h3>
          <ul class="calls">
            {group.map((entry) => <Entry key={entry.record} entry={entry} current={entry.record === selected} onOpen={(byKey) => open(entry.record, byKey)} />)}
          </ul>
        </section>
      ))}
      {unopened && <p class="problem log-problem" role="alert">{unopened}</p>}
      {problem !== undefined && (
        <p class="problem log-problem" role="alert" data-testid="log-problem">{tell(problem)} <button type="button" class="others" onClick={() => log.retry()}>Try again</button></p>
      )}
      {entries.length === 0 && busy === undefined && problem === undefined && <p class="empty-list" data-testid="log-empty">{isAsked(log.asked) ? 'Nothing was found.' : 'No calls yet.'}</p>}
      {hasMore && problem === undefined && <More key={entries.length} busy={busy !== undefined} more={() => void log.more()} />}
    </div>
  );
}

const isAsked = (asked: Asked): boolean => asked.q.trim() !== '' || asked.view !== 'all' || filtersOf(asked) > 0;

/** Newest day first, as the entries come. */
function byDay(entries: readonly LogEntry[]): [string, LogEntry[]][] {
  const days: [string, LogEntry[]][] = [];
  let last = '';
  for (const entry of entries) {
    const day = new Date(entry.started_at).toDateString();
    if (day !== last) days.push([entry.started_at, []]);
    last = day;
    days.at(-1)?.[1].push(entry);
  }
  return days;
}

/** Comes into sight, and reads the next page; for the keyboard it is a button. */
function More({ busy, more }: { busy: boolean; more: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const act = useRef(more);
  act.current = more;
  useEffect(() => {
    if (!button.current) return;
    const seen = new IntersectionObserver((all) => all.some((e) => e.isIntersecting) && act.current(), { root: button.current.closest('.list-pane'), rootMargin: '400px' });
    seen.observe(button.current);
    return () => seen.disconnect();
  }, [busy]);
  return <button type="button" class="quiet more" ref={button} data-testid="log-more" aria-disabled={busy} onClick={more}>{busy ? 'Reading…' : 'Show more'}</button>;
}

function Entry({ entry, current, onOpen }: { entry: LogEntry; current: boolean; onOpen: (byKey: boolean) => void }) {
  const { name, more } = entryTitle(entry);
  const number = entry.number ?? entry.number_raw;
  const { tags } = entry;
  return (
    <li class="row" data-entry={entry.record}>
      <button type="button" class="call" data-testid="log-entry" data-record={entry.record} data-view={entry.view} data-result={entry.result} data-missed={entry.view === 'missed' || undefined}
        aria-current={current ? 'true' : undefined} onClick={(e) => onOpen(e.detail === 0)}>
        <span class="call-icon"><EntryIcon entry={entry} /></span>
        <span class="call-who">
          <span class="call-name"><bdi>{name}</bdi></span>
          <span class="call-more noted">
            {(more || tags) && <span class="cut">{more && <bdi>{more}</bdi>}{more && tags && ' · '}{tags && <bdi>{tags}</bdi>}</span>}
            <Noted count={entry.notes} />
          </span>
          <Unseen entry={entry} />
        </span>
        <span class="call-at">
          <span class="state-word" data-state="ended">{entryResult(entry)}</span>
          <span class="time"><time dateTime={entry.started_at}>{when(entry.started_at, Date.parse(entry.started_at))}</time>{(entry.duration_ms ?? 0) >= 1000 && ` · ${duration(entry.duration_ms ?? 0)}`}</span>
        </span>
      </button>
      {number && isNumber(number) && <Tel number={number} label={`Look up or call ${number}`}><Phone /></Tel>}
    </li>
  );
}

/** That there are notes is seen however long the words beside it are. */
function Noted({ count }: { count: number }) {
  if (count === 0) return null;
  const words = count === 1 ? '1 note' : `${count} notes`;
  return <span class="notes-mark" data-testid="log-notes" title={words}><Note />{count > 1 && <span aria-hidden="true">{count}</span>}<span class="visually-hidden">{words}</span></span>;
}

/** For a screen reader it is told with why, which others read when they point at it. */
function Unseen({ entry }: { entry: LogEntry }) {
  const words = unseenWords(entry);
  if (!words) return null;
  return <span class="mark" data-testid="unseen" title={words.why}>{words.mark}<span class="visually-hidden">. {words.why}</span></span>;
}

function EntryIcon({ entry: { view, direction } }: { entry: LogEntry }) {
  if (view === 'lookups') return <Search />;
  if (view === 'missed') return <Missed />;
  switch (direction) {
    case 'inbound': return <Inbound />;
    case 'outbound': return <Outbound />;
    case 'internal': return <Internal />;
    default: return <Phone />;
  }
}
