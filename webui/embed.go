// Package webui holds the built web page, so that the program can serve it without any file beside it.
//
// It promises a read-only file system with index.html at its root and every file that the page asks for below it;
// anybody may use it at any time. The page needs no inline script or style and holds under a Content-Security-Policy of
// default-src 'none' with script, style and connections from 'self' only. It does not serve anything by itself and knows
// no routes.
package webui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var built embed.FS

// FS returns the page's files with index.html at the root.
func FS() fs.FS {
	page, err := fs.Sub(built, "dist")
	if err != nil {
		panic("webui: the folder dist is not in the program: " + err.Error()) // cannot happen: go:embed needs it to build
	}
	return page
}
