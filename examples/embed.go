// Package examples holds three unrelated apps for Callboard, to be copied: an address book, a CRM (in Go and in
// JavaScript) and a ticket desk. Each is a process of its own and an ordinary client of the public API.
//
// The package itself only carries the files of the JavaScript one, so that the demo can start it; there is no behaviour
// here. crm.mjs imports ../../sdk/js/dist/callboard.js: keep that layout where the files are written, and put a
// package.json with "type": "module" above the latter, as sdk/js has it.
package examples

import _ "embed"

// CRMScript is crm/crm.mjs, the CRM for Node 20 or later.
//
//go:embed crm/crm.mjs
var CRMScript []byte

// CRMAccounts is crm/accounts.json, the companies that both versions of the CRM know.
//
//go:embed crm/accounts.json
var CRMAccounts []byte
