//go:build !crashpoints || !unix

// Package crash names the places at which the program is killed in tests, as by kill -9: `go build -tags crashpoints`. In
// what is given out they do nothing.
package crash

// Here is such a place.
func Here(string) {}
