package tracker_test

import (
	"fmt"
	"testing"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// BenchmarkApply is one call from ring to hang-up at a PBX where so many others talk. Times are per observation.
func BenchmarkApply(b *testing.B) {
	for _, others := range []int{0, 100, 1000} {
		b.Run(fmt.Sprintf("others=%d", others), func(b *testing.B) {
			s := newScene(b, "1001")
			for i := range others {
				from, to := telephony.LegID(fmt.Sprint("X", i)), telephony.LegID(fmt.Sprint("Y", i))
				s.see(caller(from, trunk, bob, "", "1"), called(to, "PJSIP/2001", "2001", ""), dials(from, to), up(to),
					fact(telephony.BridgeEntered{Bridge: string(from), Leg: from}), fact(telephony.BridgeEntered{Bridge: string(from), Leg: to}))
			}
			story := join(inbound(), answered(), observations{asks("A"), leaves("A"), leaves("B"), gone("B", 16), gone("A", 16)})
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				at := i % len(story)
				if at == 0 {
					for j := range story {
						story[j] = renumber(story[j], i)
					}
				}
				s.Apply(story[at])
			}
		})
	}
}

// renumber gives the legs of one round ids of their own, as a PBX does.
func renumber(o telephony.Observation, n int) telephony.Observation {
	id := func(l telephony.LegID) telephony.LegID { return telephony.LegID(fmt.Sprint(string(l[:1]), n)) }
	for i := range o.Legs {
		o.Legs[i].Leg = id(o.Legs[i].Leg)
	}
	switch f := o.Fact.(type) {
	case telephony.LegAdded:
		f.Leg = id(f.Leg)
		o.Fact = f
	case telephony.DialBegan:
		f.From, f.To = id(f.From), id(f.To)
		o.Fact = f
	case telephony.DialEnded:
		f.From, f.To = id(f.From), id(f.To)
		o.Fact = f
	case telephony.BridgeEntered:
		f.Leg = id(f.Leg)
		o.Fact = f
	case telephony.BridgeLeft:
		f.Leg = id(f.Leg)
		o.Fact = f
	case telephony.HangupAsked:
		f.Leg = id(f.Leg)
		o.Fact = f
	case telephony.LegGone:
		f.Leg = id(f.Leg)
		o.Fact = f
	}
	return o
}
