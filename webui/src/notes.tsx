import type { BoardRecord } from '@callboard/sdk';
import { useEffect, useRef } from 'preact/hooks';
import type { Desk } from './desk.js';
import { Fresh, Source } from './fieldlist.js';
import { exactly } from './format.js';
import { tell, useNotes } from './hooks.js';
import type { Note, NoteState } from './note.js';
import { isSince } from './since.js';
import { Tels } from './tel.js';

export function Notes({ desk, record, now, cut }: { desk: Desk; record: BoardRecord; now: number; cut: number | undefined }) {
  const box = desk.notes.of(record.id);
  useNotes(desk.notes);
  const area = useRef<HTMLTextAreaElement>(null);
  const into = (act: () => void) => {
    act();
    area.current?.focus();
  };
  useEffect(() => () => {
    box.focused = false;
    void box.flush();
  }, [box]);
  const { note } = box;
  const problem = note.problem?.code === 'unreachable' && note.state === 'kept' ? undefined : note.problem; // that, the page says above
  const pending = desk.notes.pending(record.id);
  const others = record.notes.filter((n) => n.id !== note.id && !pending.some((p) => p.id === n.id));
  return (
    <section class="card notes" aria-labelledby="notes-title">
      <div class="card-head">
        <h3 id="notes-title">Notes</h3>
        <NoteStatus note={note} testid="note-status" />
      </div>
      {others.length + pending.length > 0 && (
        <ul class="note-list">
          {others.map((item) => (
            <li key={item.id} class="note" data-testid="note" data-source={item.source} data-note={item.id}>
              <p class="note-text"><bdi><Tels text={item.text ?? ''} /></bdi></p>
              <p class="origin">
                <Source source={item.source} /><time dateTime={item.at}>{exactly(item.at, now)}</time>
                {item.changed_at !== item.at && <span>changed {exactly(item.changed_at, now)}</span>}
                {isSince(cut, item.changed_at) && <Fresh />}
                {item.source === 'user' && (
                  <button type="button" class="others" onClick={() => into(() => box.edit(item))}>Edit</button>
                )}
              </p>
            </li>
          ))}
          {pending.map((held) => (
            <li key={held.key} class="note" data-testid="note-pending" data-note={held.id}>
              <p class="note-text"><bdi>{held.text}</bdi></p>
              <p class="origin">
                <NoteStatus note={held} testid="pending-status" />
                <button type="button" class="others" onClick={() => into(() => box.take(held))}>Edit</button>
              </p>
              {held.problem && !held.willRetry && <p class="problem">{tell(held.problem)}</p>}
            </li>
          ))}
        </ul>
      )}
      <label class="visually-hidden" for="note-box">Note</label>
      <textarea id="note-box" data-testid="note-box" ref={area} rows={4} dir="auto" maxLength={32768} spellcheck aria-describedby={problem ? 'note-problem' : undefined}
        placeholder="Write a note. It saves as you type." value={note.text}
        onInput={(e) => note.type(e.currentTarget.value)}
        onFocus={() => { box.focused = true; }}
        onBlur={() => { box.focused = false; void box.flush(); }} />
      <div class="note-foot">
        {problem && <p class="problem" id="note-problem" data-testid="note-problem">{tell(problem)}</p>}
        <button type="button" class="quiet" data-testid="new-note" disabled={note.isBlank} onClick={() => into(() => box.next())}>New note</button>
      </div>
    </section>
  );
}

const WORDS: { [state in NoteState]: string } = { empty: '', saving: 'Saving…', kept: 'Kept here, not yet saved', saved: 'Saved', failed: 'Not saved' };

/** Said aloud when something is wrong, and when it is right again. */
export function NoteStatus({ note, testid }: { note: Note; testid: string }) {
  const { state } = note;
  return (
    <span class="note-status" data-testid={testid} data-state={state} role={state === 'failed' ? 'alert' : state === 'kept' ? 'status' : undefined}>
      {state === 'failed' && note.willRetry ? 'Not saved; will try again' : WORDS[state]}
    </span>
  );
}
