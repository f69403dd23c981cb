// What a person can do with a call, in words and in the order of the buttons. Pure.
import type { Ability, BoardRecord, Call, CommandName, Line } from '@callboard/sdk';
import { isOurs, isParked, titleOf, words } from './format.js';
import { isActive } from './selection.js';

/** The buttons before and after those for transfer and keypad, which open a box. */
export const FIRST: readonly CommandName[] = ['answer', 'hangup', 'hold', 'resume', 'mute', 'unmute', 'complete', 'cancel'];
export const THEN: readonly CommandName[] = ['park', 'record', 'pause_recording', 'resume_recording', 'stop_recording'];

const LABEL: Partial<Record<CommandName, string>> = {
  answer: 'Answer', hangup: 'Hang up', hold: 'Hold', resume: 'Resume', mute: 'Mute', unmute: 'Unmute', complete: 'Complete transfer', cancel: 'Back to the caller',
  park: 'Park', record: 'Record', pause_recording: 'Pause recording', resume_recording: 'Go on recording', stop_recording: 'Stop recording',
};

export function labelOf(command: CommandName, record: BoardRecord): string {
  if (command === 'hangup' && record.call?.state === 'ringing' && !isOurs(record.call)) return 'Reject';
  return LABEL[command] ?? words(command);
}

export const canTransfer = (actions: readonly CommandName[]): boolean => actions.some((a) => a === 'transfer' || a === 'consult' || a === 'join');

/** The other calls that this one's party can be given to. */
export function joinable(record: BoardRecord, records: readonly BoardRecord[]): BoardRecord[] {
  if (!record.call?.actions?.includes('join')) return [];
  return records.filter((r) => r.id !== record.id && r.line === record.line && isActive(r) && r.call?.actions?.includes('join'));
}

const ABILITY: Partial<Record<Ability['name'], string>> = {
  dial: 'Dial from here', answer: 'Answer from here', hangup: 'Hang up from here', hold: 'Hold and resume', transfer: 'Transfer', consult: 'Transfer after a word',
  join: 'Join two calls', park: 'Park', digits: 'Keypad', mute: 'Mute', record: 'Start a recording', pause_recording: 'Pause a recording',
  stop_recording: 'Stop a recording', inspect: 'Addresses and encryption',
};

export const abilityWords = (name: Ability['name']): string => ABILITY[name] ?? words(name);

export const lineOf = (lines: readonly Line[], name: string | undefined): Line | undefined => lines.find((l) => l.name === name) ?? lines[0];

/** What is missing, together where the reason and the remedy are the same. */
export function missingOf(line: Line | undefined): { names: Ability['name'][]; reason: string; remedy: string }[] {
  const groups = new Map<string, { names: Ability['name'][]; reason: string; remedy: string }>();
  for (const { name, available, reason = '', remedy = '' } of line?.abilities ?? []) {
    if (available) continue;
    const key = `${reason} ${remedy}`;
    groups.set(key, { names: [...(groups.get(key)?.names ?? []), name], reason, remedy });
  }
  return [...groups.values()];
}

/** Whether a number can be dialled from the page just now. */
export const canDial = (line: Line | undefined): boolean =>
  line?.pbx.state === 'connected' && (line.abilities ?? []).some((a) => a.name === 'dial' && a.available);

/** Why no number can be dialled from the page, for as long as the link is there: of a lost one the banner speaks. */
export function whyNoDial(line: Line | undefined): Ability | undefined {
  if (line?.pbx.state !== 'connected') return undefined;
  return (line.abilities ?? []).find((a) => a.name === 'dial' && !a.available);
}

/** The place that a parked call is fetched from by dialling it. */
export const parkedPlace = (call: Call | undefined): string | undefined =>
  call && isParked(call) && call.parked_at && /^[0-9*#]+$/.test(call.parked_at) ? call.parked_at : undefined;

/** Commands that take each other's place share a button, so that the keyboard stays on it. */
const SHARED: Partial<Record<CommandName, CommandName>> = { resume: 'hold', unmute: 'mute', pause_recording: 'record', resume_recording: 'record' };

export const buttonOf = (command: CommandName): CommandName => SHARED[command] ?? command;

/** What a record's number is dialled as. */
export const dialable = (record: BoardRecord): string | undefined => {
  const { number, number_raw } = record.party;
  const dialed = record.call?.direction === 'outbound' || record.call?.direction === 'internal' ? record.call.views[0]?.dialed : undefined;
  return [number?.startsWith('+') ? number : undefined, dialed, number, number_raw].find((n) => n !== undefined && /^[+0-9*#]+$/.test(n));
};

/** A key of the keyboard that is one of the telephone's. */
export const digitOf = (key: string): string | undefined => (/^[0-9*#]$/.test(key) ? key : undefined);

export const spokenOf = (record: BoardRecord): string => titleOf(record).name;
