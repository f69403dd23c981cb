import type { Line } from '@callboard/sdk';
import { useEffect, useRef, useState } from 'preact/hooks';
import { canDial, whyNoDial } from './control.js';
import type { Desk } from './desk.js';
import { sentences } from './format.js';
import { tell } from './hooks.js';
import { Phone, Search } from './icons.js';
import { isTyping } from './keys.js';
import { cardOf, isCard, LARGEST_FILE, soughtOf, textOf, tooLarge } from './sought.js';
import { Spelled } from './spelled.js';

/** A number to be called, or anybody to be looked up before. Enter looks up: that costs nothing and rings nowhere. A card is pasted or dropped. */
export function NumberBox({ desk, line }: { desk: Desk; line: Line | undefined }) {
  const dials = canDial(line);
  const why = whyNoDial(line);
  const [number, setNumber] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const filledIn = desk.state.typed;
  const card = (text: string) => {
    const read = cardOf(text);
    if ('problem' in read) return setProblem(read.problem);
    setProblem('');
    desk.lookup(read).catch((error: unknown) => setProblem(tell(error)));
  };
  const paste = (event: ClipboardEvent) => { // a field of one line would take the line breaks out
    const text = event.clipboardData?.getData('text/plain') ?? '';
    const file = event.clipboardData?.files[0];
    if (!isCard(text) && !file) return;
    event.preventDefault();
    if (file) void takeFiles([file]);
    else card(text);
  };
  const takeFiles = async (files: ArrayLike<File>) => {
    const [file] = Array.from(files);
    if (!file) return;
    if (files.length > 1) setProblem(`${files.length} files were dropped; one card is taken at once. Drop them one by one.`);
    else if (file.size > LARGEST_FILE) setProblem(tooLarge(file.size));
    else card(await textOf(file).catch(() => ''));
  };
  useCardsDropped(form, (files) => void takeFiles(files), card);
  const run = async (act: (number: string) => Promise<unknown>, typed = number) => {
    if (typed.trim() === '' || busy) return document.getElementById('lookup-number')?.focus();
    setBusy(true);
    setProblem('');
    try {
      await act(typed.trim());
      setNumber('');
    } catch (error) {
      setProblem(tell(error));
    }
    setBusy(false);
  };
  const look = (typed?: string) => run((n) => desk.lookup(soughtOf(n)), typed);
  useEffect(() => {
    if (!filledIn) return;
    setNumber(filledIn.text);
    if (filledIn.atOnce) void look(filledIn.text);
    else document.getElementById('lookup-number')?.focus();
  }, [filledIn]);
  const submit = (event: Event) => {
    event.preventDefault();
    void look();
  };
  return (
    <form class={dials ? 'lookup dials' : 'lookup'} ref={form} onSubmit={submit} role="search" aria-label="Number" data-testid="number-box">
      <label for="lookup-number" class="eyebrow">{dials ? 'Call a number, or look anybody up' : 'Look anybody up'}</label>
      <div class="lookup-row">
        <input id="lookup-number" data-testid="lookup-number" type="text" autocomplete="off" autocapitalize="off" spellcheck={false} maxLength={2048}
          placeholder="Number, name or card" title="A number, a name, an e-mail, web or IP address; or paste or drop a business card (vCard)" value={number} onPaste={paste} aria-describedby={problem ? 'lookup-problem' : undefined}
          onInput={(e) => setNumber(e.currentTarget.value)} />
        <span class="lookup-buttons">
          <button type="submit" class="icon-button" aria-label="Look up" title="Look up" aria-disabled={busy}><Search /></button>
          {dials && (
            <button type="button" class="icon-button go" data-testid="dial" aria-label="Call: your phone rings first" title="Call: your phone rings first"
              aria-disabled={busy} onClick={() => void run((n) => desk.dial(n))}><Phone /></button>
          )}
        </span>
      </div>
      {problem && <p class="problem" id="lookup-problem" role="alert" data-testid="number-problem">{problem}</p>}
      {why && (
        <details class="missing" data-testid="why-no-dial">
          <summary>Why you cannot call from here</summary>
          <p><bdi><Spelled text={sentences(why.reason, why.remedy)} /></bdi></p>
        </details>
      )}
    </form>
  );
}

/**
 * A card may be dropped anywhere: a file that misses the box would take the page's place otherwise, in the middle of a call. Text goes where
 * it is dropped, unless it is a card.
 */
function useCardsDropped(form: { current: HTMLFormElement | null }, takeFiles: (files: FileList) => void, card: (text: string) => void): void {
  const act = useRef({ takeFiles, card });
  act.current = { takeFiles, card };
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
    const isText = (event: DragEvent) => event.target instanceof Element && isTyping(event.target) && !form.current?.contains(event.target);
    const mark = (on: boolean) => form.current?.toggleAttribute('data-over', on);
    const over = (event: DragEvent) => {
      if (!hasFiles(event) && isText(event)) return;
      event.preventDefault();
      mark(true);
    };
    const drop = (event: DragEvent) => {
      mark(false);
      const text = event.dataTransfer?.getData('text/plain') ?? '';
      if (hasFiles(event) && event.dataTransfer) act.current.takeFiles(event.dataTransfer.files);
      else if (isCard(text)) act.current.card(text);
      else return;
      event.preventDefault();
    };
    const leave = (event: DragEvent) => event.relatedTarget === null && mark(false);
    document.addEventListener('dragover', over);
    document.addEventListener('drop', drop);
    document.addEventListener('dragleave', leave);
    return () => {
      document.removeEventListener('dragover', over);
      document.removeEventListener('drop', drop);
      document.removeEventListener('dragleave', leave);
    };
  }, [form]);
}
