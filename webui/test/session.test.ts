import { describe, expect, it } from 'vitest';
import { takeFragment, wayOf } from '../src/session.js';

describe('the way in', () => {
  it.each([
    ['http://127.0.0.1:8747/#code=abc', { code: 'abc' }],
    ['  http://127.0.0.1:8747/#token=cb_x \n', { token: 'cb_x' }],
    ['#code=abc', { code: 'abc' }],
    ['code=abc', { code: 'abc' }],
    ['cb_0123456789', { token: 'cb_0123456789' }],
    ['http://127.0.0.1:8747/', {}],
    ['http://127.0.0.1:8747/#', {}],
    ['two words', {}],
    ['', {}],
  ])('is read from %j', (pasted, way) => {
    expect(wayOf(pasted)).toEqual(way);
  });

  it('is taken out of the address at once', () => {
    const replaced: string[] = [];
    expect(takeFragment({ hash: '#code=abc', pathname: '/', search: '?x' }, (to) => replaced.push(to))).toEqual({ code: 'abc' });
    expect(takeFragment({ hash: '', pathname: '/', search: '' }, (to) => replaced.push(to))).toEqual({});
    expect(replaced).toEqual(['/?x']);
  });

  it('looks up at once where the address is that of a lookup, and leaves nothing of it there', () => {
    const replaced: string[] = [];
    const at = (search: string, hash = '') => takeFragment({ hash, pathname: '/lookup', search }, (to) => replaced.push(to));
    expect(at('?q=%2B45+12&x=1')).toEqual({ lookup: '+45 12', atOnce: true });
    expect(at('?q=Ann', '#code=abc')).toEqual({ code: 'abc', lookup: 'Ann', atOnce: true });
    expect(at('?q=%20')).toEqual({});
    expect(at('')).toEqual({});
    expect(replaced).toEqual(['/', '/', '/', '/']);
  });
});
