package app

import (
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/server/servertest"
)

// TestAddressesStay: what the PBX was asked about a call is known still when the PBX is seen again, after a lost link and after a restart, and no
// app is told that it is not.
func TestAddressesStay(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	c := settings(pbx.Addr(), t.TempDir())
	p := start(t, c)
	p.connected()
	play(t, pbx, scenario(t, `0.0 outside +4512345678 "Ann" calls 5550101, rings 1001
0.1 1001 answers`))
	id := p.until("the answer", kind("call.answered")).Subject
	isKnown := func() bool {
		r := p.record(id)
		return r.Value("party.ip") != "" && r.Value("user.ip") != "" && r.Call.Encrypted != api.KnownUnknown && r.Call.SecureLine != api.KnownUnknown
	}
	if !isKnown() {
		p.until("the PBX to have answered", func(servertest.Notification) bool { return isKnown() })
	}
	quietUntil := func(what, kind string) {
		t.Helper()
		p.until(what, func(n servertest.Notification) bool {
			switch told := n.Payload.(type) {
			case *api.ChangedData:
				for field := range told.Fields {
					if strings.HasSuffix(field, ".ip") {
						t.Errorf("before %s an app is told of %s: %+v", what, field, told.Fields[field])
					}
				}
			case *api.CallData:
				if told.Call.Encrypted == api.KnownUnknown || told.Call.SecureLine == api.KnownUnknown {
					t.Errorf("before %s: encrypted %s, secure line %s", what, told.Call.Encrypted, told.Call.SecureLine)
				}
			}
			return string(n.Type) == kind
		})
		if !isKnown() {
			t.Errorf("after %s: %+v", what, p.record(id).Fields)
		}
	}
	pbx.DropConnections(false)
	quietUntil("the link is back", "pbx.gap")
	p.stop()
	p = resume(t, c, p.last)
	quietUntil("the start", "pbx.gap")
	hangUpAll(t, pbx)
	quietUntil("the end", "call.ended")
}
