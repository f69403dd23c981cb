// Package telephony holds the words of the product: what a call, a leg and a party are, what a PBX says about them
// (observations) and what we conclude from it (changes).
//
// It is the ground floor: plain values, no I/O, no goroutines, no clock. Every value is safe to copy unless its comment
// says otherwise. Names are the telephone's, not a vendor's: channel, Uniqueid, dialog and bridge technology stay inside
// the connector that speaks them.
package telephony
