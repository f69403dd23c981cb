import type { Desk } from './desk.js';
import { tell } from './hooks.js';
import { NoteStatus } from './notes.js';

/** What was typed and Callboard has not taken, wherever it belongs: so that nobody believes it is saved. */
export function Unsaved({ desk }: { desk: Desk }) {
  const front = desk.state.selection.id;
  const notes = desk.notes.unsaved().filter((n) => n.problem && (n.record !== front || !n.willRetry));
  if (notes.length === 0) return null;
  const kept = notes.every((n) => n.state === 'kept');
  const many = notes.length === 1 ? 'A note is' : `${notes.length} notes are`;
  return (
    <details class="banner warn folded" data-testid="unsaved" data-count={notes.length}>
      <summary>{kept ? `${many} kept here, not yet saved` : `${many} not saved`}</summary>
      <ul>
        {notes.map((note) => (
          <li key={note.key} data-testid="unsaved-note">
            <bdi class="unsaved-text">{note.text.length > 120 ? `${note.text.slice(0, 120)}…` : note.text}</bdi>{' '}
            <NoteStatus note={note} testid="unsaved-status" />{' '}
            {note.problem && !note.willRetry && <span>{tell(note.problem)}</span>}{' '}
            {note.record !== front && <button type="button" class="others" onClick={() => desk.open(note.record, true).catch(() => undefined)}>Open the record</button>}
            {!note.willRetry && <button type="button" class="others" data-testid="discard" onClick={() => note.discard()}>Discard</button>}
          </li>
        ))}
      </ul>
    </details>
  );
}
