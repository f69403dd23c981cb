// A link opens a window of its own, and the token stays in the tab that has it (decision 6): a window that is signed in takes the lookup over.

type Said =
  | { say: 'who'; ask: string }
  | { say: 'me'; ask: string; window: string }
  | { say: 'take'; window: string; lookup: string };

const CHANNEL = 'callboard.lookup';
/** Milliseconds that another window has for its answer. */
const WAIT = 500;

/** Takes what other windows were opened for, where this one can. */
export function takeOver(me: string, can: () => boolean, take: (lookup: string) => void): void {
  if (typeof BroadcastChannel === 'undefined') return;
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }: MessageEvent<Said>) => {
    if (data.say === 'who' && can()) channel.postMessage({ say: 'me', ask: data.ask, window: me } satisfies Said);
    if (data.say === 'take' && data.window === me) take(data.lookup);
  };
}

/** Whether another window has taken it. */
export function handOver(me: string, lookup: string): Promise<boolean> {
  if (typeof BroadcastChannel === 'undefined') return Promise.resolve(false);
  const channel = new BroadcastChannel(CHANNEL);
  return new Promise((resolve) => {
    const end = (taken: boolean) => {
      clearTimeout(timer);
      channel.close();
      resolve(taken);
    };
    const timer = setTimeout(() => end(false), WAIT);
    channel.onmessage = ({ data }: MessageEvent<Said>) => {
      if (data.say !== 'me' || data.ask !== me) return;
      channel.postMessage({ say: 'take', window: data.window, lookup } satisfies Said);
      end(true);
    };
    channel.postMessage({ say: 'who', ask: me } satisfies Said);
  });
}
