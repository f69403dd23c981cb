import type { App, AppList } from '@callboard/sdk';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Desk } from './desk.js';
import { labelOf } from './fields.js';
import { exactly, ringWords, sourceName } from './format.js';
import { tell } from './hooks.js';
import { Alert } from './icons.js';

const mays = { dial: 'make calls', control: 'command calls', reopen: 'reopen records', metrics: 'read how Callboard is' };

/** How many apps are barred from something. */
export const barred = (list: AppList | undefined) => (list?.apps ?? []).filter((a) => (a.quarantined ?? []).length > 0).length;

/** The apps that were let in: what each does and may, and what it is barred from. */
export function Apps({ desk, list, open, onClose, now }: { desk: Desk; list: AppList | undefined; open: boolean; onClose: () => void; now: number }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (!open) return dialog.current?.close();
    desk.readApps();
    dialog.current?.showModal();
  }, [open, desk]);
  return (
    <dialog class="keys apps" ref={dialog} onClose={onClose} aria-labelledby="apps-title" data-testid="apps">
      <h2 id="apps-title">Apps</h2>
      {(list?.cycles ?? []).map((ring) => (
        <p class="doubt" key={ringWords(ring)} data-testid="ring"><Alert /><span>These may set each other off: <bdi>{ringWords(ring)}</bdi>. Every loop is ended; see whether this one is meant.</span></p>
      ))}
      {list && list.apps.length === 0 && <p class="hint">No app was let in yet: <code>callboard app add</code> does it.</p>}
      <ul class="app-list">
        {(list?.apps ?? []).map((app) => <AppRow key={app.id} desk={desk} app={app} now={now} />)}
      </ul>
      <button type="button" class="primary" onClick={onClose}>Close</button>
    </dialog>
  );
}

function AppRow({ desk, app, now }: { desk: Desk; app: App; now: number }) {
  const [problem, setProblem] = useState('');
  const release = (field: string) => {
    setProblem('');
    desk.board.releaseApp(app.id, field).then(() => desk.readApps(), (error: unknown) => setProblem(tell(error)));
  };
  return (
    <li data-testid="app" data-app={app.id} data-connected={app.connected || undefined}>
      <p class="app-head">
        <strong><bdi>{sourceName(app.id)}</bdi></strong>
        {app.name && app.name !== app.id && <bdi class="unknown">{app.name}</bdi>}
        <span class="app-state"><span class="dot" aria-hidden="true" />{app.connected ? 'Working' : 'Away'}</span>
      </p>
      {(app.quarantined ?? []).map(({ field, since }) => (
        <p class="doubt" key={field} data-testid="quarantined" data-field={field}>
          <Alert />
          <span>May not write <bdi>{labelOf(field)}</bdi> since <time dateTime={since}>{exactly(since, now)}</time>: it changed it again and again in answer to others.</span>
          <button type="button" class="quiet" data-testid="release" aria-label={`Release ${app.id}: let it write ${labelOf(field)} again`} onClick={() => release(field)}>Release</button>
        </p>
      ))}
      {problem && <p class="problem" role="alert">{problem}</p>}
      <dl>
        <Names title="Works from" names={app.needs ?? []} />
        <Names title="Gives" names={app.gives ?? []} />
        <div><dt>May read</dt><dd data-testid="may-read"><bdi>{grantWords(app.read)}</bdi></dd></div>
        <div><dt>May write</dt><dd data-testid="may-write"><bdi>{grantWords(app.claim)}</bdi></dd></div>
        <Names title="Counts as, at most" names={app.max_quality === 'verified' ? [] : [app.max_quality]} />
        <Names title="May also" names={[...(app.may ?? []).map((m) => mays[m]), ...(app.after_call ? ['write when the record is closed'] : [])]} />
      </dl>
    </li>
  );
}

function Names({ title, names }: { title: string; names: readonly string[] }) {
  if (names.length === 0) return null;
  return <div><dt>{title}</dt><dd><bdi>{names.join(', ')}</bdi></dd></div>;
}

function grantWords(patterns: readonly string[]): string {
  if (patterns.length === 0) return 'nothing';
  return patterns.length === 1 && patterns[0] === '*' ? 'everything' : patterns.join(', ');
}
