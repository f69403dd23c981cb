import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { wayOf, type Way } from './session.js';

export function SignIn({ reason, onWay }: { reason: string; onWay: (way: Way) => void }) {
  const [pasted, setPasted] = useState('');
  const [problem, setProblem] = useState('');
  const box = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => box.current?.focus(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    const way = wayOf(pasted);
    if (way.code || way.token) return onWay(way);
    setProblem('That is neither a token nor an address that ends in #code=… or #token=….');
  };
  return (
    <main class="signin" data-testid="sign-in">
      <img src="/icon.svg" alt="" width="48" height="48" />
      <h1>Callboard</h1>
      <p class="lead">One line to your phone system, every app on the call.</p>
      {reason && <p class="doubt" role="alert" data-testid="sign-in-reason"><span>{withCommands(reason)}</span></p>}
      <form onSubmit={submit}>
        <label for="pasted">Address or token</label>
        <input id="pasted" data-testid="sign-in-box" type="password" autocomplete="off" ref={box} value={pasted}
          aria-describedby="where" onInput={(e) => { setPasted(e.currentTarget.value); setProblem(''); }} />
        {problem && <p class="problem" role="alert">{problem}</p>}
        <button type="submit" class="primary" data-testid="sign-in-button" disabled={pasted.trim() === ''}>Sign in</button>
      </form>
      <p class="where" id="where">
        Callboard printed an address in the terminal where it runs. Open that, or paste it here.
        It works once; <code>callboard open</code> prints a fresh one.
      </p>
    </main>
  );
}

/** What stands between backticks is a command. */
const withCommands = (text: string) => text.split('`').map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part));

/** Another window has taken what this one was opened for. */
export const Elsewhere = () => (
  <main class="signin" data-testid="elsewhere">
    <img src="/icon.svg" alt="" width="48" height="48" />
    <h1>Callboard</h1>
    <p class="lead" role="status">Looked up in the Callboard window that is open. You can close this one.</p>
  </main>
);

export function Connecting({ text, problem }: { text: string; problem: string }) {
  return (
    <main class="signin" data-testid="connecting">
      <img src="/icon.svg" alt="" width="48" height="48" />
      <h1>Callboard</h1>
      <p class="lead" role="status"><span class="pulse" aria-hidden="true" /> {text}</p>
      {problem && <p class="doubt">{problem}</p>}
    </main>
  );
}
