import type { BoardRecord, Item } from '@callboard/sdk';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Desk } from './desk.js';
import { Source } from './fieldlist.js';
import { PICKED, candidatesOf, factsOf, refOf } from './fields.js';
import { tell } from './hooks.js';

/** Who may be there, where apps know several people at a number: the person says which it is, and can take that back. */
export function Candidates({ desk, record, fixed }: { desk: Desk; record: BoardRecord; fixed: boolean }) {
  const people = candidatesOf(record);
  const picked = record.fields[PICKED];
  const [chosen, setChosen] = useState<string>();
  const [problem, setProblem] = useState('');
  const group = useId();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => setChosen(undefined), [record.id, picked?.value]);
  if (people.length === 0) return null;
  const mark = chosen ?? picked?.value;
  const act = (doing: Promise<unknown>) => {
    setProblem('');
    const choice = form.current?.querySelector<HTMLElement>(':checked') ?? form.current?.querySelector('input');
    choice?.focus({ preventScroll: true }); // the button that was pressed goes
    doing.catch((error: unknown) => setProblem(tell(error)));
  };
  const pick = (event: Event) => {
    event.preventDefault();
    if (chosen !== undefined) act(desk.board.claim(record.id, { [PICKED]: { value: chosen, quality: 'confirmed' } }));
  };
  // What is remembered is no word of the person's: it is put out of sight instead.
  const takeBack = () => picked && act(picked.source === 'user' ? desk.board.claim(record.id, { [PICKED]: null }) : desk.board.hide(record.id, PICKED, picked.source));
  return (
    <form class="card candidates" ref={form} data-testid="candidates" data-picked={picked?.value} onSubmit={pick}>
      <fieldset disabled={fixed}>
        <legend>{people.length > 1 ? 'Several people have this number' : 'Somebody may have this number'}</legend>
        <p class="hint">{picked ? <>Picked by <Source source={picked.source} />{picked.source === 'history' && ': you picked this one before'}</> : 'Who is it? What is known of each is kept apart until you pick one.'}</p>
        <ul>
          {people.map((item) => (
            <Person key={refOf(item)} item={item} group={group} checked={mark === refOf(item)} picked={picked?.value === refOf(item)}
              onChoose={() => setChosen(refOf(item))} />
          ))}
        </ul>
      </fieldset>
      {!fixed && <div class="candidates-foot">
        <button type="submit" class="primary" data-testid="pick" disabled={chosen === undefined || chosen === picked?.value}>This is who it is</button>
        {picked && <button type="button" class="quiet" data-testid="unpick" onClick={takeBack}>Take it back</button>}
      </div>}
      {problem && <p class="problem" role="alert">{problem}</p>}
    </form>
  );
}

function Person({ item, group, checked, picked, onChoose }: { item: Item; group: string; checked: boolean; picked: boolean; onChoose: () => void }) {
  const { name, more } = factsOf(item);
  return (
    <li>
      <label class="person" data-testid="candidate" data-ref={refOf(item)} data-picked={picked || undefined}>
        <input type="radio" name={group} value={refOf(item)} checked={checked} onChange={onChoose} />
        <span class="person-text">
          <bdi class="person-name">{name}</bdi>
          {more.length > 0 && <span class="person-more">{more.map((text, i) => <bdi key={i}>{text}</bdi>)}</span>}
        </span>
        <Source source={item.source} />
      </label>
    </li>
  );
}
