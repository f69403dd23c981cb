// Who is erased, and what goes with them. Pure.
import type { BoardRecord, Erasure, NewErasure } from '@callboard/sdk';

/** What a person can be recognized by. */
export interface Mark {
  kind: 'numbers' | 'words' | 'records';
  value: string;
  label: string;
  /** Ticked at first. A name may be another's as well. */
  sure: boolean;
}

export function marksOf({ id, party }: Pick<BoardRecord, 'id' | 'party'>): Mark[] {
  const { number, number_raw: raw, email, name } = party;
  const digits = (text: string | undefined) => text?.replace(/\D/g, '').length ?? 0;
  const best = [number, raw].find((n) => digits(n) >= 5); // of a shorter one the server erases the records only
  const marks: Mark[] = [{ kind: 'records', value: id, label: 'This record', sure: true }];
  if (best !== undefined) marks.push({ kind: 'numbers', value: best, label: `Everything of the number ${best}`, sure: true });
  if (email) marks.push({ kind: 'words', value: email, label: `Everything of ${email}`, sure: true });
  if (name && [...name].length >= 3) marks.push({ kind: 'words', value: name, label: `Everything that says “${name}”`, sure: false });
  return marks;
}

export function whoOf(marks: readonly Mark[]): NewErasure {
  const who: NewErasure = {};
  for (const { kind, value } of marks) who[kind] = [...(who[kind] ?? []), value];
  return who;
}

const count = (n: number, one: string, many = `${one}s`) => `${n.toLocaleString()} ${n === 1 ? one : many}`;

/** What goes, or has gone. */
export function goneWords({ records, mentioned, items, claims }: Erasure): string {
  const others = mentioned.length > 0 ? `, and what mentions them in ${count(mentioned.length, 'other record')}` : '';
  return `${count(records.length, 'record')} of this person${others}: ${count(claims, 'value')}, ${count(items, 'note or other item', 'notes and other items')}. Of the calls only times and states are left.`;
}
