//go:build race

package board_test

// plays is how often a property is tried where nothing else is said: the race detector makes each ten times as slow.
const plays = "200"
