// How the page gets its token: from the address that Callboard printed, from this tab, or from what the person pastes.

export interface Way {
  code?: string;
  token?: string;
  /** What the box for numbers is filled in with. */
  lookup?: string;
  /** It is looked up without being asked: the server has seen that the person opened the link. */
  atOnce?: true;
}

interface Place {
  hash: string;
  pathname: string;
  search: string;
}

const KEY = 'callboard.token';

/** Takes the code or token out of the address and removes it there at once, so that no history or screenshot keeps it. */
export function takeFragment(place: Place, replace: (url: string) => void): Way {
  const way = wayOf(place.hash);
  const lookup = place.pathname === '/lookup' ? new URLSearchParams(place.search).get('q')?.trim() ?? '' : undefined;
  if (lookup !== undefined) replace('/');
  else if (place.hash) replace(place.pathname + place.search);
  return lookup ? { ...way, lookup, atOnce: true } : way;
}

/** Reads what a person pasted: an address with `#code=` or `#token=`, that part alone, or a token. */
export function wayOf(pasted: string): Way {
  const text = pasted.trim();
  const hash = text.indexOf('#');
  const fragment = hash >= 0 ? text.slice(hash + 1) : text;
  const values = new URLSearchParams(fragment);
  const code = values.get('code');
  const token = values.get('token');
  const lookup = hash >= 0 ? values.get('lookup') : null;
  if (code) return { code };
  if (token) return { token };
  if (lookup) return { lookup };
  return hash < 0 && text !== '' && !text.includes('/') && !text.includes(' ') ? { token: text } : {};
}

/** The tab's token. Session storage ends with the tab and is not shared with others. */
export const kept = {
  get: (): string | undefined => sessionStorage.getItem(KEY) ?? undefined,
  set: (token: string): void => sessionStorage.setItem(KEY, token),
  forget: (): void => sessionStorage.removeItem(KEY),
};
