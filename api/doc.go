// Package api is the public contract of Callboard: openapi.yaml, and the Go types generated from it.
//
// The specification comes first; models.gen.go is never edited by hand. Server and client share these types, so that
// neither can drift from the document. There is no behaviour here.
package api

import _ "embed"

//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config oapi-codegen.yaml openapi.yaml

// Spec is the OpenAPI document itself, served at /v1/openapi.yaml.
//
//go:embed openapi.yaml
var Spec []byte
