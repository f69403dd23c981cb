package office

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Write writes the truth as *.expect.yaml has it; testdata/traces has its format.
func (t Truth) Write(w io.Writer, pbx string) error {
	var b strings.Builder
	line := func(key string, value any) { fmt.Fprintf(&b, "%s: %s\n", key, show(value)) }
	line("scenario", t.Name)
	line("pbx", pbx)
	line("recorded", t.Begin.UTC().Format(time.RFC3339))
	fmt.Fprintf(&b, "t0_unix_ms: %d\nstreams: %d\n", t.Begin.UnixMilli(), t.Streams)
	line("what_the_phones_did", t.Story)
	for _, note := range t.Notes {
		fmt.Fprintln(&b, "#", note)
	}
	fmt.Fprintln(&b, "viewpoints:")
	for _, p := range t.Viewpoints {
		fmt.Fprintf(&b, "  - extension: %s\n    calls:\n", show(p.Extension))
		for _, v := range p.Calls {
			v.write(&b, t.Begin)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (v *View) write(b *strings.Builder, begin time.Time) {
	line := func(key string, value any) { fmt.Fprintf(b, "        %s: %s\n", key, show(value)) }
	also := func(key string, values []string) {
		if len(values) > 0 {
			line(key, values)
		}
	}
	fmt.Fprintf(b, "      - id: %s\n", show(v.ID))
	line("direction", v.Direction)
	also("direction_also_ok", v.DirectionAlso)
	line("other_number", v.Other.Number)
	also("other_number_also_ok", v.NumberAlso)
	line("other_name", v.Other.Name)
	also("other_name_also_ok", v.NameAlso)
	if v.NamePrefix > 0 {
		line("other_name_prefix_ok", v.NamePrefix)
	}
	fmt.Fprintln(b, "        timeline:")
	for _, m := range v.Timeline {
		fmt.Fprintf(b, "          - {state: %s, t: %.2f", m.State, m.At.Sub(begin).Seconds())
		if m.Optional {
			b.WriteString(", optional: true")
		}
		if m.Detail != "" {
			fmt.Fprintf(b, ", detail: %s", show(m.Detail))
		}
		b.WriteString("}\n")
	}
	line("disposition", v.Disposition)
	also("disposition_also_ok", v.DispositionAlso)
	line("ended_by", v.EndedBy)
	also("ended_by_also_ok", v.EndedByAlso)
	line("talk_seconds", int(v.Talk.Seconds()))
	if v.TalkTolerance > 0 {
		line("talk_tolerance", v.TalkTolerance)
	}
	line("recorded", v.Recorded)
	line("monitored", v.Monitored)
	line("encrypted", v.Encrypted)
	for _, f := range []Fact{{"role", v.Role}, {"dialed", v.Dialed},
		{"other_number_final", v.Final.Number}, {"other_name_final", v.Final.Name}} {
		if f.Value != "" {
			line(f.Key, f.Value)
		}
	}
	for _, f := range v.Facts {
		line(f.Key, f.Value)
	}
	if v.Optional {
		line("call_is_optional", true)
	}
}

// show writes a value as YAML has it; a text in double quotes, whose escapes are Go's.
func show(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case []string:
		var all []string
		for _, s := range v {
			all = append(all, strconv.Quote(s))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	return fmt.Sprint(value)
}
