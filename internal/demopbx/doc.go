// Package demopbx is a small PBX that speaks AMI (the Asterisk Manager Interface) over TCP the way Asterisk 22 does: same
// greeting, same header names in the same order, same order of messages, same list answers, same escaping and same way of
// cutting off a slow reader. It has no telephony: what its phones do comes from scenario files, from [PBX.Act], from a random
// load or from the endless demo. It serves `callboard demo`, load tests and fault tests through the connector a real PBX
// uses, and never takes the place of a real PBX in a conformance claim.
//
// It is an office of six phones and a trunk with what offices do: ring groups, hunting, a queue, transfers by the phone and
// by feature code, parking, pick-up, forwards, voicemail, recording, listening in, conference rooms. An AMI client may
// control its calls with the actions that ListCommands names.
//
// # Promises
//
//   - Events of one session arrive in the order in which they happened. As in Asterisk, one session's answers go out
//     before events still waiting for that session: a snapshot may be followed by events that it already contains.
//   - No call into this package waits for a client's socket, except those of an AMI client's own. A session that does not
//     take its bytes is cut after [Options.WriteTimeout] (Asterisk: 100 ms), or when its queue passes 16 MiB.
//   - Everything is safe for concurrent use. [PBX.Play], [PBX.Load] and [PBX.Demo] block and may run side by side. What they
//     do happens in order of the PBX's clock, each step at exactly its own time, however late the machine is.
//   - With [Options.Seed] zero every choice that Asterisk leaves open (who hangs up first, DialBegin before or after
//     Newstate) takes its commonest form. With another seed the choices vary, the same way for the same calls.
//   - A phone does only what somebody said: one that an AMI client makes ring rings until [PBX.Act], [Options.PickUp] or the
//     client's timeout.
//   - [PBX.Close] returns when every goroutine it started has ended.
//
// # What not to assume
//
// It sends no TestEvent, RTCP*, Cdr or QueueMemberStatus. Its dialplan is fixed. See DESIGN.md for what was taken from
// recorded traces, what from Asterisk's source, and what differs.
//
// The package does not use the AMI code of the connector: it is the other end of the wire, and must not share its mistakes.
package demopbx
