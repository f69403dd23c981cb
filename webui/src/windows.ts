// Which windows of this browser are open: what one has left behind, another takes over.

export interface Windows {
  /** This one; another after each loading of the page. */
  readonly me: string;
  /** Calls once the window is gone: closed, loaded anew or crashed. */
  whenGone(owner: string, then: () => Promise<void>): void;
  close(): void;
}

const lockOf = (owner: string) => `callboard.window.${owner}`;

/** A window holds a lock for as long as it lives; the browser lets it go, whatever ends the window. */
export function openWindows(locks: LockManager | undefined): Windows {
  const me = [...crypto.getRandomValues(new Uint8Array(8))].map((b) => b.toString(16).padStart(2, '0')).join('');
  const closing = new AbortController();
  if (!locks) { // not on https and not on this computer: then nobody can tell, and a window that is open keeps its text in the page
    return { me, whenGone: (_, then) => void then(), close: () => undefined };
  }
  void locks.request(lockOf(me), () => new Promise((resolve) => closing.signal.addEventListener('abort', resolve)));
  return {
    me,
    whenGone: (owner, then) => void locks.request(lockOf(owner), { signal: closing.signal }, then).catch(() => undefined), // this window is gone first
    close: () => closing.abort(),
  };
}
