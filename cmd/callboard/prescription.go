package main

import (
	"slices"
	"strings"
)

// prescription is lines for a file of Asterisk, by section: the lines of many checks become one block.
type prescription []section

type section struct {
	head  string // [general]
	lines []string
}

// add takes in text with sections. A line whose key is there already goes in its place.
func (p *prescription) add(text string) {
	at := -1
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case line == "":
		case strings.HasPrefix(line, "["):
			at = slices.IndexFunc(*p, func(s section) bool { return s.head == line })
			if at < 0 {
				*p = append(*p, section{head: line})
				at = len(*p) - 1
			}
		case at >= 0:
			(*p)[at].put(line)
		}
	}
}

func (s *section) put(line string) {
	if same := slices.IndexFunc(s.lines, func(l string) bool { return key(l) == key(line) }); same >= 0 {
		s.lines[same] = line
		return
	}
	s.lines = append(s.lines, line)
}

func key(line string) string {
	name, _, _ := strings.Cut(line, "=")
	return strings.TrimSpace(name)
}

// usual is the order in which people write a section: what may be read and written stands first.
func usual(line string) int {
	if at := slices.Index([]string{"read", "write"}, key(line)); at >= 0 {
		return at
	}
	return 2
}

// String is the block: [general] first, as in the file.
func (p prescription) String() string {
	sections := slices.Clone(p)
	slices.SortStableFunc(sections, func(a, b section) int { return general(a) - general(b) })
	var blocks []string
	for _, s := range sections {
		lines := slices.Clone(s.lines)
		slices.SortStableFunc(lines, func(a, b string) int { return usual(a) - usual(b) })
		blocks = append(blocks, s.head+"\n"+strings.Join(lines, "\n"))
	}
	return strings.Join(blocks, "\n\n")
}

func general(s section) int {
	if s.head == "[general]" {
		return 0
	}
	return 1
}
