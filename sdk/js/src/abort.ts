const acts = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Acts when the signal is aborted, or at once if it is; what it returns takes that back. However many wait for a signal, it has one
 * listener: Node takes more than ten for a leak and warns of it.
 */
export function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (!signal || signal.aborted) {
    if (signal) act();
    return () => undefined;
  }
  const waiting = acts.get(signal) ?? listen(signal);
  waiting.add(act);
  return () => void waiting.delete(act);
}

function listen(signal: AbortSignal): Set<() => void> {
  const waiting = new Set<() => void>();
  acts.set(signal, waiting);
  signal.addEventListener('abort', () => { for (const act of waiting) act(); }, { once: true });
  return waiting;
}
