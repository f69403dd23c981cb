// Package server is the API: REST, server-sent events and WebSocket, and the page.
//
// It promises that a write is answered only after it is durable, that nothing is readable without a token, and that no
// reader slows another: each stream is a goroutine with a cursor of its own (D-7), fed from the store where memory does not
// reach back. Handlers may be called from any goroutine.
// The routes are generated from api/openapi.yaml; only this package knows HTTP status numbers.
package server

//go:generate go tool -modfile=../../tools/go.mod oapi-codegen -config oapi-codegen.yaml ../../api/openapi.yaml
