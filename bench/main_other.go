//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: it measures with epoll and /proc, which only Linux has")
	os.Exit(1)
}
