// Package durable holds no code: its tests kill the real program, at any instant and at named places, under a mixed load, and
// judge what its clients were told and the store has by package history (FLT-05); fill its disk and take its database away
// (FLT-07); and follow it with readers and apps that behave badly (FLT-08, FLT-09).
//
// `make test` kills it 200 times, `make kill N=10000` as often as one likes.
package durable
