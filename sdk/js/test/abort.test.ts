import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { onAbort } from '../src/abort.js';

test('many wait for one signal with one listener', () => {
  const controller = new AbortController();
  const { signal } = controller;
  const acted: number[] = [];
  const undo = Array.from({ length: 20 }, (_, i) => onAbort(signal, () => acted.push(i)));
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  undo.slice(2).forEach((take) => take());
  controller.abort();
  expect(acted).toEqual([0, 1]);
  onAbort(signal, () => acted.push(99)); // it is aborted already
  expect(acted).toEqual([0, 1, 99]);
});
