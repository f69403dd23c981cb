// Package rules holds no code: its tests are the rules of the house - who may import whom, what must be documented, what
// must be current. A rule that is not a test is a wish.
package rules
