// The contract's types (api/openapi.yaml) under the product's words.
import type { components } from './api.gen.js';

type Schemas = components['schemas'];

export type WireRecord = Schemas['Record'];
export type Field = Schemas['Field'];
export type Claim = Schemas['Claim'];
export type BlankField = Schemas['BlankField'];
export type Nothing = Schemas['Nothing'];
export type NewClaim = Schemas['NewClaim'];
export type Lookup = Schemas['Lookup'];
export type Item = Schemas['Item'];
export type NewItem = Schemas['NewItem'];
export type Call = Schemas['Call'];
export type View = Schemas['View'];
export type Party = Schemas['Party'];
export type TimelineEntry = Schemas['TimelineEntry'];
export type Settled = Schemas['Settled'];
export type Quality = Schemas['Quality'];
export type Moment = Schemas['Moment'];
export type RecordState = Schemas['RecordState'];
export type CallState = Schemas['CallState'];
export type Direction = Schemas['Direction'];
export type Result = Schemas['Result'];
export type EndedBy = Schemas['EndedBy'];
export type Known = Schemas['Known'];
export type App = Schemas['App'];
export type AppChange = Schemas['AppChange'];
export type AppList = Schemas['AppList'];
export type Contention = Schemas['Contention'];
export type Cycle = Schemas['Cycle'];
export type Status = Schemas['Status'];
export type Line = Schemas['Line'];
export type Link = Schemas['Link'];
export type Ability = Schemas['Ability'];
export type Permission = Schemas['Permission'];
export type CommandName = Schemas['CommandName'];
export type Command = Schemas['Command'];
export type Placed = Schemas['Placed'];
export type Commanded = Schemas['Commanded'];
export type Written = Schemas['Written'];
export type Answer = Schemas['Answer'];
export type CallLog = Schemas['CallLog'];
export type LogEntry = Schemas['LogEntry'];
export type LogView = Schemas['LogView'];
export type NewErasure = Schemas['NewErasure'];
export type Erasure = Schemas['Erasure'];
export type Session = Schemas['Session'];
export type Problem = Schemas['Problem'];
export type Progressed = Schemas['Progressed'];
export type RecordList = Schemas['RecordList'];
export type WireWork = Schemas['Work'];
export type Webhook = Schemas['Webhook'];
export type WebhookFilter = Schemas['WebhookFilter'];
export type WebhookWork = Schemas['WebhookWork'];
export type NewWebhook = Schemas['NewWebhook'];
export type WebhookChange = Schemas['WebhookChange'];
export type WebhookSecret = Schemas['WebhookSecret'];
export type Delivery = Schemas['Delivery'];
export type Attempt = Schemas['Attempt'];
export type DeliveryList = Schemas['DeliveryList'];

export type NotificationType = Schemas['NotificationType'];

type CallType = Extract<NotificationType, `call.${string}`>;
type ItemType = Extract<NotificationType, `item.${string}`>;

/** What `data` holds, by the notification's type. */
export type DataOf<T extends NotificationType> =
  T extends 'record.opened' | 'record.joined' | 'record.added' | 'record.newest' ? Schemas['RecordData']
  : T extends 'record.changed' ? Schemas['ChangedData']
  : T extends 'record.settled' ? Schemas['SettledData']
  : T extends 'record.closed' | 'record.removed' ? Schemas['RevData']
  : T extends 'record.erased' ? Schemas['ErasedData']
  : T extends CallType ? Schemas['CallData']
  : T extends ItemType ? Schemas['ItemData']
  : T extends 'field.contended' ? Schemas['ContendedData']
  : T extends `app.${string}` | `webhook.${string}` ? Schemas['AppData']
  : T extends 'pbx.connected' | 'pbx.lost' ? Schemas['LinkData']
  : T extends 'pbx.gap' ? Schemas['GapData']
  : T extends 'work' ? WireWork
  : T extends 'bookmark' ? Schemas['BookmarkData']
  : T extends 'reset' ? Schemas['ResetData']
  : never;

/** A CloudEvents 1.0 envelope; `id` is the cursor `epoch:seq`, except for `work`. */
export type NotificationOf<T extends NotificationType> =
  Omit<Schemas['Notification'], 'type' | 'data'> & { type: T; data: DataOf<T> };

/** Any notification; `switch (n.type)` tells which. */
export type Notification = { [T in NotificationType]: NotificationOf<T> }[NotificationType];
