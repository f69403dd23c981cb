// Package phone is a SIP phone for tests: a desk phone that registers at a PBX, or the far end of a trunk.
//
// It does what a person with a phone does: dial, ring, answer, reject, redirect, hold, send digits,
// transfer blind or attended, hang up; and it sends audio while a call is up. It also writes down
// everything it sent and saw ([Phone.Log]), so that a test can hold another program's view of a call
// against what really happened on the wire.
//
// Promises: every method that waits returns when its context ends, with an error that says what it
// waited for. Methods may be called from any goroutine. Entries of the log are in the order in which
// they were sent or came off the wire. [Phone.Close] waits for all of the phone's goroutines.
//
// Do not assume a complete SIP stack. Transport is UDP or TLS (then with SDES-SRTP, RFC 4568), the only
// codec is PCMU, there are no proxies (Record-Route is ignored), registrations are not refreshed by
// themselves, and Close sends nothing: for the PBX it is a cable that was pulled.
//
// Transactions, parsing and transport are github.com/emiago/sipgo; dialogs (RFC 3261 section 12) are our
// own, since a test wants to do at each step what a well-made dialog layer would not let it do.
package phone
