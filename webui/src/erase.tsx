import type { BoardRecord, Erasure } from '@callboard/sdk';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Desk } from './desk.js';
import { goneWords, marksOf, whoOf } from './erasing.js';
import { tell } from './hooks.js';

/** Erases the person of a record, after it was said what goes and that it cannot be undone. */
export function Erase({ desk, record }: { desk: Desk; record: BoardRecord }) {
  const [open, setOpen] = useState(false);
  return (
    <div class="erase">
      <button type="button" class="quiet" data-testid="erase" onClick={() => setOpen(true)}>Erase this person…</button>
      {open && <Dialog desk={desk} record={record} onClose={() => setOpen(false)} />}
    </div>
  );
}

function Dialog({ desk, record, onClose }: { desk: Desk; record: BoardRecord; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [marks] = useState(() => marksOf(record)); // of the person as it was asked for; soon nothing is known of them
  const [ticked, setTicked] = useState<ReadonlySet<string>>(() => new Set(marks.filter((m) => m.sure).map((m) => m.value)));
  const [survey, setSurvey] = useState<Erasure>();
  const [proof, setProof] = useState<Erasure>();
  const [known, setKnown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  useEffect(() => dialog.current?.showModal(), []);
  const who = whoOf(marks.filter((m) => ticked.has(m.value)));
  useEffect(() => {
    let asked = true;
    setSurvey(undefined);
    setKnown(false); // what was agreed to was something else
    setProblem('');
    if (ticked.size > 0) {
      desk.board.erase({ ...who, dry_run: true }).then((s) => asked && setSurvey(s), (error: unknown) => asked && setProblem(tell(error)));
    }
    return () => { asked = false; };
  }, [desk, ticked]);
  const tick = (value: string, on: boolean) => {
    const next = new Set(ticked);
    if (on) next.add(value);
    else next.delete(value);
    setTicked(next);
  };
  const erase = (event: Event) => {
    event.preventDefault();
    if (!known || busy) return;
    setBusy(true);
    setProblem('');
    desk.board.erase(who).then(setProof, (error: unknown) => setProblem(tell(error))).finally(() => setBusy(false));
  };
  return (
    <dialog class="keys erasure" ref={dialog} onClose={onClose} aria-labelledby="erase-title" data-testid="erasure">
      <h2 id="erase-title">{proof ? 'Erased' : 'Erase this person'}</h2>
      {proof ? <Done proof={proof} /> : (
        <form onSubmit={erase}>
          <fieldset disabled={busy}>
            <legend>What is theirs</legend>
            {marks.map((m) => (
              <label key={m.value} class="check"><input type="checkbox" data-testid="erase-mark" data-kind={m.kind} checked={ticked.has(m.value)} onChange={(e) => tick(m.value, e.currentTarget.checked)} /><bdi>{m.label}</bdi></label>
            ))}
          </fieldset>
          <p role="status" data-testid="erase-survey" data-records={survey?.records.length}>
            {survey ? `This goes: ${goneWords(survey)}` : ticked.size === 0 ? 'Nothing is chosen.' : problem ? '' : 'Looking what goes…'}
          </p>
          <p class="hint">What your apps have taken over into their own systems has to be erased there.</p>
          <label class="check"><input type="checkbox" data-testid="erase-known" checked={known} disabled={!survey || busy} onChange={(e) => setKnown(e.currentTarget.checked)} />I know that this cannot be undone.</label>
          {problem && <p class="problem" role="alert">{problem}</p>}
          <div class="box-row">
            <button type="submit" class="primary end" data-testid="erase-now" disabled={!known || busy}>{busy ? 'Erasing…' : 'Erase for good'}</button>
            <button type="button" class="quiet" onClick={onClose}>Keep</button>
          </div>
        </form>
      )}
      {proof && <button type="button" class="primary" onClick={onClose}>Close</button>}
    </dialog>
  );
}

function Done({ proof }: { proof: Erasure }) {
  return (
    <div role="status" data-testid="erase-proof" data-done={proof.done_at !== undefined || undefined}>
      <p>{proof.done_at ? 'It is gone' : 'It is being done, also if Callboard is ended meanwhile'}: {goneWords(proof)}</p>
      {proof.id && <p>The proof is kept as <code>{proof.id}</code>.</p>}
      {proof.code && <p>Its code is <code data-testid="erase-code">{proof.code}</code>. It is told only now: with it you can show later whose erasure that was.</p>}
    </div>
  );
}
