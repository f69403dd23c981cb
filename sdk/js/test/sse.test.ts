import { describe, expect, it } from 'vitest';
import { FrameReader, type Frame } from '../src/sse.js';

const bytes = (text: string) => new TextEncoder().encode(text);

function readAt(text: string, ...cuts: number[]): Frame[] {
  const all = bytes(text);
  const reader = new FrameReader();
  const ends = [...cuts, all.length];
  return ends.flatMap((end, i) => reader.push(all.subarray(i === 0 ? 0 : ends[i - 1], end)));
}

describe('frames', () => {
  const text = '\uFEFF: hello\r\nevent: record.changed\r\nid: e:1\r\ndata: {"a":"Åse 🎭"}\r\n\r\n'
    + 'data:one\rdata: two\r\rdata: x\n\n: a comment\n\nevent: nothing\n\ndata\n\n';
  const want: Frame[] = [
    { event: 'record.changed', id: 'e:1', data: '{"a":"Åse 🎭"}' },
    { event: '', id: undefined, data: 'one\ntwo' },
    { event: '', id: undefined, data: 'x' },
    { event: '', id: undefined, data: '' },
  ];

  it('reads CR, LF, CRLF, a BOM, comments and empty frames', () => {
    expect(readAt(text)).toEqual(want);
  });

  it('reads the same when cut at any one byte', () => {
    for (let cut = 0; cut <= bytes(text).length; cut++) expect(readAt(text, cut), `cut at ${cut}`).toEqual(want);
  });

  it('reads the same byte by byte, with empty chunks between', () => {
    const reader = new FrameReader();
    const frames = [...bytes(text)].flatMap((b) => [...reader.push(new Uint8Array()), ...reader.push(Uint8Array.of(b))]);
    expect(frames).toEqual(want);
  });

  it('drops a frame that the end cut off', () => {
    expect(readAt('data: a\n\ndata: b\n')).toEqual([{ event: '', id: undefined, data: 'a' }]);
  });

  it('ignores an id with a NUL and unknown fields', () => {
    expect(readAt('id: a\0b\nretry: 3\nfoo: bar\ndata: a\n\n')).toEqual([{ event: '', id: undefined, data: 'a' }]);
  });

  it('bounds one line, many lines, and a line without an end', () => {
    expect(() => new FrameReader(100).push(bytes('data: ' + 'x'.repeat(101) + '\n\n'))).toThrow(RangeError);
    expect(() => new FrameReader(100).push(bytes('data: xxxx\n'.repeat(20)))).toThrow(RangeError);
    const reader = new FrameReader(100);
    expect(() => { for (let i = 0; i < 20; i++) reader.push(bytes('xxxxxxxxxx')); }).toThrow(RangeError);
  });

  it('takes any number of comments and frames of the right size', () => {
    const reader = new FrameReader(100);
    for (let i = 0; i < 50; i++) {
      reader.push(bytes(': still here\n'));
      expect(reader.push(bytes('data: ' + 'x'.repeat(40) + '\n\n'))).toHaveLength(1);
    }
  });

  it('survives bytes that are no UTF-8', () => {
    const reader = new FrameReader();
    expect(reader.push(Uint8Array.of(100, 97, 116, 97, 58, 0xff, 0xc3, 10, 10))).toEqual([{ event: '', id: undefined, data: '\uFFFD\uFFFD' }]);
  });
});
