// Server-sent events, as the WHATWG HTML standard reads them (section 9.2.6), from bytes cut anywhere.

export interface Frame {
  event: string;
  id: string | undefined;
  data: string;
}

/** 16 Mi characters: far above the largest record, far below what hurts. */
export const MAX_FRAME = 16 * 1024 * 1024;

/** Turns chunks of bytes into frames. Throws a RangeError when a frame exceeds the bound; it is then of no further use. */
export class FrameReader {
  #decoder = new TextDecoder(); // drops the BOM, keeps half a character for the next chunk
  #line: string[] = [];
  #size = 0;
  #skipLF = false;
  #event = '';
  #id: string | undefined;
  #data: string[] = [];
  readonly #max: number;

  constructor(max: number = MAX_FRAME) {
    this.#max = max;
  }

  push(chunk: Uint8Array): Frame[] {
    const text = this.#decoder.decode(chunk, { stream: true });
    const frames: Frame[] = [];
    let from = this.#skipLF && text.startsWith('\n') ? 1 : 0;
    if (text !== '') this.#skipLF = false;
    const end = /\r\n|\r|\n/g;
    end.lastIndex = from;
    for (let m = end.exec(text); m; m = end.exec(text)) {
      this.#grow(text.slice(from, m.index));
      from = end.lastIndex;
      // CR may be the first half of CRLF whose LF opens the next chunk.
      if (m[0] === '\r' && from === text.length) this.#skipLF = true;
      const frame = this.#endOfLine();
      if (frame) frames.push(frame);
    }
    this.#grow(text.slice(from));
    return frames;
  }

  #grow(part: string): void {
    if (part === '') return;
    this.#size += part.length;
    if (this.#size > this.#max) throw new RangeError(`A frame is longer than ${this.#max} characters.`);
    this.#line.push(part);
  }

  #endOfLine(): Frame | undefined {
    const line = this.#line.join('');
    this.#line = [];
    if (line === '') return this.#endOfFrame();
    const colon = line.indexOf(':');
    if (colon === 0) {
      this.#size -= line.length; // a comment takes no room
      return undefined;
    }
    const name = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (name === 'data') this.#data.push(value);
    else if (name === 'event') this.#event = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    return undefined;
  }

  #endOfFrame(): Frame | undefined {
    const frame = this.#data.length > 0 ? { event: this.#event, id: this.#id, data: this.#data.join('\n') } : undefined;
    this.#event = '';
    this.#id = undefined;
    this.#data = [];
    this.#size = 0;
    return frame;
  }
}
