import { useEffect, useRef, useState } from 'preact/hooks';
import type { Desk } from './desk.js';

/** Whether key presses are text for something. */
export function isTyping(element: Element | null): boolean {
  return element instanceof HTMLElement && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));
}

const OFF = 'callboard.keys.off';
const areOn = () => localStorage.getItem(OFF) === null;

const KEYS: [string, string][] = [
  ['↑ ↓ or k j', 'Move in the list of calls'], ['Enter', 'Open the call'], ['n', 'Write a note'], ['/', 'Call or look up a number'], ['l', 'The log, or back to the board'],
  ['Esc', 'Leave the note, or go back to the list'], ['?', 'Show these keys'],
];

/** The page's keys. Off while typing, with a modifier, and when the person turned them off (WCAG 2.1.4). */
export function useKeys(desk: Desk, showKeys: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || document.querySelector('dialog[open]')) return;
      const typing = isTyping(document.activeElement);
      if (event.key === 'Escape') return leave(desk, typing);
      if (event.key === 'ArrowDown' && document.activeElement?.id === 'log-search' && moveInLog(1)) return event.preventDefault();
      if (typing || !actOn(event, desk, showKeys)) return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [desk, showKeys]);
}

function leave(desk: Desk, typing: boolean): void {
  if (typing) document.getElementById('record-title')?.focus({ preventScroll: true });
  else {
    desk.back();
    requestAnimationFrame(focusCall);
  }
}

/** True when the key meant something. */
function actOn(event: KeyboardEvent, desk: Desk, showKeys: () => void): boolean {
  const inList = document.activeElement === document.body || document.activeElement?.closest('.list-pane') != null;
  if (inList && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) return move(desk, event.key === 'ArrowDown' ? 1 : -1);
  if (!areOn()) return false;
  switch (event.key) {
    case 'j': return move(desk, 1);
    case 'k': return move(desk, -1);
    case 'n': return focus('note-box');
    case '/': return focus('lookup-number');
    case 'l': return turn(desk);
    case '?': showKeys(); return true;
    default: return false;
  }
}

function turn(desk: Desk): boolean {
  const pane = desk.state.pane === 'log' ? 'calls' : 'log';
  desk.back();
  desk.showPane(pane);
  requestAnimationFrame(() => (pane === 'log' ? focus('log-search') : focusCall()));
  return true;
}

/** In the log nothing is opened by moving: each record is read from the store. */
function moveInLog(by: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('.row .call')];
  const held = rows.indexOf(document.activeElement?.closest('.row')?.querySelector<HTMLElement>('.call') ?? document.body);
  const at = held >= 0 ? held + by : Math.max(0, rows.findIndex((r) => r.hasAttribute('aria-current')));
  rows[Math.min(rows.length - 1, Math.max(0, at))]?.focus();
  return rows.length > 0;
}

function move(desk: Desk, by: 1 | -1): boolean {
  if (desk.state.pane === 'log') return moveInLog(by);
  desk.step(by);
  requestAnimationFrame(focusCall);
  return true;
}

const focusCall = () => document.querySelector<HTMLElement>('.call[aria-current]')?.focus();

function focus(id: string): boolean {
  const element = document.getElementById(id);
  element?.focus();
  return element !== null;
}

export function Keys({ open, onClose }: { open: boolean; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [on, setOn] = useState(areOn);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  const toggle = (checked: boolean) => {
    if (checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, '1');
    setOn(checked);
  };
  return (
    <dialog class="keys" ref={dialog} onClose={onClose} aria-labelledby="keys-title">
      <h2 id="keys-title">Keyboard</h2>
      <dl>
        {KEYS.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}
      </dl>
      <label class="check"><input type="checkbox" checked={on} onChange={(e) => toggle(e.currentTarget.checked)} />Single-letter keys</label>
      <button type="button" class="primary" onClick={onClose}>Close</button>
    </dialog>
  );
}
