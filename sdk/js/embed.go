// Package js holds the built JavaScript SDK, so that the program can serve it to apps as /sdk/callboard.js.
//
// It promises that the bytes are those of dist/callboard.js at build time: one ES module without imports. It does no
// I/O; anybody may call it at any time. Do not assume that it is minified, and do not change what Source returns.
package js

import _ "embed"

//go:embed dist/callboard.js
var source []byte

// Source returns the SDK as one ES module, UTF-8, to be served as text/javascript. The caller must not change it.
func Source() []byte { return source }
