// @callboard/sdk: read the calls on the board, add what you know, hear what the others added.
export { Board, connect, newKey, newNoteId } from './board.js';
export type {
  AnyHandler, ClaimOptions, CommandOptions, ConnectOptions, ErrorHandler, Handler, LinkState, ListHandler, LogQuery, NoteOptions, RecordBound, StatusHandler, WatchOptions,
} from './board.js';
export type { Claims, ClaimValue, Enricher, EnrichHandler, Reply, Work } from './enrich.js';
export { CallboardError } from './error.js';
export { exchangeCode, type TokenSource } from './http.js';
export type { BoardRecord, Values } from './record.js';
export type { Retry, WatchFilter } from './stream.js';
export type { Webhooks } from './webhooks.js';
export type {
  Ability, App, AppChange, AppList, Attempt, BlankField, Call, CallLog, CallState, Claim, Command, CommandName, Contention, Cycle, DataOf, Delivery, DeliveryList, Direction, EndedBy, Erasure, Field, Item, Known, Line, Link, LogEntry, LogView, Lookup, Moment, NewClaim, NewErasure, NewItem, NewWebhook, Nothing, Notification,
  NotificationOf, NotificationType, Party, Permission, Problem, Quality, RecordState, Result, Session, Settled, Status, TimelineEntry, View,
  Webhook, WebhookChange, WebhookFilter, WebhookSecret, WebhookWork, WireRecord, Written,
} from './wire.js';
