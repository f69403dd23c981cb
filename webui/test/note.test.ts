import { CallboardError, type Item } from '@callboard/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Draft, Drafts } from '../src/drafts.js';
import { PAUSE } from '../src/note.js';
import { NoteBoxes } from '../src/notebox.js';
import type { Windows } from '../src/windows.js';

/** What the browser keeps, for all windows. */
class Disk implements Drafts {
  lasting = true;
  full = false;
  map = new Map<string, Draft>();
  put = async (draft: Draft) => {
    if (this.full) throw new Error('full');
    this.map.set(draft.key, draft);
  };
  remove = async (key: string) => void this.map.delete(key);
  owners = async () => [...new Set([...this.map.values()].map((d) => d.owner))];
  claim = async (from: string, to: string) => {
    const taken = [...this.map.values()].filter((d) => d.owner === from).map((d) => ({ ...d, owner: to }));
    for (const draft of taken) this.map.set(draft.key, draft);
    return structuredClone(taken);
  };
  forget = async (record: string) => {
    for (const [key, draft] of this.map) if (draft.record === record) this.map.delete(key);
  };
}

/** Windows of one browser. */
class Browser {
  disk = new Disk();
  #waiting = new Map<string, (() => Promise<void>)[]>();
  #gone = new Set<string>();
  #open = new Map<string, NoteBoxes>();
  #next = 0;

  open(): { boxes: NoteBoxes; me: string } {
    const me = `w${++this.#next}`;
    const windows: Windows = {
      me, close: () => undefined,
      whenGone: (owner, then) => {
        if (this.#gone.has(owner)) return void then();
        this.#waiting.set(owner, [...(this.#waiting.get(owner) ?? []), then]);
      },
    };
    const boxes = new NoteBoxes(server, this.disk, windows);
    this.#open.set(me, boxes);
    return { boxes, me };
  }

  /** The window is there no more, from one moment to the next. */
  async crash(me: string): Promise<void> {
    const boxes = this.#open.get(me);
    if (boxes) Object.assign(boxes, { flush: () => undefined }); // nothing is sent at the end
    boxes?.stop();
    this.#gone.add(me);
    for (const then of this.#waiting.get(me) ?? []) await then();
  }
}

/** A server that one can hold up, cut off and break; it keeps receipts, and writes no note anew that is not as it was seen (D-10). */
class Server {
  notes = new Map<string, Item>();
  log: string[] = [];
  broken: CallboardError | undefined;
  /** It does what is asked, and the answer is lost. */
  mute = false;
  gate: Promise<void> | undefined;
  #receipts = new Map<string, Item | undefined>();
  #changes = 0;

  putNote = async (_: string, id: string, text: string, { seen, key }: { seen?: string | undefined; key?: string } = {}): Promise<Item> => {
    this.log.push(`put ${text}`);
    await this.gate;
    if (this.broken) throw this.broken;
    const item = this.#once(key, id, seen, () => {
      const held = this.notes.get(id);
      if (held?.text === text) return held;
      const made: Item = { id, source: 'user', text, at: held?.at ?? this.#now(), changed_at: this.#now() };
      this.notes.set(id, made);
      return made;
    });
    if (this.mute) throw offline;
    return item!;
  };

  removeNote = async (_: string, id: string, { seen, key }: { seen?: string | undefined; key?: string } = {}): Promise<void> => {
    this.log.push('remove');
    if (this.broken) throw this.broken;
    this.#once(key, id, seen, () => {
      if (!this.notes.delete(id)) throw new CallboardError('not_found', 404, 'There is no such note.');
      return undefined;
    });
    if (this.mute) throw offline;
  };

  getRecord = async () => {
    if (this.broken) throw this.broken;
    return { notes: [...this.notes.values()] };
  };

  erased: { records: string[]; asked_at: string }[] = [];
  erasures = async () => {
    if (this.broken) throw this.broken;
    return this.erased;
  };

  get texts(): string[] {
    return [...this.notes.values()].map((n) => n.text ?? '');
  }

  /** Another window, or another browser, writes. */
  write(id: string, text: string): Item {
    const item: Item = { id, source: 'user', text, at: this.#now(), changed_at: this.#now() };
    this.notes.set(id, item);
    return item;
  }

  #now = () => new Date(++this.#changes).toISOString();

  #once(key: string | undefined, id: string, seen: string | undefined, act: () => Item | undefined): Item | undefined {
    if (key !== undefined && this.#receipts.has(key)) return this.#receipts.get(key);
    if (seen !== undefined && this.notes.get(id)?.changed_at !== seen) throw new CallboardError('rev_mismatch', 412, 'It was changed.');
    const done = act();
    if (key !== undefined) this.#receipts.set(key, done);
    return done;
  }
}

let server: Server;
let browser: Browser;
const offline = new CallboardError('unreachable', 0, 'No connection.');
const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const HOUR = 3600_000;

beforeEach(() => {
  vi.useFakeTimers();
  server = new Server();
  browser = new Browser();
});

afterEach(() => vi.useRealTimers());

describe('a note', () => {
  it('is saved once the typing pauses, under one id', async () => {
    const { note } = browser.open().boxes.of('r1');
    for (const text of ['H', 'He', 'Hel']) {
      note.type(text);
      await wait(PAUSE - 1);
    }
    expect([server.log, note.state]).toEqual([[], 'saving']);
    await wait(1);
    expect([server.log, note.state]).toEqual([['put Hel'], 'saved']);
    note.type('Hello');
    await wait(PAUSE);
    expect(server.texts).toEqual(['Hello']);
    expect(browser.disk.map.size).toBe(0);
  });

  it('is saved at once when the box is left, and not again', async () => {
    const box = browser.open().boxes.of('r1');
    box.note.type('Hi');
    await box.flush();
    await wait(PAUSE * 3);
    await box.flush();
    expect(server.log).toEqual(['put Hi']);
  });

  it('that is typed on while it is being saved is saved again', async () => {
    const { note } = browser.open().boxes.of('r1');
    let open = () => {};
    server.gate = new Promise((resolve) => { open = resolve; });
    note.type('one');
    await wait(PAUSE);
    note.type('one two');
    expect(note.state).toBe('saving');
    open();
    await wait(PAUSE);
    expect([server.log, note.state]).toEqual([['put one', 'put one two'], 'saved']);
  });

  it('of nothing but blanks is not saved', async () => {
    const { note } = browser.open().boxes.of('r1');
    note.type('  \n');
    await wait(PAUSE);
    expect([server.log, note.state]).toEqual([[], 'empty']);
  });

  it('that is emptied again is removed, and the next one is another', async () => {
    const { note } = browser.open().boxes.of('r1');
    const first = note.id;
    note.type('x');
    await wait(PAUSE);
    note.type('');
    await wait(PAUSE);
    expect([server.log, note.state, server.notes.size]).toEqual([['put x', 'remove'], 'empty', 0]);
    expect(note.id).not.toBe(first);
  });

  it('is in the browser before it goes out', async () => {
    const { note } = browser.open().boxes.of('r1');
    let kept: Draft[] = [];
    server.gate = Promise.resolve().then(() => { kept = structuredClone([...browser.disk.map.values()]); });
    note.type('Hi');
    await wait(PAUSE);
    expect(kept).toMatchObject([{ text: 'Hi', note: note.id, record: 'r1' }]);
  });
});

describe('without the server', () => {
  it('is kept here and tried again with growing pauses, and sent once', async () => {
    const { note } = browser.open().boxes.of('r1');
    server.broken = offline;
    note.type('Hi');
    await wait(PAUSE);
    expect([note.state, note.willRetry, server.log.length]).toEqual(['kept', true, 1]);
    await wait(1000);
    expect(server.log).toHaveLength(2);
    await wait(1999);
    expect(server.log).toHaveLength(2);
    await wait(1);
    expect(server.log).toHaveLength(3);
    await wait(HOUR);
    server.broken = undefined;
    await note.flush(); // the link is back
    expect([note.state, server.texts, browser.disk.map.size]).toEqual(['saved', ['Hi'], 0]);
    const sent = server.log.length;
    await wait(60_000);
    expect(server.log).toHaveLength(sent);
  });

  it('several notes are written, and none is lost or doubled', async () => {
    const { boxes } = browser.open();
    const box = boxes.of('r1');
    server.broken = offline;
    for (const text of ['first', 'second', 'third']) {
      box.note.type(text);
      box.next();
    }
    boxes.of('r2').note.type('elsewhere');
    await wait(HOUR);
    expect(boxes.pending('r1').map((n) => [n.text, n.state])).toEqual([['first', 'kept'], ['second', 'kept'], ['third', 'kept']]);
    server.broken = undefined;
    await wait(60_000);
    expect(server.texts.sort()).toEqual(['elsewhere', 'first', 'second', 'third']);
    expect([boxes.pending('r1'), browser.disk.map.size]).toEqual([[], 0]);
  });

  it('an answer that was lost doubles nothing, whatever is typed meanwhile', async () => {
    const { note } = browser.open().boxes.of('r1');
    server.mute = true;
    note.type('one');
    await wait(PAUSE);
    note.type('one two');
    await wait(5000);
    expect([server.texts, note.state]).toEqual([['one'], 'kept']);
    server.mute = false;
    await wait(60_000);
    expect([server.texts, note.state, note.text]).toEqual([['one two'], 'saved', 'one two']);
  });

  it('says so where the browser keeps nothing', async () => {
    const { boxes } = browser.open();
    const { note } = boxes.of('r1');
    browser.disk.full = true;
    server.broken = offline;
    note.type('Hi');
    await wait(PAUSE);
    expect([note.state, boxes.isLoose]).toEqual(['failed', true]);
    server.broken = undefined;
    await wait(60_000);
    expect([note.state, server.texts, boxes.isLoose]).toEqual(['saved', ['Hi'], false]);
  });

  it('trouble that will not pass is not tried again until one types', async () => {
    const { note } = browser.open().boxes.of('r1');
    server.broken = new CallboardError('too_large', 413, 'Too long.');
    note.type('Hi');
    await wait(100_000);
    expect([server.log.length, note.state, note.willRetry]).toEqual([1, 'failed', false]);
    server.broken = undefined;
    note.type('H');
    await wait(PAUSE);
    expect(note.state).toBe('saved');
  });
});

describe('a window that crashes', () => {
  it('loses nothing: the next one sends it, once', async () => {
    server.broken = offline;
    const { boxes, me } = browser.open();
    boxes.of('r1').note.type('Important');
    await wait(PAUSE);
    const { id } = boxes.of('r1').note;
    await browser.crash(me);
    server.broken = undefined;
    const again = browser.open().boxes;
    await wait(0);
    expect([again.of('r1').note.text, [...server.notes.keys()]]).toEqual(['Important', [id]]);
    await wait(60_000);
    expect([server.texts, browser.disk.map.size]).toEqual([['Important'], 0]);
  });

  it('between the writing and the answer sends what it has sent under the same key', async () => {
    server.mute = true;
    const { boxes, me } = browser.open();
    boxes.of('r1').note.type('one');
    await wait(PAUSE);
    boxes.of('r1').note.type('one two');
    await wait(0);
    await browser.crash(me);
    server.mute = false;
    browser.open();
    await wait(60_000);
    expect(server.texts).toEqual(['one two']);
  });

  it('is succeeded by one that is open already, and by one only', async () => {
    server.broken = offline;
    const first = browser.open();
    const others = [browser.open().boxes, browser.open().boxes];
    first.boxes.of('r1').note.type('Important');
    await wait(20_000); // the others have seen that there is something
    expect(others.map((o) => o.unsaved().length)).toEqual([0, 0]);
    await browser.crash(first.me);
    expect(others.map((o) => o.unsaved().length)).toEqual([1, 0]);
    server.broken = undefined;
    await wait(60_000);
    expect(server.texts).toEqual(['Important']);
  });

  it('does not push its text under the pen of another', async () => {
    server.broken = offline;
    const first = browser.open();
    first.boxes.of('r1').note.type('theirs');
    await wait(PAUSE);
    const second = browser.open().boxes;
    const box = second.of('r1');
    box.focused = true;
    box.note.type('mine');
    await wait(20_000);
    await browser.crash(first.me);
    expect([box.note.text, second.pending('r1').map((n) => n.text)]).toEqual(['mine', ['theirs']]);
    server.broken = undefined;
    await wait(60_000);
    expect(server.texts.sort()).toEqual(['mine', 'theirs']);
  });
});

describe('two windows', () => {
  it('that write at once make two notes', async () => {
    const [a, b] = [browser.open().boxes.of('r1'), browser.open().boxes.of('r1')];
    a.note.type('from a');
    b.note.type('from b');
    await wait(PAUSE);
    expect(server.texts.sort()).toEqual(['from a', 'from b']);
  });

  it('that both change one note, without the server, keep both', async () => {
    const held = server.write('n-1', 'old');
    const [a, b] = [browser.open().boxes.of('r1'), browser.open().boxes.of('r1')];
    a.edit(held);
    b.edit(held);
    server.broken = offline;
    a.note.type('old, says a');
    b.note.type('old, says b');
    await wait(HOUR);
    server.broken = undefined;
    await wait(60_000);
    expect(server.texts.sort()).toEqual(['old, says a', 'old, says b']);
    expect([a.note.state, b.note.state, a.note.id === b.note.id]).toEqual(['saved', 'saved', false]);
    b.note.type('old, says b again');
    await wait(PAUSE);
    expect(server.texts.sort()).toEqual(['old, says a', 'old, says b again']);
  });

  it('of which one empties what the other changes: the change stays', async () => {
    const held = server.write('n-1', 'old');
    const [a, b] = [browser.open().boxes.of('r1'), browser.open().boxes.of('r1')];
    a.edit(held);
    b.edit(held);
    a.note.type('old, says a');
    await wait(PAUSE);
    b.note.type('');
    await wait(PAUSE);
    expect([server.texts, b.note.state, b.note.text]).toEqual([['old, says a'], 'empty', '']);
  });

  it('of which one removes what the other changes: it is told, and what it goes on to write is a note of its own', async () => {
    const held = server.write('n-1', 'old');
    const box = browser.open().boxes.of('r1');
    box.edit(held);
    server.notes.delete('n-1');
    box.note.type('old, says b');
    await wait(60_000);
    expect([server.texts, box.note.state, box.note.text, box.note.problem?.remedy]).toEqual([[], 'failed', 'old, says b', expect.stringContaining('of its own')]);
    box.note.type('old, says b!');
    await wait(PAUSE);
    expect([server.texts, box.note.state]).toEqual([['old, says b!'], 'saved']);
  });

  it('the text that was written elsewhere comes into a box that nobody is at', async () => {
    const held = server.write('n-1', 'one');
    const box = browser.open().boxes.of('r1');
    box.edit(held);
    const newer = server.write('n-1', 'one two');
    box.focused = true;
    box.outside([newer]);
    expect(box.note.text).toBe('one');
    box.focused = false;
    box.outside([newer]);
    expect([box.note.text, box.note.state]).toEqual(['one two', 'saved']);
    box.note.type('one two three');
    await wait(PAUSE);
    expect(server.texts).toEqual(['one two three']);
  });
});

describe('an erasure (SEC-45)', () => {
  it('drops the text that is gone from the record, and leaves what is still there or was not saved of another', async () => {
    const { boxes } = browser.open();
    const box = boxes.of('r1');
    box.note.type('Canary');
    await wait(PAUSE);
    boxes.erased('r1', [...server.notes.values()], false);
    expect(box.note.text).toBe('Canary');
    boxes.erased('r1', [], false);
    expect([box.note.text, browser.disk.map.size]).toEqual(['', 0]);
    box.note.type('New');
    await wait(0);
    boxes.erased('r1', [], false);
    expect(box.note.text).toBe('New');
    boxes.erased('r1', [], true);
    await wait(10 * PAUSE);
    expect([box.note.text, browser.disk.map.size, server.log]).toEqual(['', 0, ['put Canary']]);
  });

  it('drops what was typed before it and waits in the browser, when no page was there to hear of it', async () => {
    const before = new Date(Date.now() - 1000).toISOString();
    const after = new Date(Date.now() + 1000).toISOString();
    for (const [key, draft] of Object.entries({
      old: { record: 'r1', text: 'Canary' }, before: { record: 'r1', text: 'Canary too', typed: before },
      after: { record: 'r1', text: 'Of another day', typed: after }, other: { record: 'r2', text: 'Of another' },
    })) browser.disk.map.set(key, { key, owner: 'dead', note: `n-${key}`, ...draft });
    server.erased = [{ records: ['r3', 'r1'], asked_at: new Date().toISOString() }];
    const { boxes } = browser.open();
    await browser.crash('dead');
    await wait(20_000);
    expect(server.texts.sort()).toEqual(['Of another', 'Of another day']);
    expect([boxes.unsaved().length, browser.disk.map.size]).toEqual([0, 0]);
  });

  it('drops what other windows have left for the record', async () => {
    browser.disk.map.set('d', { key: 'd', owner: 'dead', record: 'r1', note: 'n-9', text: 'Canary' });
    browser.open().boxes.erased('r1', [], true);
    await wait(0);
    expect(browser.disk.map.size).toBe(0);
  });
});

describe('the next note', () => {
  it('has another id and leaves the first as it is', async () => {
    const box = browser.open().boxes.of('r1');
    box.note.type('first');
    box.next();
    expect([box.note.text, box.note.state]).toEqual(['', 'empty']);
    box.note.type('second');
    await box.flush();
    expect(server.texts).toEqual(['first', 'second']);
  });

  it('may be one of the list, written on', async () => {
    const held = server.write('n-old', 'old text');
    const box = browser.open().boxes.of('r1');
    box.note.type('draft');
    box.edit(held);
    expect([box.note.text, box.note.id]).toEqual(['old text', 'n-old']);
    box.note.type('old text, more');
    await box.flush();
    expect(server.notes.get('n-old')?.text).toBe('old text, more');
    expect(server.texts).toEqual(['old text, more', 'draft']);
  });

  it('may be one that is not saved yet, taken back', async () => {
    const { boxes } = browser.open();
    const box = boxes.of('r1');
    server.broken = offline;
    box.note.type('first');
    box.next();
    await wait(PAUSE);
    box.take(boxes.pending('r1')[0]!);
    box.note.type('first and more');
    server.broken = undefined;
    await wait(60_000);
    expect(server.texts).toEqual(['first and more']);
  });
});
