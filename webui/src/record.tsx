import type { BoardRecord, Call, Line } from '@callboard/sdk';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Desk } from './desk.js';
import { Candidates } from './candidates.js';
import { Facts, Flags, Timeline, Views } from './call.js';
import { lineOf } from './control.js';
import { Controls } from './controls.js';
import { Erase } from './erase.js';
import { Fields } from './fieldlist.js';
import { labelOf } from './fields.js';
import { callSpan, callWords, duration, erasedWords, isMissed, kindWords, settledWords, sourceName, titleOf, unseenWords } from './format.js';
import { tell, useNow } from './hooks.js';
import { Again as AgainIcon, Alert, Back, Check, Search } from './icons.js';
import { Items } from './items.js';
import { KindIcon } from './list.js';
import { Notes } from './notes.js';
import { isNumber } from './numbers.js';
import { cutOf, newOf } from './since.js';
import { soughtAgain } from './sought.js';
import { Tel } from './tel.js';

/** `fixed`: it is over, and is read; to work on it is to reopen it. */
export function Record({ desk, record, records, lines, online, open, fixed }: {
  desk: Desk; record: BoardRecord; records: readonly BoardRecord[]; lines: readonly Line[]; online: boolean; open: boolean; fixed: boolean;
}) {
  const { call } = record;
  const cut = cutOf(record);
  const heading = useRef<HTMLHeadingElement>(null);
  const now = useNow(call !== undefined && call.state !== 'ended');
  // On a narrow screen the list is gone when the record comes: the keyboard and the reader go along.
  useEffect(() => {
    if (open && desk.isNarrow()) heading.current?.focus({ preventScroll: true });
  }, [desk, record.id, open]);
  // Each record is seen from its top, whatever the last one was scrolled to.
  const article = useRef<HTMLElement>(null);
  useLayoutEffect(() => article.current?.parentElement?.scrollTo(0, 0), [record.id]);
  return (
    <article class="record" ref={article} data-testid="record" data-record={record.id} data-state={call?.state ?? 'none'} data-fixed={fixed || undefined} aria-labelledby="record-title">
      <button type="button" class="quiet back" onClick={() => desk.back()}><Back />{desk.state.pane === 'log' ? 'Log' : 'Calls'}</button>
      <Head record={record} now={now} heading={heading} asked={desk.asked.get(record.id)} />
      <Controls desk={desk} record={record} records={records} line={lineOf(lines, record.line)} online={online} />
      <Again desk={desk} record={record} key={record.id} />
      <Enrichment record={record} apps={desk.state.apps?.apps.length} />
      {call && <Flags call={call} />}
      <Doubts record={record} />
      <div class="columns">
        <div class="column">
          <Candidates desk={desk} record={record} fixed={fixed} />
          <Fields desk={desk} record={record} now={now} cut={cut} fixed={fixed} />
          <Items desk={desk} record={record} now={now} cut={cut} />
        </div>
        <div class="column side">
          <Notes desk={desk} record={record} now={now} cut={cut} key={record.id} />
          {call && <Facts call={call} now={now} />}
          {call && <Timeline call={call} now={now} />}
          {call && call.views.length > 1 && <Views call={call} now={now} />}
        </div>
      </div>
      <Erase desk={desk} record={record} key={`erase ${record.id}`} />
    </article>
  );
}

function Head({ record, now, heading, asked }: {
  record: BoardRecord; now: number; heading: { current: HTMLHeadingElement | null }; asked: string | undefined;
}) {
  const title = titleOf(record);
  return (
    <header class="head">
      <div class="head-who">
        <p class="eyebrow kind"><KindIcon record={record} />{kindWords(record)}</p>
        <h2 id="record-title" class={title.name.length > 48 ? 'long' : undefined} data-testid="record-title" tabIndex={-1} ref={heading}>{isNumber(title.name) ? <Tel number={title.name} /> : <bdi>{title.name}</bdi>}</h2>
        {(title.number || title.company) && (
          <p class="head-more">
            {title.company && <bdi class="company">{title.company}</bdi>}
            {title.number && <Tel number={title.number} />}
          </p>
        )}
      </div>
      <CallState record={record} now={now} asked={asked} />
    </header>
  );
}

function CallState({ record, now, asked }: { record: BoardRecord; now: number; asked: string | undefined }) {
  const { call } = record;
  if (!call) return null;
  return (
    <div class="head-state">
      <span class="pill" data-testid="call-state" data-state={call.state} data-result={call.result} data-missed={isMissed(call) || undefined}>
        <span class="dot" aria-hidden="true" />{callWords(call, asked)}
      </span>
      <Span call={call} now={now} />
    </div>
  );
}

function Span({ call, now }: { call: Call; now: number }) {
  const span = callSpan(call, now);
  if (span === undefined) return <span class="span unseen">Duration not seen</span>;
  if (call.state === 'ended' && span === 0) return null;
  return <span class="span" data-testid="duration">{duration(span)}</span>;
}

/**
 * What is over is begun again: a closed record is put back on the board, where the apps work on it with what they know today; or the person is
 * looked up anew. On a reopened one stands what has come since.
 */
function Again({ desk, record }: { desk: Desk; record: BoardRecord }) {
  const [problem, setProblem] = useState('');
  const press = (act: Promise<unknown>) => {
    setProblem('');
    act.catch((error: unknown) => setProblem(tell(error)));
  };
  const sought = record.state === 'closed' ? soughtAgain(record) : undefined;
  const { count, names } = newOf(record);
  const seen = useRef(0);
  const since = record.call ? 'call' : 'lookup was reopened';
  if (record.state !== 'closed' && record.origin !== 'reopened') return null;
  return (
    <div class="again">
      {record.state === 'closed' && (
        <button type="button" class="control" data-testid="reopen" title="Your apps look again with what they know today" onClick={() => press(desk.reopen(record.id))}><AgainIcon />Reopen</button>
      )}
      {sought && (
        <button type="button" class="control" data-testid="look-up" title="A record of its own, without this call" onClick={() => press(desk.lookup(sought))}><Search />Look up</button>
      )}
      {record.origin === 'reopened' && (count > 0
        ? <span>
            <button type="button" class="others" data-testid="new-count" data-count={count} title="Go to the next"
              onClick={() => toNew(seen.current++)}>{count} new since the {since}</button>
            {names.length > 0 && <bdi class="unknown" data-testid="new-names">{names.slice(0, NAMED).join(', ')}{names.length > NAMED && ', …'}</bdi>}
          </span>
        : <span class="unknown" data-testid="new-count" data-count={0}>Nothing new since the {since}</span>)}
      {problem && <span class="problem" role="alert" data-testid="again-problem">{problem}</span>}
    </div>
  );
}

/** How many of the new are named. */
const NAMED = 6;

/** Goes from one to the next, and from the last to the first. */
function toNew(turn: number): void {
  const all = document.querySelectorAll<HTMLElement>('[data-testid="fresh"]');
  const next = all[turn % all.length];
  next?.scrollIntoView({ block: 'center' });
  next?.focus({ preventScroll: true });
}

function Enrichment({ record, apps }: { record: BoardRecord; apps: number | undefined }) {
  const settled = settledWords(record, apps);
  if (!settled.text) return null;
  return (
    <p class="enrichment" data-testid="settled" data-state={settled.state} data-rounds={settled.rounds}>
      {settled.state === 'working' && <span class="pulse" aria-hidden="true" />}
      {settled.state === 'settled' && <Check />}
      <span class="settled-text">{settled.text}</span>
      {settled.detail && <span class="settled-detail"><bdi>{settled.detail}</bdi></span>}
    </p>
  );
}

/** What is not there any more, and what we did not see or could not keep, said aloud. */
function Doubts({ record }: { record: BoardRecord }) {
  const unseen = unseenWords({ complete: record.complete && record.call?.complete !== false, unseen: record.call?.unseen });
  return (
    <>
      {record.erased_at && <p class="doubt past" data-testid="erased">{erasedWords(record.erased_at)}</p>}
      {unseen && <p class="doubt" data-testid="incomplete"><Alert />{unseen.why}</p>}
      {Object.entries(record.contended ?? {}).map(([name, { sources }]) => (
        <p class="doubt" key={name} data-testid="contended" data-field={name}>
          <Alert />
          <span><bdi>{sources.map(sourceName).join(' and ')}</bdi> {sources.length > 1 ? 'change' : 'changes'} <bdi>{labelOf(name)}</bdi> back and forth. It stays as it is until there is news of the call or you edit the record.</span>
        </p>
      ))}
      {!record.durable && <p class="doubt" data-testid="not-durable"><Alert />Not saved to disk yet; it is kept in memory.</p>}
    </>
  );
}
