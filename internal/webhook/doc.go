// Package webhook reaches apps at a URL that hold no stream (D-9). What it guarantees: every notification of a kind that
// matters by itself is delivered at least once, in the order of the log for each record, across restarts and kill -9, for as
// long as it can be tried (ten times over three days) and its queue has room; and whoever is told of a record is told its
// newest state. The price: a receiver may be told twice (webhook-id says so, it is the same for every attempt), a record whose
// head cannot be delivered waits for it while other records go on, and of record.changed, record.settled and call.updated
// only the newest of each is told where several wait: the body has the whole record as it is when it is sent, so these say
// nothing that the newest does not. All else - call.*, item.*, record.opened, closed, erased, joined, added, removed,
// field.contended, app.*, pbx.* - is told one by one. Nothing is lost silently: what is given up after the last attempt, or
// because the queue is full or the log no longer reaches back, is in the delivery log, and the last two also bring a reset
// with the newest state of every open record.
//
// The outbox is a list of references into the change log (webhook, record, seq), fed from the log by a cursor that is kept in
// the same transaction. So nothing is written on the way from the PBX to an app, no body is kept, and what is erased from the
// log is not delivered. A courier per webhook, one goroutine, owns its queue: what one target does, no other notices. At
// most 8 requests to a webhook are under way, one for each record.
//
// Work (B-10) is not kept: it is handed out by the board while the webhook is registered there as an enricher, tried again
// until its deadline and then over, as with an app on a stream. After three works in a row that failed the webhook is no
// enricher for a while; when it comes back, it is asked again what it has not answered.
//
// An app is not told of what it wrote itself. Requests are signed as Standard Webhooks has it. Where they may go, guard.go
// says (SEC-40): the address of every connection is judged, not the URL.
package webhook
