// Package ami is the link to an Asterisk over its manager interface (AMI), Asterisk 16 to 23.
//
// It has two halves. The codec (Reader, Message, Action) knows bytes and none of our words: an ordered multimap of headers,
// bounded, one buffer, no allocation per message; a writer that cannot be made to write a second message. The mapper and the
// Connector turn messages into observations.
//
// A Connector holds exactly one TCP connection while Run is running, reports from one goroutine in wire order, and never
// reconnects by itself. The reading goroutine does nothing but parse, map and report: Asterisk cuts a manager that leaves
// its socket full for 100 ms (manager.conf writetimeout), so report must not block.
//
// Vendor sources: Asterisk main/manager.c, main/stasis_channels.c, main/manager_channels.c; docs.asterisk.org, AMI.
package ami
