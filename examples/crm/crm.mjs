// A CRM for Callboard in JavaScript: it knows companies but no numbers. Once another app has said for which company the
// caller works, it adds the account manager, the open deals and a link to the account's page.
//
//   CALLBOARD_URL=http://127.0.0.1:8747 CALLBOARD_TOKEN=… node examples/crm/crm.mjs
//
// Needs Node 20 or later, and nothing installed. examples/crm/accounts is the same app in Go, on the same data.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { connect } from '../../sdk/js/dist/callboard.js';

const normal = (company) => company.trim().split(/\s+/).join(' ').toLowerCase();
const file = new URL('./accounts.json', import.meta.url);
const accounts = new Map(JSON.parse(readFileSync(file, 'utf8')).map((a) => [normal(a.company), a]));

const say = (what, facts = {}) => console.error(JSON.stringify({ time: new Date().toISOString(), app: 'crm', msg: what, ...facts }));
const fail = (error) => {
  console.error(`crm: ${error.message}`);
  process.exit(1);
};

function options() {
  const { values } = parseArgs({ options: { url: { type: 'string' }, token: { type: 'string' } } });
  const url = values.url ?? process.env.CALLBOARD_URL;
  const token = values.token ?? process.env.CALLBOARD_TOKEN;
  if (!url || !token) throw new Error('CALLBOARD_URL and CALLBOARD_TOKEN must be set: `callboard app add crm` prints both');
  return { url, token };
}

async function main() {
  const board = await connect({
    ...options(),
    onStatus: (state, error) => {
      say('link to Callboard', { state, reason: error?.message });
      if (state === 'unauthorized') fail(error ?? new Error('the token is not accepted'));
    },
  });
  const { source: app } = await board.status(); // an app's own fields begin with x. and its id
  const own = (field) => `x.${app}.${field}`;

  board.enrich({
    needs: ['party.company'],
    gives: [own('account_manager'), own('open_deals'), own('segment'), 'party.website', 'party.company_location'],
  }, (record, work) => {
    const company = record.party.company ?? '';
    const a = accounts.get(normal(company));
    if (!a) {
      say('no account', { record: record.id, company });
      return; // looked, and has nothing
    }
    say('account', { record: record.id, company, account: a.id, manager: a.account_manager, round: work.round });
    return {
      claims: {
        [own('account_manager')]: a.account_manager,
        [own('open_deals')]: a.open_deals.length ? `${a.open_deals.length}: ${a.open_deals.join('; ')}` : 'none',
        [own('segment')]: a.segment,
        'party.website': a.website,
        'party.company_location': a.location,
      },
      // With an id of its own the link is replaced, not added again, when the company is corrected.
      items: [{ list: 'links', id: 'account', title: `${a.company} in the CRM`, url: `https://crm.example/accounts/${encodeURIComponent(a.id)}` }],
    };
  });
  say('CRM is open', { accounts: accounts.size });

  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => board.close().then(() => process.exit(0), fail));
  }
}

main().catch(fail);
