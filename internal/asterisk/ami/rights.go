package ami

import (
	"slices"
	"strings"
)

// Rights are what a manager account may do, as the PBX itself says: its answer to ListCommands names every action that
// the account may use. That action needs no right (main/manager.c, Asterisk 16 to 23). The zero Rights may nothing.
type Rights struct {
	actions map[string][]string // by name in small letters: the classes any of which is enough; empty where none is needed
	classes []string
}

// parseRights reads the answer to ListCommands: "Originate: Originate a call.  (Priv: originate,all)".
func parseRights(m *Message) Rights {
	r := Rights{actions: map[string][]string{}}
	for _, f := range m.Fields {
		_, tail, found := cutLast(string(f.Value), "(Priv: ")
		if !found {
			continue
		}
		var classes []string
		for class := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(tail), ")"), ",") {
			if class != "all" && class != "<none>" && class != "" {
				classes = append(classes, class)
			}
		}
		r.actions[strings.ToLower(string(f.Key))] = classes
	}
	r.classes = r.infer()
	return r
}

func cutLast(s, separator string) (before, after string, found bool) {
	if at := strings.LastIndex(s, separator); at >= 0 {
		return s[:at], s[at+len(separator):], true
	}
	return s, "", false
}

// writeClasses are the classes that some action asks for, in the order of main/manager.c.
var writeClasses = []string{"system", "call", "command", "agent", "user", "config", "reporting", "originate", "aoc", "message"}

// infer finds the classes that the account must have. An action that only one class opens proves that class. One that
// several open proves the one that is left when the others are known to be missing: every Asterisk has actions of its own
// for system (DBPut), call (Redirect) and config (UpdateConfig), so these are missing where they are not proven.
func (r Rights) infer() []string {
	proven := map[string]bool{}
	for _, classes := range r.actions {
		if len(classes) == 1 {
			proven[classes[0]] = true
		}
	}
	if !proven["reporting"] { // only modules have an action of its own
		for _, classes := range r.actions {
			if slices.Contains(classes, "reporting") && !slices.ContainsFunc(classes, func(c string) bool { return proven[c] }) {
				proven["reporting"] = true
				break
			}
		}
	}
	var found []string
	for _, class := range writeClasses {
		if proven[class] {
			found = append(found, class)
		}
	}
	return found
}

// Known reports whether the PBX said anything.
func (r Rights) Known() bool { return len(r.actions) > 0 }

// Can reports whether the account may use an action, and the PBX has it: actions come with modules.
func (r Rights) Can(action string) bool {
	_, can := r.actions[strings.ToLower(action)]
	return can
}

// Classes are the write classes that the account has, as far as its actions prove them. Reporting cannot be seen beside
// system and call where app_confbridge is not loaded: it would then add nothing that we use.
func (r Rights) Classes() []string { return slices.Clone(r.classes) }

// Lack is an action that the account cannot use, and what that costs.
type Lack struct {
	Action  string // CoreSettings
	Class   string // the class of manager.conf's write that opens it
	Module  string // set where the class is there: the PBX has not loaded this module
	Costs   string // what the user goes without
	Careful string // why one may rather go without; empty: nothing speaks against it
	File    string // where Line belongs
	Line    string // to be pasted: the whole new line, with all that is recommended, so that no two lines undo each other
}

// need is an action that Callboard uses.
type need struct{ action, class, module, costs string }

const closeToRoot = "system is close to root: with it the account can change the dialplan and the database of the PBX and load modules"

// needs are in the order of how much it matters.
var needs = []need{
	{"Status", "call", "", "the calls that are live when Callboard connects are not seen: it does not start"},
	{"Hangup", "call", "", "a call cannot be hung up or rejected from the page or an app"},
	{"Redirect", "call", "", "a ringing call cannot be sent on to another number from the page or an app"},
	{"BlindTransfer", "call", "", "a call cannot be transferred from the page or an app"},
	{"Atxfer", "call", "", "a call cannot be transferred after a word with the other party from the page or an app"},
	{"Bridge", "call", "", "two calls cannot be joined from the page or an app"},
	{"PlayDTMF", "call", "", "digits cannot be sent into a call from the page or an app"},
	{"Getvar", "call", "", "nobody knows whether a call is encrypted, whether its number was withheld, and from which address the device speaks"},
	{"Park", "call", "res_parking.so", "a call cannot be parked from the page or an app"},
	{"MixMonitorMute", "call", "app_mixmonitor.so", "a recording cannot be paused from the page or an app"},
	{"StopMixMonitor", "call", "app_mixmonitor.so", "a recording cannot be stopped from the page or an app"},
	{"Originate", "originate", "", "no number can be dialled from the page or an app"},
	{"CoreSettings", "reporting", "", "the version of the PBX is not known, so nobody can say whether it has known holes"},
	{"PJSIPNotify", "system", "res_pjsip_notify.so", "a ringing phone cannot be answered, nor put on hold or taken back, from the page or an app; at the phone itself it can"},
	{"MixMonitor", "system", "app_mixmonitor.so", "a recording cannot be started from the page or an app; one that the PBX starts is shown"},
	{"MuteAudio", "system", "res_mutestream.so", "a call cannot be muted from the page or an app; at the phone itself it can"},
}

// Missing is what the account cannot do and what each costs a user, the most important first.
func (r Rights) Missing() []Lack {
	var lacks []Lack
	for _, n := range needs {
		if r.Can(n.action) {
			continue
		}
		lack := Lack{Action: n.action, Class: n.class, Costs: n.costs}
		if slices.Contains(r.classes, n.class) && n.module != "" {
			lack.Module, lack.File, lack.Line = n.module, "modules.conf", "load = "+n.module
		} else {
			lack.File, lack.Line = "manager.conf", "write = "+strings.Join(r.with(n.class), ",")
		}
		if n.class == "system" {
			lack.Careful = closeToRoot
		}
		lacks = append(lacks, lack)
	}
	return lacks
}

// with are the recommended classes with one more, in their usual order. System stays where it is: it may be wanted.
func (r Rights) with(class string) []string {
	recommended := r.recommended()
	var all []string
	for _, c := range writeClasses {
		if c == class || slices.Contains(recommended, c) || c == "system" && slices.Contains(r.classes, c) {
			all = append(all, c)
		}
	}
	return all
}

// recommended are the classes that are Enough, and what the account has besides that does no harm. Of an account that has
// every class none was chosen.
func (r Rights) recommended() []string {
	every := len(r.classes) == len(writeClasses)
	var all []string
	for _, c := range writeClasses {
		if slices.Contains(enough, c) || !every && slices.Contains(r.classes, c) && tooMuch[c] == "" {
			all = append(all, c)
		}
	}
	return all
}

var enough = strings.Split(strings.TrimPrefix(Enough, "write = "), ",")

// tooMuch are classes that no user's account should have, and what they open.
var tooMuch = map[string]string{
	"system":  closeToRoot + ". It is also what answering, holding and muting a phone (PJSIPNotify, MuteAudio) and starting a recording (MixMonitor) take: keep it only for those",
	"command": "command runs any command of the Asterisk console",
	"config":  "config reads and writes the files of the PBX, with the secrets of everybody in them",
	"all":     "all is every class there is, also those that come with a later version",
}

// TooMany are the classes that the account has and should not (SEC-32); all stands for having every one. An account of
// which somebody gets hold is worth as much as its classes. Why says what each opens.
func (r Rights) TooMany() []string {
	if len(r.classes) == len(writeClasses) {
		return []string{"all"}
	}
	var found []string
	for _, class := range r.classes {
		if tooMuch[class] != "" {
			found = append(found, class)
		}
	}
	return found
}

// Why says what a class of TooMany opens, in one sentence.
func Why(class string) string { return tooMuch[class] }

// Lines for manager.conf: what the page and apps can use but for the classes of TooMany, and what is worth hearing.
const (
	Enough     = "write = call,reporting,originate"
	EnoughRead = "read = call,system,agent"
)
