// Which fields there are, what people call them, and in what order they are shown.
import type { BoardRecord, Field, Item } from '@callboard/sdk';
import { sameText, words } from './format.js';

export interface Row {
  name: string;
  label: string;
  /** Absent for a field that one can fill in but nobody has. */
  field?: Field;
  editable: boolean;
  /** Whose field it is, for those under `x.`. */
  app?: string;
}

export interface Group {
  id: 'party' | 'own' | 'apps';
  title: string;
  rows: Row[];
}

const LABELS: Record<string, string> = {
  'party.name': 'Name', 'party.company': 'Company', 'party.job_title': 'Job title', 'party.number': 'Number',
  'party.number_raw': 'Number as given', 'party.email': 'E-mail', 'party.address': 'Address', 'party.location': 'Location',
  'party.company_location': 'Company location', 'party.website': 'Website', 'party.bio': 'About', 'party.image': 'Picture',
  'party.ip': 'IP address', 'user.name': 'Your name', 'user.number': 'Your number', 'user.extension': 'Extension', 'user.ip': 'IP address',
};

/** Only source `pbx` writes these. */
const AUTHORITATIVE = new Set(['party.number', 'party.number_raw', 'user.number', 'user.extension']);

/** Always offered, so that an unknown caller can be given a name. */
const OFFERED = ['party.name', 'party.company', 'party.email'];

const ORDER = Object.keys(LABELS);

/** The field that says who of several people it is, and the list of them. They have a place of their own. */
export const PICKED = 'party.candidate';
export const CANDIDATES = 'party.candidates';

export const candidatesOf = (record: BoardRecord): readonly Item[] => record.items[CANDIDATES] ?? [];

/** What names a candidate in a claim of `party.candidate`. */
export const refOf = (item: Item) => `${item.source}/${item.id}`;

/** What one sees of a candidate: a name, and what tells it from others. */
export function factsOf(item: Item): { name: string; more: string[] } {
  const { 'party.name': name, 'party.company': company, 'party.job_title': job, 'party.email': email, 'party.location': place } = item.fields ?? {};
  const rest = [company, job, place, email].filter((text): text is string => !!text);
  return name ? { name, more: rest } : { name: rest[0] ?? (item.title || item.id), more: rest.slice(1) };
}

/** What people call a field or list. */
export function labelOf(name: string): string {
  const app = /^x\.([^.]+)\.(?:shared\.)?(.+)$/.exec(name);
  return LABELS[name] ?? words(app?.[2] ?? name.slice(name.indexOf('.') + 1));
}

/** The fields of a record as rows; `more` are names that have a row though nothing is shown of them; `fixed`: nothing can be written. */
export function groupsOf(record: BoardRecord, more: Iterable<string> = [], fixed = false): Group[] {
  const { 'party.number': number, 'party.number_raw': raw, 'party.name': called } = record.fields;
  const twice = raw && (raw.value === number?.value || sameText(raw.value, called?.value ?? ''));
  const said = Object.keys(record.fields).filter((name) => (name !== 'party.number_raw' || !twice) && name !== PICKED);
  const names = new Set([...said, ...(record.state === 'open' ? OFFERED : []), ...[...more].filter((name) => name !== PICKED)]);
  const rows = [...names].map((name) => rowOf(name, record.fields[name], fixed)).sort(byPlace);
  const groups: Group[] = [
    { id: 'party', title: 'Person & company', rows: rows.filter((r) => r.name.startsWith('party.')) },
    { id: 'apps', title: 'App fields', rows: rows.filter((r) => !/^(party|user)\./.test(r.name)) },
    { id: 'own', title: 'Own line', rows: rows.filter((r) => r.name.startsWith('user.')) },
  ];
  return groups.filter((g) => g.rows.length > 0);
}

function rowOf(name: string, field: Field | undefined, fixed: boolean): Row {
  const app = /^x\.([^.]+)\.(.+)$/.exec(name);
  return {
    name,
    label: labelOf(name),
    editable: !fixed && isEditable(name),
    ...(field ? { field } : {}),
    ...(app?.[1] ? { app: app[1] } : {}),
  };
}

export function isEditable(name: string): boolean {
  return !AUTHORITATIVE.has(name) && !name.startsWith('call.');
}

/** What saving `typed` makes of the person's own word: a new one, null to take it back, undefined to leave things as they are. */
export function wordOf(field: Field | undefined, typed: string): string | null | undefined {
  const text = typed.trim();
  if (text === '') return field?.source === 'user' ? null : undefined;
  return text === field?.value ? undefined : text;
}

/** The apps that have looked and know nothing of a field, or of any where none is named. */
export function notIn(record: BoardRecord, name?: string): string[] {
  const covers = (pattern: string) => name === undefined || (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name);
  return [...new Set((record.nothing ?? []).filter((n) => n.fields.some(covers)).map((n) => n.source))].sort();
}

function byPlace(a: Row, b: Row): number {
  const place = (row: Row) => (ORDER.indexOf(row.name) + ORDER.length + 1) % (ORDER.length + 1);
  return place(a) - place(b) || (a.name < b.name ? -1 : 1);
}

/** Whether the field is for numbers, also one of an app's own. */
export const isNumberField = (name: string): boolean => /number|phone|mobile|extension/.test(name);

/** Where a value may lead: only to mail and to the web. */
export function hrefOf(name: string, value: string): string | undefined {
  if (/(^|[._])email$/.test(name) && /^[^\s@<>"]+@[^\s@<>"]+$/.test(value)) return 'mailto:' + encodeURIComponent(value).replace('%40', '@');
  if (/^https?:\/\//i.test(value)) return webAddress(value);
  if (name === 'party.website' && /^[\w-]+(\.[\w-]+)+(\/\S*)?$/.test(value)) return webAddress('https://' + value);
  return undefined;
}

export function webAddress(text: string): string | undefined {
  try {
    const url = new URL(text);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : undefined;
  } catch {
    return undefined;
  }
}
