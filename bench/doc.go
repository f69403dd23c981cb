// Bench measures Callboard beside the least that its work can cost, and beside servers that do part of it, all in one run on
// one machine: `make bench`. What is printed are ratios formed inside one repetition; README.md says what each means.
//
// A server runs alone in its process. Whoever publishes and all who follow are in this one: one thread and one epoll, the same
// for every server, and what arrives is searched for a mark and not decoded, so that no server pays for a slower client.
package main
