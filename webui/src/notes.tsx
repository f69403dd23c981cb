import type { BoardRecord, Item } from '@callboard/sdk';
import { useEffect, useRef } from 'preact/hooks';
import type { Desk } from './desk.js';
import { Source } from './fieldlist.js';
import { exactly } from './format.js';
import { tell, useNoteBox } from './hooks.js';
import type { NoteBox } from './note.js';

export function Notes({ desk, record, now }: { desk: Desk; record: BoardRecord; now: number }) {
  const box = desk.notes.of(record.id);
  useNoteBox(box);
  const area = useRef<HTMLTextAreaElement>(null);
  const edit = async (item: Item) => {
    await box.edit(item);
    area.current?.focus();
  };
  const next = async () => {
    await box.next();
    area.current?.focus();
  };
  useEffect(() => () => {
    box.focused = false;
    void box.flush();
  }, [box]);
  const others = record.notes.filter((n) => n.id !== box.id);
  return (
    <section class="card notes" aria-labelledby="notes-title">
      <div class="card-head">
        <h3 id="notes-title">Notes</h3>
        <NoteStatus box={box} />
      </div>
      {others.length > 0 && (
        <ul class="note-list">
          {others.map((note) => (
            <li key={note.id} class="note" data-testid="note" data-source={note.source} data-note={note.id}>
              <p class="note-text"><bdi>{note.text}</bdi></p>
              <p class="origin">
                <Source source={note.source} /><time dateTime={note.at}>{exactly(note.at, now)}</time>
                {note.changed_at !== note.at && <span>changed {exactly(note.changed_at, now)}</span>}
                {note.source === 'user' && (
                  <button type="button" class="others" onClick={() => void edit(note)}>Edit</button>
                )}
              </p>
            </li>
          ))}
        </ul>
      )}
      <label class="visually-hidden" for="note-box">Note</label>
      <textarea id="note-box" data-testid="note-box" ref={area} rows={4} dir="auto" maxLength={32768} spellcheck
        placeholder="Write a note. It saves as you type." value={box.text}
        onInput={(e) => box.type(e.currentTarget.value)}
        onFocus={() => { box.focused = true; }}
        onBlur={() => { box.focused = false; void box.flush(); }} />
      <div class="note-foot">
        {box.problem && <p class="problem" data-testid="note-problem">{tell(box.problem)}</p>}
        <button type="button" class="quiet" data-testid="new-note" disabled={box.state === 'empty'} onClick={() => void next()}>New note</button>
      </div>
    </section>
  );
}

const WORDS = { empty: '', saving: 'Saving…', saved: 'Saved', failed: 'Not saved; will try again' } as const;

function NoteStatus({ box }: { box: NoteBox }) {
  const { state } = box;
  const text = state === 'failed' && !box.willRetry ? 'Not saved' : WORDS[state];
  return <span class="note-status" data-testid="note-status" data-state={state} role={state === 'failed' ? 'alert' : undefined}>{text}</span>;
}
