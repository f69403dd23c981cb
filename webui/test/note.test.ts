import { CallboardError, type Item } from '@callboard/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NoteBox, NoteBoxes, PAUSE } from '../src/note.js';
import { at } from './records.js';

class Storage {
  map = new Map<string, string>();
  get length() { return this.map.size; }
  key(i: number) { return [...this.map.keys()][i] ?? null; }
  getItem(key: string) { return this.map.get(key) ?? null; }
  setItem(key: string, text: string) { this.map.set(key, text); }
  removeItem(key: string) { this.map.delete(key); }
}

/** A server that one can hold up and break. */
class Server {
  notes = new Map<string, string>();
  log: string[] = [];
  broken: CallboardError | undefined;
  gate: Promise<void> | undefined;

  putNote = async (_: string, id: string, text: string) => {
    this.log.push(`put ${text}`);
    await this.gate;
    if (this.broken) throw this.broken;
    this.notes.set(id, text);
  };

  removeNote = async (_: string, id: string) => {
    this.log.push('remove');
    if (this.broken) throw this.broken;
    this.notes.delete(id);
  };
}

let server: Server;
let storage: Storage;
const offline = new CallboardError('unreachable', 0, 'No connection.');
const make = () => new NoteBox('r1', server, storage);
const item = (id: string, text: string, source = 'user'): Item => ({ id, source, text, at: at(0), changed_at: at(0) });
const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  server = new Server();
  storage = new Storage();
});

afterEach(() => vi.useRealTimers());

describe('a note', () => {
  it('is saved once the typing pauses, under one id', async () => {
    const box = make();
    for (const text of ['H', 'He', 'Hel']) {
      box.type(text);
      await wait(PAUSE - 1);
    }
    expect([server.log, box.state]).toEqual([[], 'saving']);
    await wait(1);
    expect([server.log, box.state]).toEqual([['put Hel'], 'saved']);
    box.type('Hello');
    await wait(PAUSE);
    expect([...server.notes.values()]).toEqual(['Hello']);
  });

  it('is saved at once when the box is left, and not again', async () => {
    const box = make();
    box.type('Hi');
    await box.flush();
    await wait(PAUSE * 3);
    expect(server.log).toEqual(['put Hi']);
    await box.flush();
    expect(server.log).toEqual(['put Hi']);
  });

  it('that is typed on while it is being saved is saved again', async () => {
    const box = make();
    let open = () => {};
    server.gate = new Promise((resolve) => { open = resolve; });
    box.type('one');
    await wait(PAUSE);
    box.type('one two');
    expect(box.state).toBe('saving');
    open();
    await wait(PAUSE);
    expect(server.log).toEqual(['put one', 'put one two']);
    expect(box.state).toBe('saved');
  });

  it('of nothing but blanks is not saved', async () => {
    const box = make();
    box.type('  \n');
    await wait(PAUSE);
    expect([server.log, box.state]).toEqual([[], 'empty']);
  });

  it('that is emptied again is removed, and the next one is another', async () => {
    const box = make();
    const first = box.id;
    box.type('x');
    await wait(PAUSE);
    box.type('');
    await wait(PAUSE);
    expect([server.log, box.state, server.notes.size]).toEqual([['put x', 'remove'], 'empty', 0]);
    expect(box.id).not.toBe(first);
  });
});

describe('trouble', () => {
  it('is told, and tried again with growing pauses', async () => {
    const box = make();
    server.broken = offline;
    box.type('Hi');
    await wait(PAUSE);
    expect([box.state, box.willRetry, server.log.length]).toEqual(['failed', true, 1]);
    await wait(1000);
    expect(server.log).toHaveLength(2);
    await wait(1999);
    expect(server.log).toHaveLength(2);
    await wait(1);
    expect(server.log).toHaveLength(3);
    server.broken = undefined;
    await box.flush(); // the link is back
    expect([box.state, [...server.notes.values()]]).toEqual(['saved', ['Hi']]);
    await wait(60_000);
    expect(server.log).toHaveLength(4);
  });

  it('that will not pass is not tried again until one types', async () => {
    const box = make();
    server.broken = new CallboardError('too_large', 413, 'Too long.');
    box.type('Hi');
    await wait(100_000);
    expect([server.log.length, box.state, box.willRetry]).toEqual([1, 'failed', false]);
    server.broken = undefined;
    box.type('H');
    await wait(PAUSE);
    expect(box.state).toBe('saved');
  });

  it('does not lose text over a reload', async () => {
    server.broken = offline;
    const box = make();
    box.type('Important');
    await wait(PAUSE);
    box.stop();
    server.broken = undefined;
    const again = new NoteBoxes(server, storage).of('r1');
    expect([again.text, again.id]).toEqual(['Important', box.id]);
    await wait(0);
    expect([...server.notes.entries()]).toEqual([[box.id, 'Important']]);
    expect(storage.length).toBe(0);
  });

  it('does not come from drafts that are not ours', () => {
    for (const text of ['{', '17', 'null', '{"id":1}']) {
      storage.setItem('callboard.note.r1', text);
      expect(make().text).toBe('');
    }
  });
});

describe('an erasure (SEC-45)', () => {
  it('drops the text that is gone from the record, and leaves what is still there or was not saved of another', async () => {
    const boxes = new NoteBoxes(server, storage);
    const box = boxes.of('r1');
    box.type('Canary');
    await wait(PAUSE);
    boxes.erased('r1', [item(box.id, 'Canary')], false);
    expect(box.text).toBe('Canary');
    boxes.erased('r1', [], false);
    expect([box.text, storage.length]).toEqual(['', 0]);
    box.type('New');
    boxes.erased('r1', [], false);
    expect(box.text).toBe('New');
    boxes.erased('r1', [], true);
    expect([box.text, storage.length]).toEqual(['', 0]);
    await wait(10 * PAUSE);
    expect(server.log).toEqual(['put Canary']);
  });
});

describe('from outside', () => {
  it('nothing changes the text under the pen, or text that is not saved', async () => {
    const box = make();
    box.focused = true;
    box.type('mine');
    await wait(PAUSE);
    box.outside([item(box.id, 'theirs')]);
    expect(box.text).toBe('mine');
    box.focused = false;
    server.broken = offline;
    box.type('mine too');
    box.outside([item(box.id, 'theirs')]);
    expect(box.text).toBe('mine too');
  });

  it('another tab may go on with the note when one is not at it', async () => {
    const box = make();
    box.type('one');
    await wait(PAUSE);
    box.outside([item('other', 'x'), item(box.id, 'one two')]);
    expect([box.text, box.state]).toEqual(['one two', 'saved']);
    await wait(PAUSE);
    expect(server.log).toEqual(['put one']);
  });
});

describe('the next note', () => {
  it('has another id and leaves the first as it is', async () => {
    const box = make();
    box.type('first');
    await box.next();
    expect([box.text, box.state]).toEqual(['', 'empty']);
    box.type('second');
    await box.flush();
    expect([...server.notes.values()]).toEqual(['first', 'second']);
  });

  it('does not begin while the first cannot be saved', async () => {
    const box = make();
    server.broken = offline;
    box.type('first');
    await box.next();
    expect(box.text).toBe('first');
  });

  it('may be one of the list, written on', async () => {
    const box = make();
    box.type('draft');
    await box.edit(item('n-old', 'old text'));
    expect([box.text, box.id, [...server.notes.values()]]).toEqual(['old text', 'n-old', ['draft']]);
    box.type('old text, more');
    await box.flush();
    expect(server.notes.get('n-old')).toBe('old text, more');
  });
});
