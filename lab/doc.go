// Package lab starts a real Asterisk 22 with real SIP phones on loopback addresses, for tests and for
// trying Callboard by hand.
//
// [Install] puts Asterisk into a cache folder once (the only step that needs root and the network).
// [Start] runs it as the calling user, without chroot or containers: its own configuration in a
// temporary folder, its own loopback network 127.A.B.0/24, so any number of labs run beside each other,
// also from test binaries that run in parallel. Within the network the usual ports are used: Asterisk is
// 127.A.B.1 (SIP 5060 udp and 5061 tls, AMI 5038 and 5039 tls, ARI 8088), the desk phones 1001 to 1006
// are 127.A.B.101 to .106, and the outside world is the trunk at 127.A.B.2.
//
// Promises: when Start returns, Asterisk is fully booted. [Lab.Stop] waits for the process and removes
// every file. Asterisk dies with the process that started it, even if that one is killed. All methods of
// a Lab may be called from any goroutine; Stop, Kill and Restart block until the process is gone or up.
//
// Do not assume that the lab is fast or silent: a boot takes about a second, more on a busy machine, and
// the numbers and accounts are a test fixture with known passwords. They are reachable on loopback only, but
// there by every user of the machine, who could through Asterisk do what you can: no lab on a machine that you
// share with people you do not trust. The lab runs on Linux only; elsewhere Install and Start say so.
package lab
