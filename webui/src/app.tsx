import { useCallback, useEffect, useState } from 'preact/hooks';
import { Apps } from './apps.js';
import type { Desk } from './desk.js';
import { Banners, Header } from './header.js';
import { useDesk, useNow } from './hooks.js';
import { Phone } from './icons.js';
import { Keys, useKeys } from './keys.js';
import { List } from './list.js';
import { Record } from './record.js';
import { Offer, TelMenu, type Offered } from './tel.js';
import { Unsaved } from './unsaved.js';

export function App({ desk }: { desk: Desk }) {
  const state = useDesk(desk);
  const [keys, setKeys] = useState(false);
  const showKeys = useCallback(() => setKeys(true), []);
  const [apps, setApps] = useState(false);
  useKeys(desk, showKeys);
  const now = useNow(state.stream.state !== 'online');
  const live = state.records.find((r) => r.id === state.selection.id);
  const stored = state.stored?.id === state.selection.id ? state.stored : undefined;
  const record = live ?? stored;
  const [offered, setOffered] = useState<Offered>();
  const offer = useCallback((number: string, from: HTMLElement) => setOffered({ number, from }), []);
  const lines = state.status?.lines ?? [];
  useEffect(() => {
    document.title = state.alarm ? `☎ ${state.alarm.replace('Incoming call: ', '')}` : 'Callboard';
  }, [state.alarm]);
  return (
    <Offer.Provider value={offer}><div class="app" data-open={record && state.selection.open ? 'record' : 'list'} data-stream={state.stream.state}>
      <Header lines={lines} apps={state.apps} onApps={() => setApps(true)} onKeys={showKeys} />
      <Banners lines={lines} stream={state.stream} now={now} durable={state.status?.store.durable ?? true} problem={state.status?.store.problem} />
      <Unsaved desk={desk} />
      <div class="panes">
        <List desk={desk} records={state.records} selected={state.selection.id} lines={lines} />
        <main class="record-pane">{record ? <Record desk={desk} record={record} records={state.records} lines={lines} online={state.stream.state === 'online'} open={state.selection.open} fixed={!live || (live.state === 'closed' && state.reading === live.id)} /> : <Empty any={state.records.length > 0} />}</main>
      </div>
      <div class="visually-hidden" aria-live="polite" data-testid="said">{state.said}</div>
      <div class="visually-hidden" role="alert" data-testid="alarm">{state.alarm}</div>
      <Apps desk={desk} list={state.apps} open={apps} onClose={() => setApps(false)} now={now} />
      <Keys open={keys} onClose={() => setKeys(false)} />
      {offered && <TelMenu key={offered.number} desk={desk} lines={lines} offered={offered} onClose={() => setOffered(undefined)} />}
    </div></Offer.Provider>
  );
}

function Empty({ any }: { any: boolean }) {
  return (
    <div class="empty" data-testid="empty">
      <span class="empty-mark"><Phone /></span>
      <h2>{any ? 'Choose a call' : 'Nothing on the board yet'}</h2>
      <p>
        {any
          ? 'Its record opens here: who it is, what your apps know, and your notes.'
          : 'When your phone rings or you dial, the call appears here at once. Your apps then add what they know, and you can write notes before, during and after it.'}
      </p>
      {!any && <p>Or look up a number: what is gathered now is there when it rings.</p>}
    </div>
  );
}
