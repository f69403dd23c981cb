// Finds phone numbers in what is written. Pure. The server says what a number is; here it is only guessed what may be one.

export interface Part {
  text: string;
  /** As it is to be looked up or called; absent: no number. */
  number?: string;
}

/** A value that is a number and nothing else: with its country code, national, or an extension. */
export const isNumber = (text: string): boolean => /^\+?[\d\s().\/-]{2,31}$/.test(text) && /\d/.test(text) && digits(text) >= 2 && digits(text) <= 15 && !isOther(text);

const digits = (text: string): number => text.replace(/\D/g, '').length;

/** Dates, times of day, addresses of computers, amounts. */
const isOther = (text: string): boolean =>
  /^\d{4}[-.\/]\d{1,2}[-.\/]\d{1,2}\b/.test(text) || /^\d{1,2}[-.\/]\d{1,2}[-.\/]\d{4}\b/.test(text) || /^\d{1,3}(\.\d{1,3}){3}$/.test(text) || /^\d{1,3}([ .]\d{3})*\.\d\d$/.test(text);

/** A plus or two zeros, or groups of digits that are set apart. Neither letters nor further digits touch it. */
const CANDIDATE = /(?:(?<![\p{L}\p{N}+.,:\/#-])|(?<=\/)(?=\+))(?:\+|\(\+?)?\d(?:[\d]|[ \u00a0().\/-]{1,2}(?=[\d(]))*(?![\p{L}\p{N}:%])/gu;
const FEWEST = 7;
const MOST = 15;

/** Text in its parts; together they are the text. */
export function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const [found] = match;
    if (!looksLikeNumber(found)) continue;
    if (match.index > from) parts.push({ text: text.slice(from, match.index) });
    parts.push({ text: found, number: found });
    from = match.index + found.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from) });
  return parts;
}

function looksLikeNumber(text: string): boolean {
  const count = digits(text);
  if (count < FEWEST || count > MOST || isOther(text)) return false;
  if (/^\(?(\+|0)/.test(text)) return true;
  const groups = text.split(/\D+/).filter(Boolean);
  return groups.length > 1 && groups.every((g) => g.length >= 2); // one run of digits is an order, an invoice, a year
}
