package ami

// find is findInWords with SSE2, which every amd64 has.
//
//go:noescape
func find(b *blocks, text []byte)
