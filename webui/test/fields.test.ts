import { describe, expect, it } from 'vitest';
import { groupsOf, hrefOf, isEditable, webAddress } from '../src/fields.js';
import { record } from './records.js';

describe('fields', () => {
  it('are grouped, named and ordered for people', () => {
    const r = record('r', { 'x.crm.open_deals': '2', 'party.zodiac': 'x', 'party.number': '+45', 'party.company': 'Acme', 'user.extension': '1001', 'x.erp.due': '1' });
    expect(groupsOf(r).map((g) => [g.title, g.rows.map((row) => [row.label, row.app ?? '', row.field?.value ?? ''].join('|'))])).toEqual([
      ['Person & company', ['Name||', 'Company||Acme', 'Number||+45', 'E-mail||', 'Zodiac||x']],
      ['App fields', ['Open deals|crm|2', 'Due|erp|1']],
      ['Own line', ['Extension||1001']],
    ]);
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
