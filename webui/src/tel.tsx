import type { Line } from '@callboard/sdk';
import { createContext } from 'preact';
import { useContext, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { canDial } from './control.js';
import type { Desk } from './desk.js';
import { tell } from './hooks.js';
import { Phone, Search } from './icons.js';
import { isNumber, partsOf } from './numbers.js';

/** Offers what can be done with a number, beside what was pressed. */
export const Offer = createContext<(number: string, from: HTMLElement) => void>(() => undefined);

/** A phone number, wherever it stands: it offers to be looked up or called. */
export function Tel({ number, children, label }: { number: string; children?: preact.ComponentChildren; label?: string }) {
  const offer = useContext(Offer);
  return (
    <button type="button" class={label ? 'icon-button tel-icon' : 'tel'} data-testid="tel" data-number={number} aria-haspopup="menu" aria-label={label} title={label ?? 'Look up or call'}
      onClick={(e) => offer(number, e.currentTarget)}>{children ?? <bdi class="number">{number}</bdi>}</button>
  );
}

/** A value that may be a number. */
export const TelOr = ({ text }: { text: string }) => (isNumber(text) ? <Tel number={text} /> : <bdi>{text}</bdi>);

/** Text with the numbers that are in it. */
export const Tels = ({ text }: { text: string }) => (
  <>{partsOf(text).map((part, i) => (part.number === undefined ? part.text : <Tel key={i} number={part.number} />))}</>
);

export interface Offered {
  number: string;
  from: HTMLElement;
}

/** The menu of a number. The keyboard goes in, round, and back to where it was. */
export function TelMenu({ desk, lines, offered, onClose }: { desk: Desk; lines: readonly Line[]; offered: Offered; onClose: () => void }) {
  const menu = useRef<HTMLDivElement>(null);
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const { number, from } = offered;
  const close = (back = true) => {
    if (back && from.isConnected) from.focus({ preventScroll: true });
    onClose();
  };
  useLayoutEffect(() => {
    if (!menu.current) return;
    place(menu.current, from);
    menu.current.querySelector('button')?.focus({ preventScroll: true });
  }, [from]);
  useEffect(() => {
    const outside = (event: Event) => event.target instanceof Node && !menu.current?.contains(event.target) && !from.contains(event.target) && close(false);
    const away = () => close(false);
    document.addEventListener('pointerdown', outside, true);
    document.addEventListener('scroll', outside, true);
    addEventListener('resize', away);
    return () => {
      document.removeEventListener('pointerdown', outside, true);
      document.removeEventListener('scroll', outside, true);
      removeEventListener('resize', away);
    };
  });
  const run = async (act: () => Promise<unknown>) => {
    if (busy) return;
    setBusy(true);
    setProblem('');
    try {
      await act();
      onClose();
      requestAnimationFrame(() => document.getElementById('record-title')?.focus({ preventScroll: true }));
    } catch (error) {
      setProblem(tell(error));
      setBusy(false);
    }
  };
  const onKey = (event: KeyboardEvent) => {
    const items = [...(menu.current?.querySelectorAll('button') ?? [])];
    const at = items.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === 'Escape' || event.key === 'Tab') close();
    else if (to !== undefined) items.at(to % items.length)?.focus();
    if (event.key !== 'Enter' && event.key !== ' ') event.stopPropagation();
    if (event.key !== 'Enter' && event.key !== ' ' && event.key !== 'Tab') event.preventDefault();
  };
  return (
    <div class="tel-menu" ref={menu} data-testid="tel-menu" onKeyDown={onKey}>
      <p class="eyebrow number" id="tel-menu-number"><bdi>{number}</bdi></p>
      <div role="menu" aria-labelledby="tel-menu-number">
        <button type="button" role="menuitem" data-testid="tel-lookup" aria-disabled={busy} onClick={() => void run(() => desk.lookup({ number }))}><Search />Look up</button>
        {lines.some(canDial) && (
          <button type="button" role="menuitem" data-testid="tel-dial" aria-disabled={busy} onClick={() => void run(() => desk.dial(number))}><Phone />Call</button>
        )}
      </div>
      {problem && <p class="problem" role="alert" data-testid="tel-problem">{problem}</p>}
    </div>
  );
}

/** Below what was pressed, within the window; above it where there is no room. */
function place(menu: HTMLElement, from: HTMLElement): void {
  const at = from.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + 4 + height <= innerHeight || at.top < height;
  menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
  menu.style.top = `${below ? at.bottom + 4 : at.top - height - 4}px`;
}
