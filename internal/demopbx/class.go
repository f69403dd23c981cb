package demopbx

import (
	"fmt"
	"strconv"
	"strings"
)

// class is a set of AMI permission classes, with the bit values of Asterisk's EVENT_FLAG_* because a client may send a
// number as its event mask.
type class uint32

const (
	classSystem    class = 1 << 0
	classCall      class = 1 << 1
	classAgent     class = 1 << 5
	classDTMF      class = 1 << 8
	classReporting class = 1 << 9
	classDialplan  class = 1 << 11
	classOriginate class = 1 << 12
	classSecurity  class = 1 << 18
	classAll       class = 1<<31 - 1
)

// classNames is in the order in which Asterisk prints the names.
var classNames = []struct {
	class class
	name  string
}{
	{classSystem, "system"}, {classCall, "call"}, {1 << 2, "log"}, {1 << 3, "verbose"}, {1 << 4, "command"},
	{classAgent, "agent"}, {1 << 6, "user"}, {1 << 7, "config"}, {classDTMF, "dtmf"}, {classReporting, "reporting"},
	{1 << 10, "cdr"}, {classDialplan, "dialplan"}, {classOriginate, "originate"}, {1 << 13, "agi"}, {1 << 15, "cc"},
	{1 << 16, "aoc"}, {1 << 17, "test"}, {classSecurity, "security"}, {1 << 19, "message"}, {classAll, "all"},
}

// String is the text of Privilege headers and of "(Priv: …)" in ListCommands: "call,all", "<none>".
func (c class) String() string {
	var names []string
	for _, n := range classNames {
		if c&n.class != 0 {
			names = append(names, n.name)
		}
	}
	if len(names) == 0 {
		return "<none>"
	}
	return strings.Join(names, ",")
}

// parseClasses reads an account's read or write list. It is strict, because a typing mistake in a test's account would
// otherwise look like a PBX that sends nothing.
func parseClasses(list string) (class, error) {
	var set class
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		c := classNamed(name)
		if c == 0 {
			return 0, fmt.Errorf("permission class %q is not one of Asterisk's: use for example \"system,call\" or \"all\"", name)
		}
		set |= c
	}
	return set, nil
}

func classNamed(name string) class {
	for _, n := range classNames {
		if n.name == name {
			return n.class
		}
	}
	return 0
}

// maskOf reads the value of an Events or EventMask header as manager.c's strings_to_mask does: a number, a yes or no word,
// or a list in which unknown names count for nothing. It is false for an empty value.
func maskOf(text string) (class, bool) {
	if text == "" {
		return 0, false
	}
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return class(n), true
	}
	switch strings.ToLower(text) {
	case "no", "false", "n", "f", "off":
		return 0, true
	case "yes", "true", "y", "t", "on":
		return classAll, true
	}
	var set class
	for name := range strings.SplitSeq(text, ",") {
		set |= classNamed(strings.TrimSpace(name))
	}
	return set, true
}
