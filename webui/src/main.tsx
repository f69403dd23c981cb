// Callboard's page. It is an ordinary app: everything it knows comes through the JavaScript SDK.
import { CallboardError, connect, exchangeCode, type Board } from '@callboard/sdk';
import { render } from 'preact';
import { App } from './app.js';
import { Desk } from './desk.js';
import { openDrafts } from './drafts.js';
import { sentences } from './format.js';
import { handOver, takeOver } from './handover.js';
import { tell } from './hooks.js';
import { isTyping } from './keys.js';
import { kept, takeFragment, type Way } from './session.js';
import { Connecting, Elsewhere, SignIn } from './signin.js';
import { openWindows } from './windows.js';
import './style.css';

const page = document.getElementById('page');
if (!page) throw new Error('The page has no element #page.');
const root = page;
root.replaceChildren();

const url = location.origin;
const windows = openWindows(navigator.locks);
const drafts = openDrafts(globalThis.indexedDB);
let desk: Desk | undefined;
let attempt = new AbortController();
/** From the address; kept until the person is in. */
let typed: string | undefined;
let atOnce = false;

async function signIn(reason = ''): Promise<void> {
  if (typed !== undefined && atOnce && await handOver(windows.me, typed)) return render(<Elsewhere />, root);
  render(<SignIn key={reason} reason={reason} onWay={(way) => void enter(way)} />, root);
}

/** Gets in by a code or a token, and stays until the token is refused. */
async function enter(way: Way): Promise<void> {
  attempt.abort();
  attempt = new AbortController();
  const { signal } = attempt;
  desk?.close();
  desk = undefined;
  try {
    const token = await tokenBy(way);
    if (token === undefined) return await signIn();
    kept.set(token);
    const board = await reach(token, signal);
    const opened = await drafts;
    if (signal.aborted) return void board.close();
    desk = new Desk(board, () => isTyping(document.activeElement), opened, windows);
    if (typed !== undefined) desk.fillIn(typed, atOnce);
    typed = undefined;
    render(<App desk={desk} />, root);
  } catch (error) {
    if (!signal.aborted) refused(error, way.code !== undefined && kept.get() === undefined);
  }
}

async function tokenBy(way: Way): Promise<string | undefined> {
  if (way.token) return way.token;
  if (!way.code) return kept.get();
  render(<Connecting text="Signing in…" problem="" />, root);
  try {
    return (await exchangeCode(url, way.code)).token;
  } catch (error) {
    // An old address opened again in a tab that is signed in already is no reason to throw the person out.
    const held = kept.get();
    if (held === undefined || !(error instanceof CallboardError) || error.status === 0) throw error;
    return held;
  }
}

function reach(token: string, signal: AbortSignal): Promise<Board> {
  const waiting = (problem: string) => render(<Connecting text="Connecting…" problem={problem} />, root);
  return connect({
    url, token, signal,
    onStatus: (state, error) => {
      if (state === 'unauthorized') refused(error);
      else if (!desk && !signal.aborted && (state === 'connecting' || state === 'offline')) waiting(error ? tell(error) : '');
    },
  });
}

/** `byAddress`: the address itself was refused, and the server says why in words for a person. */
function refused(error: unknown, byAddress = false): void {
  desk?.close();
  desk = undefined;
  if (error instanceof CallboardError && (error.status === 401 || error.status === 403)) kept.forget();
  void signIn(byAddress && error instanceof CallboardError ? sentences(error.detail, error.remedy) : tell(error));
}

const fromAddress = () => takeFragment(location, (to) => history.replaceState(null, '', to));

// A fresh address pasted into this tab changes the fragment only and loads nothing.
addEventListener('hashchange', () => {
  const way = fromAddress();
  if (way.lookup && desk) desk.fillIn(way.lookup, false);
  else if (way.lookup) typed = way.lookup;
  else if (way.code || way.token) void enter(way);
});
const way = fromAddress();
typed = way.lookup;
atOnce = way.atOnce === true;
takeOver(windows.me, () => desk !== undefined, (lookup) => desk?.fillIn(lookup, true));
void enter(way);
