import type { BoardRecord, CommandName, Line } from '@callboard/sdk';
import { useEffect, useRef, useState } from 'preact/hooks';
import { FIRST, THEN, abilityWords, buttonOf, canDial, canTransfer, dialable, digitOf, joinable, labelOf, missingOf, parkedPlace, spokenOf } from './control.js';
import type { Desk } from './desk.js';
import { sentences } from './format.js';
import { tell, useKeptFocus } from './hooks.js';
import { Spelled } from './spelled.js';
import { Keypad, Mic, MicOff, Park, Pause, Phone, PhoneDown, Play, Record as RecordIcon, Stop, Transfer } from './icons.js';

const ICON: Partial<Record<CommandName, () => preact.JSX.Element>> = {
  answer: Phone, hangup: PhoneDown, hold: Pause, resume: Play, mute: MicOff, unmute: Mic, complete: Transfer, park: Park,
  record: RecordIcon, pause_recording: Pause, resume_recording: RecordIcon, stop_recording: Stop,
};

type Box = 'transfer' | 'keypad' | undefined;

/** `run`: one command at a time; `attempt`: beside others. What went wrong is said. */
function useCommand(id: string) {
  const [busy, setBusy] = useState('');
  const [problem, setProblem] = useState('');
  useEffect(() => setProblem(''), [id]);
  const attempt = async (act: () => Promise<unknown>): Promise<boolean> => {
    setProblem('');
    try {
      await act();
      return true;
    } catch (error) {
      setProblem(tell(error));
      return false;
    }
  };
  const run = async (name: string, act: () => Promise<unknown>): Promise<boolean> => {
    if (busy) return false;
    setBusy(name);
    const done = await attempt(act);
    setBusy('');
    return done;
  };
  return { busy, problem, run, attempt };
}

/** What can be done with the call: only what is possible just now. What this phone system cannot do at all is said below. */
export function Controls({ desk, record, records, line, online }: {
  desk: Desk; record: BoardRecord; records: readonly BoardRecord[]; line: Line | undefined; online: boolean;
}) {
  const { busy, problem, run, attempt } = useCommand(record.id);
  const [box, setBox] = useState<Box>();
  const actions = record.call?.actions ?? [];
  const live = record.call !== undefined && record.call.state !== 'ended';
  useEffect(() => setBox(undefined), [record.id, live]);
  const root = useKeptFocus();
  const number = dialable(record);
  const place = canDial(line) ? parkedPlace(record.call) : undefined;
  const usable = online && line?.pbx.state === 'connected';
  if (!live && !(number && canDial(line))) return null;
  const command = (name: CommandName) => void run(name, () => desk.board.command(record.id, { command: name }));
  const button = (name: CommandName) => (
    <Control key={`${record.id} ${buttonOf(name)}`} name={name} label={labelOf(name, record)} icon={ICON[name]} busy={busy} disabled={!usable}
      kind={name === 'answer' ? 'go' : name === 'hangup' ? 'end' : ''} onClick={() => command(name)} />
  );
  return (
    <section class="controls" aria-label="What you can do" data-testid="controls" ref={root}>
      <div class="buttons">
        {!live && number && (
          <Control key={`${record.id} dial`} name="dial" label={`Call ${number}`} icon={Phone} kind="go" busy={busy} disabled={!online} onClick={() => void run('dial', () => desk.dial(number))} />
        )}
        {live && place && (
          <Control key={`${record.id} fetch`} name="fetch" label="Fetch" icon={Phone} kind="go" busy={busy} disabled={!usable} onClick={() => void run('fetch', () => desk.dial(place))} />
        )}
        {live && FIRST.filter((b) => actions.includes(b)).map(button)}
        {live && canTransfer(actions) && (
          <Control key={`${record.id} transfer`} name="transfer" label="Transfer" icon={Transfer} busy={busy} disabled={!usable} expanded={box === 'transfer'}
            onClick={() => setBox(box === 'transfer' ? undefined : 'transfer')} />
        )}
        {live && actions.includes('digits') && (
          <Control key={`${record.id} keypad`} name="keypad" label="Keypad" icon={Keypad} busy={busy} disabled={!usable} expanded={box === 'keypad'}
            onClick={() => setBox(box === 'keypad' ? undefined : 'keypad')} />
        )}
        {live && THEN.filter((b) => actions.includes(b)).map(button)}
      </div>
      {live && box === 'transfer' && canTransfer(actions) && (
        <TransferBox record={record} others={joinable(record, records)} actions={actions} busy={busy} close={() => setBox(undefined)}
          run={run} desk={desk} />
      )}
      {live && box === 'keypad' && actions.includes('digits') && <Pad send={(digit) => attempt(() => desk.board.sendDtmf(record.id, digit))} close={() => setBox(undefined)} />}
      {problem && <p class="problem" role="alert" data-testid="command-problem">{problem}</p>}
      {live && <Missing line={line} />}
    </section>
  );
}

function Control({ name, label, icon: Icon, kind = '', busy, disabled, expanded, onClick }: {
  name: string; label: string; icon: (() => preact.JSX.Element) | undefined; kind?: string; busy: string; disabled: boolean; expanded?: boolean; onClick: () => void;
}) {
  return (
    <button type="button" class={`control ${kind}`} data-testid={`do-${name}`} aria-busy={busy === name} aria-disabled={disabled || busy !== ''}
      aria-expanded={expanded} onClick={() => !disabled && busy === '' && onClick()}>
      {Icon && <Icon />}<span>{label}</span>
    </button>
  );
}

function TransferBox({ desk, record, others, actions, busy, run, close }: {
  desk: Desk; record: BoardRecord; others: readonly BoardRecord[]; actions: readonly CommandName[]; busy: string;
  run: (name: string, act: () => Promise<unknown>) => Promise<boolean>; close: () => void;
}) {
  const [to, setTo] = useState('');
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const give = async (name: 'transfer' | 'consult') => {
    if (to.trim() === '') return input.current?.focus();
    if (await run(name, () => desk.give(record.id, name, to.trim()))) close();
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void give(actions.includes('transfer') ? 'transfer' : 'consult');
  };
  const numbers = actions.includes('transfer') || actions.includes('consult');
  return (
    <form class="box" data-testid="transfer-box" onSubmit={submit} onKeyDown={(e) => leaveOn(e, close)}>
      {numbers && (
        <>
          <label for="transfer-to">Transfer to</label>
          <div class="box-row">
            <input id="transfer-to" data-testid="transfer-to" ref={input} type="tel" inputMode="tel" autocomplete="off" maxLength={64} placeholder="Number"
              value={to} onInput={(e) => setTo(e.currentTarget.value)} />
            {actions.includes('transfer') && <button type="submit" class="primary" data-testid="transfer-now" aria-disabled={busy !== ''}>Transfer now</button>}
            {actions.includes('consult') && (
              <button type="button" class="quiet" data-testid="transfer-ask" aria-disabled={busy !== ''} onClick={() => void give('consult')}>Ask first</button>
            )}
          </div>
        </>
      )}
      {others.map((other) => (
        <button key={other.id} type="button" class="quiet join" data-testid="join" data-record={other.id} aria-disabled={busy !== ''}
          onClick={() => void run('join', () => desk.board.join(record.id, other.id)).then((done) => done && close())}>
          <Transfer />To the call with <bdi>{spokenOf(other)}</bdi>
        </button>
      ))}
    </form>
  );
}

const PAD = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'];

/** The telephone's keys, for the mouse and for the keyboard. What is pressed while one is being sent waits its turn. */
function Pad({ send, close }: { send: (digit: string) => Promise<boolean>; close: () => void }) {
  const [sent, setSent] = useState('');
  const queue = useRef(Promise.resolve());
  const pad = useRef<HTMLDivElement>(null);
  useEffect(() => pad.current?.focus(), []);
  const press = (digit: string) => {
    queue.current = queue.current.then(async () => {
      if (await send(digit)) setSent((before) => (before + digit).slice(-24));
    });
  };
  const onKey = (event: KeyboardEvent) => {
    const digit = digitOf(event.key);
    if (digit === undefined || event.ctrlKey || event.altKey || event.metaKey) return leaveOn(event, close);
    event.preventDefault();
    event.stopPropagation();
    press(digit);
  };
  return (
    <div class="box pad" data-testid="pad" role="group" aria-label="Keypad: type digits, * or #" tabIndex={0} ref={pad} onKeyDown={onKey}>
      <output class="sent" data-testid="pad-sent" aria-live="polite" aria-label="Sent">{sent || '–'}</output>
      <div class="pad-keys">
        {PAD.map((digit) => <button key={digit} type="button" class="pad-key" tabIndex={-1} data-testid={`key-${digit}`} onClick={() => press(digit)}>{digit}</button>)}
      </div>
    </div>
  );
}

function leaveOn(event: KeyboardEvent, close: () => void): void {
  if (event.key !== 'Escape') return;
  event.preventDefault();
  event.stopPropagation();
  document.querySelector<HTMLElement>('.control[aria-expanded="true"]')?.focus({ preventScroll: true });
  close();
}

function Missing({ line }: { line: Line | undefined }) {
  const missing = missingOf(line);
  if (missing.length === 0 || line?.pbx.state !== 'connected') return null;
  return (
    <details class="missing" data-testid="missing">
      <summary>What this phone system cannot do</summary>
      <dl>
        {missing.map(({ names, reason, remedy }) => (
          <div key={names.join()} data-testid="missing-ability" data-ability={names.join(' ')}>
            <dt>{names.map(abilityWords).join(', ')}</dt>
            <dd><bdi><Spelled text={sentences(reason, remedy)} /></bdi></dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
