// Where a note is kept until the server has acknowledged it. IndexedDB, because what a transaction has taken is there after a crash of
// the browser; localStorage is written seconds later.

export interface Draft {
  /** Names it here; the id that the note has on the server may become another. */
  key: string;
  /** The window that is at it. */
  owner: string;
  record: string;
  note: string;
  text: string;
  /** When it was typed on last; absent: by a page that did not note it yet. */
  typed?: string;
  /** What the server has of it: the text, and when that was changed. */
  base?: { text: string; seen: string };
  /** What was sent and is not acknowledged. It is sent again as it was, under its key, before anything newer. */
  flight?: { text: string; key: string };
}

export interface Drafts {
  /** Whether what it has taken outlives the page. */
  readonly lasting: boolean;
  put(draft: Draft): Promise<void>;
  remove(key: string): Promise<void>;
  owners(): Promise<string[]>;
  /** Hands what one window has left over to another, each draft to one only. */
  claim(from: string, to: string): Promise<Draft[]>;
  /** Drops all that is kept for a record. */
  forget(record: string): Promise<void>;
}

const STORE = 'drafts';

/** Opens the browser's own; where it has none, what is typed is kept in the page. */
export async function openDrafts(factory: IDBFactory | undefined): Promise<Drafts> {
  try {
    if (factory) return new Kept(await open(factory));
  } catch {
    // A private window of some browsers, or a full disk.
  }
  return new Unkept();
}

function open(factory: IDBFactory): Promise<IDBDatabase> {
  const asked = factory.open('callboard', 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: 'key' });
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error('not opened'));
    asked.onblocked = () => reject(new Error('blocked'));
  });
}

class Kept implements Drafts {
  readonly lasting = true;

  constructor(private readonly database: IDBDatabase) {}

  put(draft: Draft): Promise<void> {
    return this.#change((store) => void store.put(draft));
  }

  remove(key: string): Promise<void> {
    return this.#change((store) => void store.delete(key));
  }

  async owners(): Promise<string[]> {
    const all = await this.#all();
    return [...new Set(all.map((d) => d.owner))];
  }

  async claim(from: string, to: string): Promise<Draft[]> {
    const taken: Draft[] = [];
    await this.#each((store, draft) => {
      if (draft.owner !== from) return;
      taken.push({ ...draft, owner: to });
      store.put({ ...draft, owner: to });
    });
    return taken;
  }

  forget(record: string): Promise<void> {
    return this.#each((store, draft) => void (draft.record === record && store.delete(draft.key)));
  }

  #all(): Promise<Draft[]> {
    const asked = this.database.transaction(STORE).objectStore(STORE).getAll() as IDBRequest<Draft[]>;
    return new Promise((resolve, reject) => {
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  }

  #each(act: (store: IDBObjectStore, draft: Draft) => void): Promise<void> {
    return this.#change((store) => {
      const asked = store.getAll() as IDBRequest<Draft[]>;
      asked.onsuccess = () => asked.result.forEach((draft) => act(store, draft));
    });
  }

  /** Resolves once it is on the disk. */
  #change(act: (store: IDBObjectStore) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const all = this.database.transaction(STORE, 'readwrite', { durability: 'strict' });
      all.oncomplete = () => resolve();
      all.onabort = () => reject(all.error ?? new Error('aborted'));
      act(all.objectStore(STORE));
    });
  }
}

class Unkept implements Drafts {
  readonly lasting = false;
  put = async () => {};
  remove = async () => {};
  owners = async () => [];
  claim = async () => [];
  forget = async () => {};
}
