package ami

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// knownActions are those of an Asterisk 22.10 with all that an office needs, as its ListCommands names them.
var knownActions = strings.Fields(`AbsoluteTimeout AOCMessage Atxfer BlindTransfer Bridge BridgeDestroy BridgeInfo BridgeKick BridgeList
	CancelAtxfer Challenge Command ConfbridgeKick ConfbridgeList ConfbridgeListRooms ConfbridgeMute CoreSettings CoreShowChannels CoreStatus
	CreateConfig DBGet DBPut DeviceStateList ExtensionState ExtensionStateList Filter GetConfig Getvar Hangup ListCommands Login Logoff
	MailboxStatus MessageSend MixMonitor MixMonitorMute ModuleLoad MuteAudio Originate Park ParkedCalls Parkinglots Ping PJSIPHangup PJSIPNotify
	PJSIPShowContacts PJSIPShowEndpoint PlayDTMF PresenceState QueueAdd QueuePause QueueStatus QueueSummary Redirect Reload SendText Setvar
	Status StopMixMonitor UpdateConfig UserEvent WaitEvent`)

var camel = regexp.MustCompile(`^[A-Z][a-z]+[A-Za-z]+$`)

// spoken are the actions that the package sends and the events that it maps, by the literals in its sources.
func spoken(t *testing.T) (actions, events map[string]bool) {
	t.Helper()
	actions, events = map[string]bool{}, map[string]bool{}
	known := map[string]bool{}
	for _, name := range knownActions {
		known[name] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		cases := name == "mapper.go" || name == "placed.go" || name == "connector.go"
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if text, _ := strconv.Unquote(n.Value); n.Kind == token.STRING && known[text] {
					actions[text] = true
				}
			case *ast.CaseClause:
				for _, e := range n.List {
					if lit, ok := e.(*ast.BasicLit); ok && cases && lit.Kind == token.STRING {
						if text, _ := strconv.Unquote(lit.Value); camel.MatchString(text) && !technologies[text] {
							events[text] = true
						}
					}
				}
			}
			return true
		})
	}
	return actions, events
}

// technologies are kinds of channels that the mapper tells apart.
var technologies = map[string]bool{"Local": true, "Announcer": true, "Bridge": true, "Message": true, "Recorder": true, "Snoop": true, "Surrogate": true}

// TestProtocolsSaysAll holds that docs/protocols.md has a row for all that is spoken, and that all that it says is sent is.
func TestProtocolsSaysAll(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/protocols.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	said := map[string]bool{} // with the status yes
	table := ""
	for line := range strings.SplitSeq(string(text), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 6 {
			continue
		}
		if first := strings.TrimSpace(cells[1]); strings.HasPrefix(first, "we ") {
			table = first
			continue
		}
		for _, word := range regexp.MustCompile(`[A-Z][A-Za-z]+`).FindAllString(regexp.MustCompile(`\(.*?\)`).ReplaceAllString(cells[1], ""), -1) {
			rows[word] = true
			if table == "we send" && strings.TrimSpace(cells[len(cells)-2]) == "yes" {
				said[word] = true
			}
		}
	}
	actions, events := spoken(t)
	if len(actions) < 20 || len(events) < 20 {
		t.Fatalf("found %d actions and %d events", len(actions), len(events))
	}
	for name := range actions {
		if !rows[name] {
			t.Errorf("docs/protocols.md has no row for the action %s", name)
		}
	}
	for name := range events {
		if !rows[name] {
			t.Errorf("docs/protocols.md has no row for the event %s", name)
		}
	}
	for name := range said {
		if !actions[name] {
			t.Errorf("docs/protocols.md says that %s is sent; it is not", name)
		}
	}
	source, err := os.ReadFile("connector.go")
	if err != nil {
		t.Fatal(err)
	}
	mask := regexp.MustCompile(`"Events", "([a-z,]+)"`).FindSubmatch(source)
	if mask == nil || !strings.Contains(string(text), "`Events: "+string(mask[1])+"`") {
		t.Errorf("docs/protocols.md does not name the classes that are asked for: %s", mask)
	}
}
