import { describe, expect, it } from 'vitest';
import { Enrichers, claimsOf } from '../src/enrich.js';
import type { CallboardError } from '../src/error.js';
import type { WireWork } from '../src/wire.js';
import { record0, work } from './contract.js';

const workOf = (more: object = {}) => work('w1', record0('r1'), more).data as WireWork;
const silent = () => undefined;
const noTime = () => Promise.resolve(0);

describe('enrichers', () => {
  it('are registered as one', () => {
    const e = new Enrichers();
    e.add({ needs: ['party.number'], gives: ['party.name'] }, silent);
    const off = e.add({ needs: ['party.number', 'party.company'], gives: ['x.a.b'], on: ['ended'] }, silent);
    expect(e.registration()).toEqual({ needs: ['party.company', 'party.number'], gives: ['party.name', 'x.a.b'], on: ['ended'] });
    off();
    expect(e.registration()).toEqual({ needs: ['party.number'], gives: ['party.name'], on: [] });
  });

  it('are given what concerns them', async () => {
    const e = new Enrichers();
    const ran: string[] = [];
    e.add({ needs: ['party.number'] }, () => void ran.push('number'));
    e.add({ needs: ['party.*'] }, () => void ran.push('party'));
    e.add({ needs: ['user.name'] }, () => void ran.push('user'));
    e.add({ on: ['ended'] }, () => void ran.push('ended'));
    const given = async (more: object) => {
      ran.length = 0;
      await e.answer(workOf(more), silent, noTime);
      return ran.join(' ');
    };
    expect(await given({ changed: ['party.number'] })).toBe('number party');
    expect(await given({ changed: ['party.company'] })).toBe('party');
    expect(await given({ changed: [], moments: ['ended'] })).toBe('ended');
    expect(await given({ changed: [] })).toBe('number party user ended');
  });

  it('answer with claims, plain or with quality', async () => {
    expect(claimsOf({ 'party.name': 'Ann', 'party.company': undefined, 'party.email': null, 'x.a.n': 3, 'party.bio': { value: 'b', quality: 'guess' } })).toEqual([
      { field: 'party.name', value: 'Ann', quality: 'matched' },
      { field: 'party.email', value: '' },
      { field: 'x.a.n', value: '3', quality: 'matched' },
      { field: 'party.bio', value: 'b', quality: 'guess' },
    ]);
    expect(() => claimsOf({ 'party.name': {} as never })).toThrow(/party.name/);
  });

  it('say nothing_found when nothing comes back', async () => {
    for (const nothing of [undefined, null, false, '', {}, { nothing: true }, { claims: {} }] as const) {
      const e = new Enrichers();
      e.add({ needs: ['party.number'] }, () => nothing as undefined);
      expect(await e.answer(workOf(), silent, noTime)).toEqual({ nothing_found: true });
    }
    expect(await new Enrichers().answer(workOf(), silent, noTime)).toEqual({ nothing_found: true });
  });

  it('put several replies into one answer, the surer claim first', async () => {
    const e = new Enrichers();
    e.add({ needs: ['party.number'] }, async () => ({ 'party.name': { value: 'A', quality: 'guess' } }));
    e.add({ needs: ['party.number'] }, () => ({ claims: { 'party.name': 'Ann', 'party.company': 'Acme' }, items: [{ list: 'links', url: 'https://x.test' }] }));
    e.add({ needs: ['party.number'] }, () => ({ 'party.company': 'Other' }));
    expect(await e.answer(workOf(), silent, noTime)).toEqual({
      claims: [{ field: 'party.name', value: 'Ann', quality: 'matched' }, { field: 'party.company', value: 'Acme', quality: 'matched' }],
      items: [{ list: 'links', url: 'https://x.test' }],
    });
  });

  it('turn a thrown error into `error`, unless another handler had something', async () => {
    const e = new Enrichers();
    const errors: CallboardError[] = [];
    e.add({ needs: ['party.number'] }, async () => { throw new Error('CRM is down: ' + 'x'.repeat(1000)); });
    const answer = await e.answer(workOf(), (x) => errors.push(x), noTime);
    expect(answer.error).toMatch(/^CRM is down/);
    expect(answer.error).toHaveLength(512);
    e.add({ needs: ['party.number'] }, () => ({ 'party.name': 'Ann' }));
    expect(await e.answer(workOf(), (x) => errors.push(x), noTime)).toEqual({ claims: [{ field: 'party.name', value: 'Ann', quality: 'matched' }] });
    expect(errors).toHaveLength(2);
  });
});
