// Package office is everything that an office does with its telephones, as short scripts for the phones of a lab
// (package lab), and what a right tracker of calls has to say of each: the truth.
//
// The truth comes from the phones' own log, with its times, and from what the script made the phones do; never from
// what the PBX says over its manager interface. [Flows] lists the scripts. [Record] plays one and keeps every byte that
// a manager connection received meanwhile, so that a tracker can be judged without a PBX, again and again; [Open] and
// [Office.Play] play them for one that listens live.
//
// Do not assume that a flow gives the same bytes twice, nor that what the PBX does in it is what one would wish: the
// truth says what the people at the phones would say.
package office
