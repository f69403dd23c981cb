package board_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// B-17, mutated further: without B-15 two apps that answer each other do not end at all, whatever else is held; nor
// without B-11, which begins another wave with each answer; nor without B-5, when nobody has anything new to say.
func TestLoopsWithoutTheRules(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		off   string
		value func(turn int) string
		most  int // works that are enough to know
	}{
		{"", func(turn int) string { return fmt.Sprint(turn) }, 12},
		{"", func(int) string { return "same" }, 4},
		{"B-15", func(turn int) string { return fmt.Sprint(turn) }, 300},
		{"B-11", func(turn int) string { return fmt.Sprint(turn) }, 300},
		{"B-5", func(int) string { return "same" }, 5},
	} {
		s := newStage(t)
		s.SwitchOff(test.off)
		ping, pong := s.register("ping", "x.pong.n"), s.register("pong", "x.ping.n", "party.number")
		s.ring("c1", number)
		works := 0
		for idle := false; !idle && works <= test.most; {
			idle = true
			for _, en := range []*board.Enricher{ping, pong} {
				for _, w := range s.TakeWork(en, 10, s.now) {
					works, idle = works+1, false
					_, err := s.Answer(en.App, w.ID, board.Answer{Claims: []board.NewClaim{{Field: "x." + en.App + ".n", Value: test.value(works)}}}, s.now)
					if err != nil {
						wantCode(t, err, board.CodeSuspended)
					}
					s.show()
				}
			}
		}
		if ends := works <= test.most; ends != (test.off == "") {
			t.Errorf("without %q: %d works, the end at %d or before: %v", test.off, works, test.most, ends)
		}
	}
}

// B-15, no starvation: two apps that run in circles take nothing from a third. It is asked at once, is never refused, and
// what it says is there when the wave is over.
func TestGoodAppIsNotStarved(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		loops := []manner{counter, flapper, random, chatter, brief, late, crasher}
		bad := rapid.SliceOfN(rapid.SampledFrom(loops), 2, 2).Draw(rt, "loops")
		wrong := judged(func() { besideLoops(rt, bad) })
		if wrong != "" {
			rt.Fatalf("%v: %s", bad, wrong)
		}
	})
}

func besideLoops(rt *rapid.T, bad []manner) {
	p := newPlay(rt, "", bad)
	p.record = p.ring("c1", number)
	for _, pl := range p.players {
		pl.reg = board.Registration{Needs: []string{"x.*", "party.*"}}
		pl.en = p.Register(pl.name, pl.reg, p.now)
	}
	good := p.register("good", "party.number")
	for i, phone := range []string{number, "+4511111111", number, "+4522222222"} {
		if i > 0 {
			p.pbx("c1", telephony.CallUpdated, telephony.Ringing, phone)
			p.commit()
		}
		at := rapid.IntRange(0, 3).Draw(rt, "turn")
		for turn := range 4 {
			for _, pl := range p.players {
				p.act(pl)
				p.commit()
			}
			if turn == at {
				w := p.work(good)
				if w.Record.Value("party.number") != phone {
					p.t.Fatalf("asked about %s", w.Record.Value("party.number"))
				}
				p.answer(good, w, "x.good.name", "of "+phone)
			}
		}
		p.quiet()
		if got := p.Get(p.record).Value("x.good.name"); got != "of "+phone {
			p.t.Fatalf("in wave %d it reads %q", i, got)
		}
	}
	p.noWork(good)
}
