//go:build !race

package board_test

// plays is how often a property is tried where nothing else is said.
const plays = "2000"
