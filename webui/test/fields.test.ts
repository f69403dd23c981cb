import { describe, expect, it } from 'vitest';
import { factsOf, groupsOf, hrefOf, isEditable, labelOf, notIn, refOf, webAddress, wordOf } from '../src/fields.js';
import { field, record } from './records.js';

describe('fields', () => {
  it('are grouped, named and ordered for people', () => {
    const r = record('r', { 'x.crm.open_deals': '2', 'party.zodiac': 'x', 'party.number': '+45', 'party.company': 'Acme', 'user.extension': '1001', 'x.erp.due': '1' });
    expect(groupsOf(r).map((g) => [g.title, g.rows.map((row) => [row.label, row.app ?? '', row.field?.value ?? ''].join('|'))])).toEqual([
      ['Person & company', ['Name||', 'Company||Acme', 'Number||+45', 'E-mail||', 'Zodiac||x']],
      ['App fields', ['Open deals|crm|2', 'Due|erp|1']],
      ['Own line', ['Extension||1001']],
    ]);
  });

  it('name a candidate by what tells them from others', () => {
    const one = { id: '17', source: 'crm', at: '', changed_at: '', fields: { 'party.name': 'Ann', 'party.company': 'Acme', 'party.email': 'a@acme.example' } };
    expect([refOf(one), factsOf(one)]).toEqual(['crm/17', { name: 'Ann', more: ['Acme', 'a@acme.example'] }]);
    expect(factsOf({ ...one, fields: { 'party.email': 'a@acme.example' } })).toEqual({ name: 'a@acme.example', more: [] });
    expect(factsOf({ ...one, fields: {} }).name).toBe('17');
    expect(groupsOf(record('r', { 'party.candidate': 'crm/17' })).flatMap((g) => g.rows.map((row) => row.name))).not.toContain('party.candidate');
    expect(['party.bio', 'x.crm.open_deals', 'x.crm.shared.rating', 'notes'].map(labelOf)).toEqual(['About', 'Open deals', 'Rating', 'Notes']);
  });

  it('have a row though nothing is shown of them, where one looks', () => {
    const rows = groupsOf(record('r', {}, { state: 'closed' }), ['party.bio']).flatMap((g) => g.rows);
    expect(rows.map((r) => [r.name, r.field])).toEqual([['party.bio', undefined]]);
  });

  it('tell which apps know nothing of them', () => {
    const nothing = (source: string, ...fields: string[]) => ({ source, fields, at: '2026-11-22T10:00:00Z', round: 1 });
    const r = record('r', {}, { nothing: [nothing('erp', 'party.company'), nothing('crm', 'party.*'), nothing('web', 'x.web.rank')] });
    expect([notIn(r, 'party.company'), notIn(r, 'party.name'), notIn(r, 'user.name'), notIn(r)]).toEqual([['crm', 'erp'], ['crm'], [], ['crm', 'erp', 'web']]);
    expect(notIn(record('r', {}))).toEqual([]);
  });

  it('as received are shown only where they differ', () => {
    const names = (raw: string) => groupsOf(record('r', { 'party.number': '+45', 'party.number_raw': raw }, { state: 'closed' }))[0]?.rows.map((r) => r.name);
    expect([names('+45'), names('45')]).toEqual([['party.number'], ['party.number', 'party.number_raw']]);
  });

  it('that are emptied take back the own word, and no other', () => {
    const own = field('Ann', { source: 'user' });
    expect([wordOf(own, ' '), wordOf(own, 'Ann '), wordOf(own, 'Bo'), wordOf(field('Ann'), ''), wordOf(undefined, '')]).toEqual([null, undefined, 'Bo', undefined, undefined]);
  });

  it('of a closed record are not offered to be filled in', () => {
    expect(groupsOf(record('r', {}, { state: 'closed' }))).toEqual([]);
  });

  it('that the phone system says cannot be corrected', () => {
    const names = ['party.number', 'party.number_raw', 'call.state', 'user.extension', 'party.name', 'x.crm.deals', 'party.email'];
    expect(names.filter(isEditable)).toEqual(['party.name', 'x.crm.deals', 'party.email']);
  });
});

describe('links', () => {
  it('lead to mail and the web only', () => {
    expect(hrefOf('party.email', 'ann@acme.example')).toBe('mailto:ann@acme.example');
    expect(hrefOf('party.email', 'ann@acme.example?subject=x&body=y')).toBe('mailto:ann@acme.example%3Fsubject%3Dx%26body%3Dy');
    expect(hrefOf('party.email', 'no mail')).toBeUndefined();
    expect(hrefOf('party.website', 'acme.example/about')).toBe('https://acme.example/about');
    expect(hrefOf('x.crm.link', 'https://crm.example/1')).toBe('https://crm.example/1');
    for (const bad of ['javascript:alert(1)', ' javascript:alert(1)', 'data:text/html,x', '//evil.example', 'java\nscript:alert(1)', 'https://']) {
      expect(hrefOf('party.website', bad), bad).toBeUndefined();
    }
    expect(webAddress('file:///etc/passwd')).toBeUndefined();
  });
});
