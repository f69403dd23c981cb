// What a person types or drops into the one box, made into a lookup. Pure.
import type { Lookup } from '@callboard/sdk';

/** The server tells what it cannot read; here it is only guessed what is meant. */
export function soughtOf(typed: string): Lookup {
  const text = typed.trim();
  if (isCard(text)) return { vcard: text };
  if (text.includes('@')) return { email: text };
  if (/^\[?[0-9a-f]*:[0-9a-f:.]+\]?$/i.test(text) || /^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return { ip: text };
  if (/^[+\d\s./()-]+$/.test(text)) return { number: text };
  if (text.includes('://') || /^\S+\.[^\s.]+$/.test(text)) return { website: text };
  return { name: text };
}

export const isCard = (text: string): boolean => /^\s*BEGIN:VCARD/i.test(text);

/** A card is some KiB; of a larger file nothing is read, and the person is told. */
export const LARGEST_CARD = 64 << 10;
