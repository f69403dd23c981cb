// Records as the SDK hands them out, for tests.
import type { BoardRecord, Call, Field } from '@callboard/sdk';

export const T0 = Date.parse('2026-11-22T10:00:00Z');
export const at = (seconds: number): string => new Date(T0 + seconds * 1000).toISOString();

export function call(state: Call['state'], more: Partial<Call> = {}): Call {
  return {
    id: 'c', direction: 'inbound', state, started_at: at(0), complete: true, muted: false, parked: false, conference: false,
    recorded: 'unknown', monitored: 'unknown', encrypted: 'unknown', secure_line: 'unknown', legs: [], views: [], timeline: [], ...more,
  };
}

export function field(value: string, more: Partial<Field> = {}): Field {
  return { value, source: 'crm', quality: 'matched', at: at(0), round: 1, others: 0, ...more };
}

export function record(id: string, fields: { [name: string]: string } = {}, more: Partial<BoardRecord> = {}): BoardRecord {
  const under = (prefix: string) => Object.fromEntries(Object.entries(fields).filter(([n]) => n.startsWith(prefix)).map(([n, v]) => [n.slice(prefix.length), v]));
  return {
    id, rev: 1, line: 'l', origin: 'call', state: 'open', opened_at: at(0), complete: true, durable: true, wave: 1, items: {}, notes: [],
    fields: Object.fromEntries(Object.entries(fields).map(([n, v]) => [n, field(v)])), party: under('party.'), user: under('user.'), ...more,
  };
}
