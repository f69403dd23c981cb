// What a person types or drops into the one box, made into a lookup. Pure.
import type { BoardRecord, Lookup } from '@callboard/sdk';

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

/** The server takes 64 KiB in all, and line breaks and quotes need two characters on the way. */
const LARGEST_CARD = 48 << 10;

/** Of a larger file nothing is read. */
export const LARGEST_FILE = 16 << 20;

export const tooLarge = (bytes: number): string =>
  `That has ${Math.ceil(bytes / (1 << 20))} MB, so nothing of it was read. A card of up to ${LARGEST_FILE >> 20} MB is taken: drop one card, without its photograph.`;

/** What was dropped or pasted, made ready to be looked up; or why it cannot be. */
export function cardOf(text: string): { vcard: string } | { problem: string } {
  const whole = text.replace(/^\ufeff/, '').trim();
  if (whole.length > LARGEST_FILE) return { problem: tooLarge(whole.length) };
  const begun = whole.match(/^BEGIN:VCARD[^\S\n]*\r?$/gim)?.length ?? 0;
  if (begun === 0) return { problem: 'That is no business card: it does not begin with BEGIN:VCARD. Save it as vCard 3.0 or 4.0, and drop that.' };
  if (begun > 1) {
    return { problem: `There are ${begun.toLocaleString()} cards in it, and one is taken at once, so none was. Drop them one by one; to look everybody up in an address book, let an app do it.` };
  }
  const vcard = withoutPictures(whole);
  if (vcard.length > LARGEST_CARD) return { problem: 'Also without its photograph the card has more than 48 KiB, so it was not looked up. Shorten its notes.' };
  return { vcard };
}

/** A card without what is for eyes, ears and programs. A value goes on in lines that begin with a blank (RFC 6350 section 3.2). */
function withoutPictures(card: string): string {
  const kept: string[] = [];
  let drops = false;
  for (const line of card.split(/\r\n|\n|\r/)) {
    if (!/^[ \t]/.test(line)) drops = /^([\w-]+\.)?(PHOTO|LOGO|SOUND|KEY)[;:]/i.test(line);
    if (!drops) kept.push(line);
  }
  return kept.join('\r\n');
}

/** A file as text: what is exported elsewhere is UTF-16 at times, and older than UTF-8 at others. */
export async function textOf(file: Blob): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** Whom a record is of, to be looked up anew. */
export function soughtAgain({ party }: Pick<BoardRecord, 'party'>): Lookup | undefined {
  const number = party.number ?? party.number_raw;
  if (number !== undefined && /\d/.test(number)) return { number };
  if (party.email) return { email: party.email };
  return party.name || party.company ? { ...(party.name && { name: party.name }), ...(party.company && { company: party.company }) } : undefined;
}
