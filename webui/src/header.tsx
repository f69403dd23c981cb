import type { AppList, Line } from '@callboard/sdk';
import { barred } from './apps.js';
import type { Stream } from './desk.js';
import { sentences, when } from './format.js';
import { Alert } from './icons.js';
import { Spelled } from './spelled.js';

const LINK = { connected: 'Connected', connecting: 'Connecting', lost: 'Lost', refused: 'Refused' } as const;

export function Header({ lines, apps, onApps, onKeys }: { lines: readonly Line[]; apps: AppList | undefined; onApps: () => void; onKeys: () => void }) {
  const stopped = barred(apps);
  return (
    <header class="top">
      <h1 class="brand"><img src="/icon.svg" alt="" width="24" height="24" />Callboard</h1>
      <ul class="links" aria-label="Lines">
        {lines.map((line) => (
          <li key={line.name} class="link" data-testid="link-state" data-state={line.pbx.state} data-line={line.name}
            title={line.pbx.peer}>
            <span class="dot" aria-hidden="true" />
            <span class="link-name"><bdi>{line.name}</bdi></span>
            {line.extensions.join(', ') !== line.name && <span class="link-extensions"><bdi>{line.extensions.join(', ')}</bdi></span>}
            <span class="link-word">{LINK[line.pbx.state] ?? line.pbx.state}</span>
          </li>
        ))}
      </ul>
      <button type="button" class="quiet apps-button" data-testid="apps-button" data-barred={stopped || undefined} onClick={onApps}>
        Apps{stopped > 0 && <span class="apps-barred"><Alert />{stopped}<span class="word"> stopped</span></span>}
      </button>
      <button type="button" class="quiet keys-button" onClick={onKeys} aria-label="Keyboard shortcuts" title="Keyboard shortcuts">?</button>
    </header>
  );
}

/** What stands between the person and the phone system, said once and with what to do about it. */
export function Banners({ lines, stream, durable, problem, now }: {
  lines: readonly Line[]; stream: Stream; durable: boolean; problem: string | undefined; now: number;
}) {
  const away = stream.state === 'offline' || stream.state === 'connecting';
  return (
    <div class="banners" role="status">
      {away && (
        <Banner kind="bad" testid="stream-state" state={stream.state}
          title={`Not connected to Callboard since ${when(new Date(stream.since).toISOString(), now)}`}
          text={sentences(stream.error?.detail, 'What you see may be old', 'Trying again; what you write is kept here until then')} />
      )}
      {!away && lines.filter((l) => l.pbx.state === 'lost' || l.pbx.state === 'refused').map((l) => (
        <Banner key={l.name} kind={l.pbx.state === 'refused' ? 'bad' : 'warn'} testid="link-banner" state={l.pbx.state}
          title={l.pbx.state === 'refused' ? `The phone system refuses line ${l.name}` : `Line ${l.name} has been without the phone system since ${when(l.pbx.since, now)}`}
          text={sentences(l.pbx.problem, l.pbx.remedy)} />
      ))}
      {!away && lines.filter((l) => (l.pbx.warnings ?? []).length > 0).map((l) => (
        <details key={`warnings ${l.name}`} class="banner warn folded" data-testid="link-warnings">
          <summary>The link of line <bdi>{l.name}</bdi> works, but something should be put right</summary>
          <ul>{(l.pbx.warnings ?? []).map((text) => <li key={text}><bdi><Spelled text={sentences(text)} /></bdi></li>)}</ul>
        </details>
      ))}
      {!away && !durable && (
        <Banner kind="warn" testid="store-banner" state="not-durable" title="Changes are not being saved to disk" text={sentences(problem)} />
      )}
    </div>
  );
}

function Banner({ kind, title, text, testid, state }: { kind: 'bad' | 'warn'; title: string; text: string; testid: string; state: string }) {
  return (
    <div class={`banner ${kind}`} data-testid={testid} data-state={state}>
      <Alert />
      <p><strong><bdi>{title}</bdi></strong> {text && <span><bdi>{text}</bdi></span>}</p>
    </div>
  );
}
