//go:build crashpoints && unix

package crash

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// at is the place, and the pass from 1, of CALLBOARD_CRASH=place:pass.
var at, pass = chosen()

var passed atomic.Int64

func chosen() (string, int64) {
	place, number, _ := strings.Cut(os.Getenv("CALLBOARD_CRASH"), ":")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		n = 1
	}
	return place, n
}

// Here ends the program at the chosen place: nothing is flushed, no defer runs.
func Here(place string) {
	if place != at || passed.Add(1) != pass {
		return
	}
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until it comes
}
