import type { Call, TimelineEntry, View } from '@callboard/sdk';
import { clock, duration, callSpan, endedByWords, endedWords, entryWords, exactly, flagsOf, isMissed, resultWord, resultWords, stateWord } from './format.js';
import { TelOr } from './tel.js';

export function Flags({ call }: { call: Call }) {
  const flags = flagsOf(call);
  if (flags.length === 0) return null;
  return (
    <ul class="flags" aria-label="About this call">
      {flags.map(([text, on]) => <li key={text} class={on ? 'flag on' : 'flag'} data-testid="flag">{text}</li>)}
    </ul>
  );
}

export function Facts({ call, now }: { call: Call; now: number }) {
  const view = call.views[0];
  const span = callSpan(call, now);
  const answered = call.answered_at ? exactly(call.answered_at, now) : call.result === 'answered' ? 'Not seen' : undefined;
  const talked = answered !== undefined || span === undefined; // nobody talked for 0:00
  const rows: [string, string | undefined, string?][] = [
    ['Dialed', view?.dialed],
    ['Started', exactly(call.started_at, now), 'started'],
    ['Answered', answered, 'answered'],
    ['Ended', endedWords(call, now), 'ended'],
    ['Duration', call.state !== 'ended' || !talked ? undefined : span === undefined ? 'Not seen' : duration(span), 'duration'],
    ['Result', call.result && (call.ended_by && !isMissed(call) ? `${resultWord(call)}, ended ${endedByWords(call.ended_by)}` : resultWords(call)), 'result'],
    ['Answered by', view?.answered_by],
    ['Queue', view?.queue],
    ['Conference', view?.room],
    ['At first', view?.first_party && [view.first_party.name, view.first_party.number].filter(Boolean).join(', ')],
    ['Transferred to', view?.transferred_to],
    ['Transferred by', view?.transferred_by],
    ['Forwarded to', view?.forwarded_to === 'voicemail' ? 'Voicemail' : view?.forwarded_to],
    ['Forwarded by', view?.forwarded_by],
    ['Parked at', view?.parked_at],
    ['Fetched by', view?.retrieved_by],
    ['Fetched from', view?.retrieved_from],
    ['Picked up by', view?.picked_up_by],
  ];
  return (
    <section class="card" aria-labelledby="facts-title">
      <h3 id="facts-title">Call</h3>
      <dl class="facts">
        {rows.filter(([, value]) => value).map(([label, value, id]) => (
          <div key={label} data-testid="fact" data-fact={id}>
            <dt>{label}</dt>
            <dd>{id === undefined && value ? <TelOr text={value} /> : <bdi>{value}</bdi>}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

export function Timeline({ call, now }: { call: Call; now: number }) {
  if (call.timeline.length === 0) return null;
  return (
    <section class="card" aria-labelledby="timeline-title">
      <h3 id="timeline-title">Timeline</h3>
      <Entries entries={call.timeline} now={now} testid="timeline-entry" whose={call.views.length > 1} />
    </section>
  );
}

/** `whose`: say at which extension each thing happened. */
function Entries({ entries, now, testid, whose }: { entries: readonly TimelineEntry[]; now: number; testid: string; whose: boolean }) {
  return (
    <ol class="timeline">
      {entries.map((entry, i) => (
        <li key={`${entry.at} ${entry.what} ${i}`} data-testid={testid} data-what={entry.what}>
          <time dateTime={entry.at} title={exactly(entry.at, now)}>{clock(entry.at)}</time>
          <p>
            <span class="what">{entryWords(entry).what}</span>{' '}
            <span class="detail"><Detail entry={entry} whose={whose} /></span>
          </p>
        </li>
      ))}
    </ol>
  );
}

function Detail({ entry, whose }: { entry: TimelineEntry; whose: boolean }) {
  const { detail } = entryWords(entry);
  const at = whose && entry.extension ? `ext. ${entry.extension}` : '';
  return <>{detail && <TelOr text={detail} />}{detail && at && ' · '}{at && <bdi>{at}</bdi>}</>;
}

export function Views({ call, now }: { call: Call; now: number }) {
  return (
    <section class="card" aria-labelledby="views-title">
      <h3 id="views-title">As each extension saw it</h3>
      <ul class="views">
        {call.views.map((view) => <OneView key={view.extension} view={view} now={now} />)}
      </ul>
    </section>
  );
}

function OneView({ view, now }: { view: View; now: number }) {
  const word = view.state === 'ended' ? resultWord(view) : stateWord(view.state);
  return (
    <li data-testid="view" data-extension={view.extension} data-state={view.state}>
      <details>
        <summary><bdi class="number">{view.extension}</bdi><span class="state-word" data-state={view.state}>{word}</span></summary>
        <Entries entries={view.timeline} now={now} testid="view-entry" whose={false} />
      </details>
    </li>
  );
}
