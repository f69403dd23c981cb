package ami

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// core are actions that every Asterisk has, with what the manager says of them (Asterisk 22.10).
var core = map[string]string{
	"Challenge": "<none>", "Login": "<none>", "Ping": "<none>", "ListCommands": "<none>", "QueueStatus": "<none>",
	"Status": "system,call,reporting,all", "Hangup": "system,call,all", "Redirect": "call,all", "BlindTransfer": "call,all",
	"Atxfer": "call,all", "PlayDTMF": "call,all", "Getvar": "call,reporting,all", "Originate": "originate,all",
	"CoreSettings": "system,reporting,all", "CoreStatus": "system,reporting,all", "DBPut": "system,all", "Command": "command,all",
	"UpdateConfig": "config,all", "Reload": "system,config,all", "QueueAdd": "agent,all", "UserEvent": "user,all",
	"AOCMessage": "aoc,all", "MessageSend": "message,all", "StopMixMonitor": "system,call,all", "MixMonitorMute": "system,call,all",
	"MixMonitor": "system,all", "Park": "call,all", "Bridge": "call,all", "ShowDialPlan": "config,reporting,all",
}

// account is what the manager would answer to an account with these classes.
func account(t *testing.T, more map[string]string, write ...string) Rights {
	t.Helper()
	var text strings.Builder
	text.WriteString("Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nActionID: cb-00000004\r\n")
	for _, actions := range []map[string]string{core, more} {
		for name, needs := range actions {
			if needs == "<none>" || slices.ContainsFunc(strings.Split(needs, ","), func(c string) bool { return slices.Contains(write, c) }) {
				fmt.Fprintf(&text, "%s: Does this: that, and (more).  (Priv: %s)\r\n", name, needs)
			}
		}
	}
	text.WriteString("\r\n")
	r := NewReader(strings.NewReader(text.String()))
	_, err := r.Banner()
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	return parseRights(m)
}

func TestClasses(t *testing.T) {
	t.Parallel()
	conference := map[string]string{"ConfbridgeList": "reporting,all"}
	for _, c := range []struct {
		write string
		more  map[string]string
		want  string
		many  string
	}{
		{"", nil, "", ""},
		{"call", nil, "call", ""},
		{"originate,call", nil, "call,originate", ""},
		{"reporting", nil, "reporting", ""},
		{"call,reporting", nil, "call,reporting", ""},
		{"system,call", nil, "system,call", "system"},
		{"system,reporting", conference, "system,reporting", "system"},
		{"system,call,reporting", conference, "system,call,reporting", "system"},
		{"command,config,call", nil, "call,command,config", "command,config"},
		{"config", nil, "config", "config"},
		{"all", conference, "system,call,command,agent,user,config,reporting,originate,aoc,message", "all"},
	} {
		r := account(t, c.more, strings.Split(c.write, ",")...)
		if got := strings.Join(r.Classes(), ","); got != c.want {
			t.Errorf("write = %s: classes %s, want %s", c.write, got, c.want)
		}
		if got := strings.Join(r.TooMany(), ","); got != c.many {
			t.Errorf("write = %s: too many %s, want %s", c.write, got, c.many)
		}
		for _, class := range r.TooMany() {
			if Why(class) == "" {
				t.Errorf("%s: nobody says why it is too much", class)
			}
		}
	}
}

func TestCan(t *testing.T) {
	t.Parallel()
	r := account(t, nil, "call")
	for action, want := range map[string]bool{"Hangup": true, "hangup": true, "Originate": false, "MixMonitor": false, "Ping": true, "Success": false, "": false} {
		if got := r.Can(action); got != want {
			t.Errorf("%s: %v, want %v", action, got, want)
		}
	}
	if (Rights{}).Can("Ping") || (Rights{}).Known() || !r.Known() {
		t.Error("nothing is known of nothing")
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	lacking := func(r Rights, action string) (Lack, bool) {
		for _, l := range r.Missing() {
			if l.Costs == "" || l.Line == "" || l.File == "" {
				t.Errorf("%+v does not say what it costs and what to do", l)
			}
			if l.Action == action {
				return l, true
			}
		}
		return Lack{}, false
	}
	notify := map[string]string{"PJSIPNotify": "system,all"}
	for _, c := range []struct {
		write, action, line, file string
		more                      map[string]string
		careful                   bool
	}{
		{"reporting", "Hangup", "write = call,reporting,originate", "manager.conf", nil, false},
		{"call", "Originate", "write = call,reporting,originate", "manager.conf", nil, false},
		{"call,originate", "PJSIPNotify", "write = system,call,reporting,originate", "manager.conf", notify, true},
		{"system,call", "PJSIPNotify", "load = res_pjsip_notify.so", "modules.conf", nil, true},
		{"system,call", "PJSIPNotify", "", "", notify, false},
		{"call", "MixMonitor", "write = system,call,reporting,originate", "manager.conf", nil, true},
		{"call", "Park", "", "", nil, false},
		{"call,user", "Originate", "write = call,user,reporting,originate", "manager.conf", nil, false},
		{"", "Status", "write = call,reporting,originate", "manager.conf", nil, false},
		{"system,call,config", "Originate", "write = system,call,reporting,originate", "manager.conf", nil, false},
	} {
		l, lacks := lacking(account(t, c.more, strings.Split(c.write, ",")...), c.action)
		if lacks != (c.line != "") || l.Line != c.line || l.File != c.file || (l.Careful != "") != c.careful {
			t.Errorf("write = %s, %s: %+v", c.write, c.action, l)
		}
	}
}
