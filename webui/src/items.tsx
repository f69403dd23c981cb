import type { BoardRecord } from '@callboard/sdk';
import type { Desk } from './desk.js';
import { CANDIDATES, webAddress } from './fields.js';
import { Fresh, Source } from './fieldlist.js';
import { exactly, viewWords, words } from './format.js';
import { useOpen } from './hooks.js';
import { isSince, itemTime } from './since.js';
import { Tels } from './tel.js';

/** The lists that apps add to a record; notes have a place of their own. */
export function Items({ desk, record, now, cut }: { desk: Desk; record: BoardRecord; now: number; cut: number | undefined }) {
  const lists = Object.entries(record.items).filter(([name, items]) => name !== 'notes' && name !== CANDIDATES && items.length > 0);
  return (
    <>
      {lists.map(([name, items]) => (
        <section class="card list" key={name} aria-labelledby={`list-${name}`}>
          <h3 id={`list-${name}`}>{words(name)}</h3>
          <ul class="items">
            {items.map((item) => {
              const href = item.url ? webAddress(item.url) : undefined;
              const title = item.title || item.url || '';
              const { 'history.view': seen, 'history.record': earlier } = name === 'history' ? item.fields ?? {} : {};
              const view = viewWords(seen);
              return (
                <li key={item.id} data-testid="item" data-list={name} data-source={item.source}>
                  {title && <p class="item-title">{href ? <a href={href} target="_blank" rel="noopener noreferrer"><bdi>{title}</bdi></a> : <bdi><Tels text={title} /></bdi>}</p>}
                  {item.text && <p class="item-text"><bdi><Tels text={item.text} /></bdi></p>}
                  <p class="origin">
                    <Source source={item.source} />{view && <span>{view}</span>}<time dateTime={item.at}>{exactly(item.at, now)}</time>
                    {isSince(cut, itemTime(name, item)) && <Fresh />}
                    {earlier && <Earlier desk={desk} record={earlier} />}
                  </p>
                </li>
              );
            })}
          </ul>
        </section>
      ))}
    </>
  );
}

/** The way to an earlier call, as it is stored. */
function Earlier({ desk, record }: { desk: Desk; record: string }) {
  const [open, problem] = useOpen(desk);
  return (
    <>
      <button type="button" class="others" data-testid="open-earlier" onClick={(e) => open(record, e.detail === 0)}>Open</button>
      {problem && <span class="problem" role="alert">{problem}</span>}
    </>
  );
}
