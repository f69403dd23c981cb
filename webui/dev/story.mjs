// What happens on the toy board: one call from the first ring to the end, and what was there before.

export const ago = (seconds) => new Date(Date.now() - seconds * 1000);

export function newCall(direction, state, at, more = {}) {
  return {
    id: 'c' + Math.random().toString(36).slice(2, 8), direction, state, started_at: at.toISOString(), complete: true, muted: false, parked: false,
    conference: false, recorded: 'unknown', monitored: 'unknown', encrypted: 'unknown', secure_line: 'unknown', legs: [], views: [],
    timeline: [{ at: at.toISOString(), what: state === 'ended' ? 'ringing' : state }], ...more,
  };
}

const OWN = { 'user.name': ['pbx', 'Alice Example'], 'user.extension': ['pbx', '1001'] };

export function past(board) {
  const ended = (direction, started, answered, over, result, by) => newCall(direction, 'ended', ago(started), {
    ...(answered ? { answered_at: ago(answered).toISOString() } : {}), ended_at: ago(over).toISOString(), result, ended_by: by,
    timeline: [
      { at: ago(started).toISOString(), what: direction === 'outbound' ? 'dialing' : 'ringing' },
      ...(answered ? [{ at: ago(answered).toISOString(), what: 'connected' }] : []),
      { at: ago(over).toISOString(), what: 'ended' },
    ],
  });
  const old = [
    [90000, { 'party.number': ['pbx', '+4733378901'], 'party.name': ['crm', 'Ingrid Solberg'], 'party.company': ['crm', 'Fjord Logistics'] }, ended('inbound', 90000, 89990, 89700, 'answered', 'other')],
    [7400, { 'party.number': ['pbx', '+441632960961'] }, ended('inbound', 7400, 0, 7370, 'missed', 'other')],
    [5200, { 'party.number': ['pbx', '1017'], 'party.name': ['pbx', 'Jonas Berg', 'guess'] }, ended('internal', 5200, 5192, 5000, 'answered', 'self')],
    [3100, { 'party.number': ['pbx', '+33199001234'], 'party.name': ['crm', 'Claire Moreau'], 'party.company': ['crm', 'Atelier Moreau'] }, ended('outbound', 3100, 0, 3080, 'busy', 'other')],
  ];
  for (const [at, fields, call] of old) board.settle(board.open('call', { ...fields, ...OWN }, call, ago(at)), 1, 210);
  board.settle(board.open('lookup', { 'party.number': ['user', '+4790123456'], 'party.company': ['crm', 'Nordlys Bakeri'] }, undefined, ago(1800)), 1, 180);
}

export function ring(board, at = new Date()) {
  const call = newCall('inbound', 'ringing', at, {
    views: ['1001', '1002'].map((extension) => ({
      extension, direction: 'inbound', state: 'ringing', started_at: at.toISOString(), party: { number: '4512345678', name: 'LARSEN M' }, dialed: '1001',
      timeline: [{ at: at.toISOString(), what: 'ringing' }],
    })),
  });
  return board.open('call', {
    'party.number': ['pbx', '+4512345678'], 'party.number_raw': ['pbx', '4512345678'], 'party.name': ['pbx', 'LARSEN M', 'guess'], ...OWN,
  }, call, at);
}

export function roundOne(board, r, at = new Date()) {
  board.claim(r, 'address-book', [
    { field: 'party.name', value: 'Mette Larsen' }, { field: 'party.company', value: 'Havn & Larsen A/S' }, { field: 'party.email', value: 'mette@havnlarsen.example' },
    { field: 'party.job_title', value: 'Head of purchasing' },
  ], 1, at);
}

export function roundTwo(board, r, at = new Date()) {
  board.claim(r, 'crm', [
    { field: 'party.name', value: 'Mette K. Larsen', quality: 'derived' }, { field: 'party.website', value: 'havnlarsen.example' },
    { field: 'x.crm.account_manager', value: 'Jonas Berg' }, { field: 'x.crm.open_deals', value: '2 open, 48 000 EUR' },
  ], 2, at);
  board.claim(r, 'accounts', [{ field: 'x.accounts.unpaid', value: 'Invoice 20261, 1 240.00 EUR, 12 days late' }], 2, at);
  board.item(r, 'history', 'tickets', { title: 'Ticket 4711: pallets arrived damaged', text: 'Closed three weeks ago.', url: 'https://tickets.example/4711' }, at);
  board.item(r, 'notes', 'crm', { text: 'Asked for a quote on the spring order. Prefers to be called before ten.' }, at);
}

export const answer = (board, r, at = new Date()) =>
  board.call(r, 'call.answered', { state: 'connected', answered_at: at.toISOString(), recorded: 'yes', encrypted: 'no' }, 'connected', at);
export const hold = (board, r, at = new Date()) => board.call(r, 'call.held', { state: 'held' }, 'held', at);
export const resume = (board, r, at = new Date()) => board.call(r, 'call.resumed', { state: 'connected' }, 'resumed', at);
export const end = (board, r, at = new Date()) =>
  board.call(r, 'call.ended', { state: 'ended', ended_at: at.toISOString(), result: 'answered', ended_by: 'other' }, 'ended', at);

/** The whole story in order; `wait(seconds)` resolves when the next step is due. */
export async function tell(board, wait) {
  const r = ring(board);
  await wait(0.8);
  roundOne(board, r);
  await wait(0.8);
  roundTwo(board, r);
  board.settle(r, 2, 412);
  await wait(5);
  answer(board, r);
  await wait(12);
  hold(board, r);
  await wait(5);
  resume(board, r);
  await wait(10);
  end(board, r);
}

/** Still pictures of the page's states, for looking at. */
export const scenes = {
  empty: () => undefined,
  idle: past,
  ringing(board) {
    past(board);
    const r = ring(board, ago(6));
    roundOne(board, r, ago(5.5));
  },
  talking(board) {
    past(board);
    const r = ring(board, ago(102));
    roundOne(board, r, ago(101.4));
    roundTwo(board, r, ago(101));
    board.settle(r, 2, 412);
    answer(board, r, ago(94));
    hold(board, r, ago(60));
    resume(board, r, ago(48));
    const second = board.open('call', { 'party.number': ['pbx', '1017'], 'party.name': ['pbx', 'Jonas Berg', 'guess'], ...OWN }, newCall('internal', 'held', ago(300), { answered_at: ago(290).toISOString() }), ago(300));
    board.settle(second, 0, 3);
    return r;
  },
  lost(board) {
    const r = scenes.talking(board);
    board.link('lost', 'The connection to 10.0.0.5:5038 was refused.', 'Check that Asterisk is running and that its manager listens there.');
    r.complete = r.call.complete = false;
    board.call(r, 'call.ended', { state: 'ended', ended_after: ago(30).toISOString(), ended_before: ago(4).toISOString(), result: 'unknown', encrypted: 'yes' }, 'gap');
  },
  people(board) {
    past(board);
    const r = ring(board, ago(9));
    board.item(r, 'party.candidates', 'crm', { id: '17', fields: { 'party.name': 'Mette Larsen', 'party.company': 'Havn & Larsen A/S', 'party.job_title': 'Head of purchasing' } }, ago(8));
    board.item(r, 'party.candidates', 'crm', { id: '18', fields: { 'party.name': 'Søren Holm', 'party.company': 'Havn & Larsen A/S' } }, ago(8));
    board.item(r, 'party.candidates', 'address-book', { id: 'a9', fields: { 'party.name': 'Reception', 'party.email': 'post@havnlarsen.example' } }, ago(8));
    board.claim(r, 'history', [{ field: 'party.candidate', value: 'crm/18', quality: 'derived' }], 2, ago(8));
    board.claim(r, 'crm', [{ field: 'party.bio', value: 'Buys pallets' }], 1, ago(7));
    r.contended = { 'party.bio': { sources: ['accounts', 'crm'], at: ago(7).toISOString(), wave: r.wave } };
    board.apps[1] = { ...board.apps[1], may: ['dial'], claim: ['party.*', 'links', 'x.crm.*'], read: ['party.*', 'notes'], max_quality: 'derived', quarantined: [{ field: 'party.bio', since: ago(600).toISOString() }] };
    board.apps[2] = { ...board.apps[2], connected: false, needs: undefined, gives: undefined };
    board.cycles = [{ apps: ['accounts', 'crm'], fields: ['party.bio', 'party.company'] }];
    board.settle(r, 2, 240);
  },
  log(board) {
    past(board);
    const names = [['Mette Larsen', 'Havn & Larsen A/S'], ['Søren Holm', 'Holm Marine'], ['Claire Moreau', 'Atelier Moreau'], [], ['Ingrid Solberg', 'Fjord Logistics']];
    for (let i = 1; i <= 180; i++) {
      const [name, company] = names[i % names.length];
      const [from, to] = [ago(i * 9000 + 700), ago(i * 9000)];
      const missed = i % 4 === 0;
      const call = newCall(i % 3 ? 'inbound' : 'outbound', 'ended', from, { ended_at: to.toISOString(), result: missed ? 'missed' : 'answered', ended_by: 'other', ...(!missed && { answered_at: ago(i * 9000 + 690).toISOString() }) });
      const fields = { 'party.number': ['pbx', `+45123456${String(i).padStart(2, '0').slice(-2)}`], ...(name && { 'party.name': ['crm', name], 'party.company': ['crm', company] }), ...OWN };
      const r = board.open('call', fields, call, from);
      if (i % 7 === 0) board.item(r, 'notes', 'user', { text: 'Call back on +45 87 65 43 21 before ten.' }, to);
      Object.assign(r, { state: 'closed', closed_at: to.toISOString() });
    }
    const r = [...board.records.values()].at(-3);
    board.reopen(r);
    board.claim(r, 'crm', [{ field: 'party.job_title', value: 'Head of purchasing' }, { field: 'party.bio', value: 'Moved to +44 1632 960961 in spring' }], 1);
    board.item(r, 'links', 'tickets', { title: 'Ticket 4711: pallets arrived damaged', url: 'https://tickets.example/4711' });
    board.settle(r, 1, 240);
  },
  hostile(board) {
    past(board);
    const nasty = '<img src=x onerror=alert(1)>"\u202Egnp.exe\u2066 ' + 'Zalgo'.repeat(20);
    const r = board.open('call', { 'party.number': ['pbx', '+4512345678'], 'party.name': ['pbx', nasty, 'guess'], 'party.company': ['crm', 'شركة الاختبار'], 'party.website': ['crm', 'javascript:alert(1)'], ...OWN }, newCall('inbound', 'ringing', ago(3)), ago(3));
    board.claim(r, 'x', [{ field: 'x.x.' + 'very_long_name_'.repeat(6), value: 'w'.repeat(300) }, { field: 'party.bio', value: '<script>alert(2)</script>\n{{7*7}}' }], 1);
    board.item(r, 'links', 'x', { title: '</script><script>alert(3)</script>', url: 'javascript:alert(4)' });
  },
};
