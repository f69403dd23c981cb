// Package servertest holds answers of the API to the contract, for tests: statuses, media types and schemas of
// api/openapi.yaml, and no field that the contract does not have. It reads server-sent events as strictly.
//
// A Contract may be used from any goroutine. A Stream is for one goroutine; Next blocks until a frame or the stream's end.
// Do not take it for a client: what a client must forgive (a field that it does not know), this package reports.
package servertest
