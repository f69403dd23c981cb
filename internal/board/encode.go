package board

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Records and changes are encoded with each commit, most of them with nothing but claims in them. encoding/json looks at each type anew, which
// takes several times as long; what is written here is the same bytes (TestEncodedAlike).

// AppendJSON appends a record as encoding/json encodes it.
func (r *Record) AppendJSON(b []byte) ([]byte, error) {
	o := object{b: append(b, '{')}
	o.text("id", r.ID)
	o.number("rev", r.Rev)
	o.text("line", r.Line)
	o.text("origin", string(r.Origin))
	o.text("state", string(r.State))
	o.time("opened_at", r.OpenedAt)
	if !r.ClosedAt.IsZero() {
		o.time("closed_at", r.ClosedAt)
	}
	o.number("wave", r.Wave)
	if r.Settled != nil {
		o.settled("settled", r.Settled)
	}
	if r.Call != nil {
		o.any("call", r.Call)
	}
	o.fields("fields", r.Fields)
	if len(r.Items) == 0 && r.Items != nil {
		o.raw("items", "{}")
	} else {
		o.any("items", r.Items)
	}
	if len(r.Nothing) > 0 {
		o.any("nothing", r.Nothing)
	}
	if len(r.Contended) > 0 {
		o.any("contended", r.Contended)
	}
	o.some("first_origin", string(r.First))
	if !r.ReopenedAt.IsZero() {
		o.time("reopened_at", r.ReopenedAt)
	}
	o.some("closed_by", r.ClosedBy)
	if !r.ErasedAt.IsZero() {
		o.time("erased_at", r.ErasedAt)
	}
	return append(o.b, '}'), o.err
}

// AppendJSON appends a change as encoding/json encodes it.
func (c *Change) AppendJSON(b []byte) ([]byte, error) {
	if c.Fields == nil || !c.onlyClaims() {
		text, err := json.Marshal(c)
		return append(b, text...), err
	}
	o := object{b: append(b, '{')}
	o.unsigned("seq", c.Seq)
	o.time("at", c.At)
	o.text("kind", c.Kind)
	o.some("line", c.Line)
	o.some("record", c.Record)
	o.someNumber("rev", c.Rev)
	o.some("source", c.Source)
	o.someNumber("wave", c.Wave)
	o.someNumber("round", int64(c.Round))
	if c.Cause != 0 {
		o.unsigned("cause", c.Cause)
	}
	o.yes("own", c.Own)
	if c.Is != (Standing{}) {
		o.standing("is", c.Is)
	}
	if c.Was != nil {
		o.standing("was", *c.Was)
	}
	if len(c.Fields) > 0 {
		o.fields("fields", c.Fields)
	}
	if len(c.Shown) > 0 {
		o.texts("shown", c.Shown)
	}
	return append(o.b, '}'), o.err
}

// onlyClaims reports whether there is nothing else to tell of.
func (c *Change) onlyClaims() bool {
	return c.Opened == nil && c.Call == nil && c.List == "" && c.Item == nil && c.Items == nil && c.Nothing == nil && c.Settled == nil && c.Link == nil && c.Gap == nil &&
		c.App == "" && c.Work == nil && c.Field == "" && len(c.Sources) == 0 && c.Reason == ""
}

// object appends the members of one, in the order in which it is told.
type object struct {
	b   []byte
	err error
}

func (o *object) name(name string) {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
}

func (o *object) raw(name, value string) {
	o.name(name)
	o.b = append(o.b, value...)
}

func (o *object) text(name, value string) {
	o.name(name)
	o.string(value)
}

func (o *object) some(name, value string) {
	if value != "" {
		o.text(name, value)
	}
}

func (o *object) number(name string, value int64) {
	o.name(name)
	o.b = strconv.AppendInt(o.b, value, 10)
}

func (o *object) someNumber(name string, value int64) {
	if value != 0 {
		o.number(name, value)
	}
}

func (o *object) unsigned(name string, value uint64) {
	o.name(name)
	o.b = strconv.AppendUint(o.b, value, 10)
}

func (o *object) yes(name string, value bool) {
	if value {
		o.raw(name, "true")
	}
}

func (o *object) time(name string, at time.Time) {
	if year := at.Year(); year < 0 || year > 9999 {
		o.any(name, at) // which says what is wrong with it
		return
	}
	o.name(name)
	o.b = append(o.b, '"')
	o.b = at.AppendFormat(o.b, time.RFC3339Nano)
	o.b = append(o.b, '"')
}

func (o *object) standing(name string, s Standing) {
	o.raw(name, "{")
	o.some("state", string(s.State))
	o.some("call", string(s.Call))
	o.b = append(o.b, '}')
}

func (o *object) settled(name string, s *Settled) {
	o.raw(name, "{")
	o.number("wave", s.Wave)
	o.number("rounds", int64(s.Rounds))
	o.number("took_ms", s.TookMS)
	if s.Unanswered == nil {
		o.raw("unanswered", "null")
	} else {
		o.texts("unanswered", s.Unanswered)
	}
	o.b = append(o.b, '}')
}

func (o *object) texts(name string, values []string) {
	o.name(name)
	o.b = append(o.b, '[')
	for i, value := range values {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.string(value)
	}
	o.b = append(o.b, ']')
}

func (o *object) any(name string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		o.err = err
		return
	}
	o.name(name)
	o.b = append(o.b, text...)
}

// string appends a text. Those with anything in them that JSON, or HTML around it, would read otherwise are left to encoding/json.
func (o *object) string(value string) {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c >= utf8.RuneSelf {
			text, err := json.Marshal(value)
			o.b, o.err = append(o.b, text...), err
			return
		}
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, value...)
	o.b = append(o.b, '"')
}

func (o *object) fields(name string, fields map[string]*Field) {
	o.name(name)
	if fields == nil {
		o.b = append(o.b, "null"...)
		return
	}
	o.b = append(o.b, '{')
	var few [16]string
	names := slices.AppendSeq(few[:0], maps.Keys(fields))
	slices.Sort(names)
	for _, field := range names {
		if o.b[len(o.b)-1] != '{' {
			o.b = append(o.b, ',')
		}
		o.string(field)
		o.b = append(o.b, ':')
		if f := fields[field]; f != nil {
			o.field(f)
		} else {
			o.b = append(o.b, "null"...)
		}
	}
	o.b = append(o.b, '}')
}

func (o *object) field(f *Field) {
	o.b = append(o.b, '{')
	o.name("claims")
	if f.Claims == nil {
		o.b = append(o.b, "null"...)
	} else {
		o.b = append(o.b, '[')
		for i := range f.Claims {
			if i > 0 {
				o.b = append(o.b, ',')
			}
			o.claim(&f.Claims[i])
		}
		o.b = append(o.b, ']')
	}
	o.number("others", int64(f.Others))
	o.some("pin", f.Pin)
	if len(f.Hidden) > 0 {
		o.texts("hidden", f.Hidden)
	}
	o.yes("blank", f.Blank)
	o.b = append(o.b, '}')
}

func (o *object) claim(c *Claim) {
	o.b = append(o.b, '{')
	o.text("source", c.Source)
	o.text("value", c.Value)
	o.text("quality", string(c.Quality))
	o.time("at", c.At)
	o.number("wave", c.Wave)
	o.number("round", int64(c.Round))
	o.some("work", c.Work)
	if c.Seq != 0 {
		o.unsigned("seq", c.Seq)
	}
	if !c.Expires.IsZero() {
		o.time("expires_at", c.Expires)
	}
	if !c.Since.IsZero() {
		o.time("since", c.Since)
	}
	o.yes("candidate", c.Candidate)
	o.b = append(o.b, '}')
}
