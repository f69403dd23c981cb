import type { Item, WireRecord } from './wire.js';

/** Shown values by the last part of their name; what nobody knows is absent. */
export type Values<Known extends string> = { readonly [K in Known]?: string } & { readonly [name: string]: string | undefined };

/**
 * A record as handlers get it: the wire's record, and short ways to what one needs most.
 * Frozen: a later change makes a new object.
 */
export interface BoardRecord extends Readonly<WireRecord> {
  /** The third party: `record.party.name` is the shown value of the field `party.name`. */
  readonly party: Values<'number' | 'number_raw' | 'name' | 'email' | 'company' | 'job_title' | 'location' | 'website' | 'ip'>;
  /** The end user. */
  readonly user: Values<'name' | 'number' | 'extension' | 'ip'>;
  /** The notes of all sources, in the order in which they were added. */
  readonly notes: readonly Item[];
}

/** Makes the frozen object; takes over `wire`, which must have come from JSON. */
export function recordOf(wire: WireRecord): BoardRecord {
  return deepFreeze({
    ...wire,
    fields: wire.fields ?? {},
    items: wire.items ?? {},
    party: valuesUnder(wire, 'party.'),
    user: valuesUnder(wire, 'user.'),
    notes: wire.items?.['notes'] ?? [],
  });
}

function valuesUnder(wire: WireRecord, prefix: string): Record<string, string> {
  // fromEntries makes own properties, so a field called party.__proto__ is only a field.
  return Object.fromEntries(Object.entries(wire.fields ?? {})
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, field]) => [name.slice(prefix.length), field.value]));
}

/** Parts that are frozen already are shared with an earlier record and left alone. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return value;
}
