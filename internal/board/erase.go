package board

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Match says who is to be erased (SEC-45): by numbers in each form in which they may be written, as +4512345678 and
// 12345678; by words that mean nobody else, as a full name or an e-mail address; and by records.
type Match struct {
	ID      string // of the erasure, for the store
	Numbers []string
	Words   []string
	Records []string
}

// Erasure is the proof of an erasure. The log still has the changes, with their seqs and without what they said.
type Erasure struct {
	ID        string   // as the Match has it
	Records   []string // of that person: nothing is left on them but the times and states of a call
	Mentioned []string // of others: what mentions the person is gone
	Claims    int
	Items     int
	Changes   []uint64 // the seqs, in memory: those in the store are the store's to strike
	From      uint64   // its own changes begin here: all before are struck
	Seq       uint64   // it holds once the log has been shown up to here
	Carried   bool     // by a change to the store; else there was nothing in memory

	At time.Time // what is struck now is marked with it; not kept in the proof
}

// Proof is what is kept of an erasure. It says of nobody who it was.
type Proof struct {
	ID        string    `json:"id"`
	AskedAt   time.Time `json:"asked_at"`
	DoneAt    time.Time `json:"done_at,omitzero"` // it holds since then; zero: not yet
	Records   []string  `json:"records"`          // of the person: only the times and states of their calls are left
	Mentioned []string  `json:"mentioned"`        // of others: what mentioned the person is gone
	Claims    int       `json:"claims"`
	Items     int       `json:"items"`
	Changes   int       `json:"changes"` // of the log
	Answers   int       `json:"answers"` // that were kept for their Idempotency-Keys

	Deliveries int       `json:"deliveries,omitempty"` // to webhooks, of the person's records
	Picks      int       `json:"picks,omitempty"`      // of people at the person's numbers
	Searched   *Searched `json:"searched,omitempty"`   // nil: it was done before this was noted

	Sum  string `json:"sum,omitempty"` // of whom it was of, under a code that is kept nowhere (see Match.Sum)
	Code string `json:"-"`             // that; only for who has asked for the erasure
}

// Searched is how many of each the store had when it was searched.
type Searched struct {
	Records    int `json:"records"`
	Changes    int `json:"changes"`
	Answers    int `json:"answers"`
	Deliveries int `json:"deliveries"`
	Picks      int `json:"picks"`
}

// Verification is what is found when somebody looks again.
type Verification struct {
	Proof        Proof
	OfThisPerson bool  // the code fits, so the proof is of exactly whom was named now
	Left         Proof // what an erasure would find
	InFile       bool  // one of the words, or the digits of a number, is in the bytes of the database
}

// Sum is of whom a match is of, in any order, under a secret code. Who has the code and names the same can show that a proof is of
// them; without it the sum says nothing, also not to who tries all numbers.
func (m Match) Sum(code string) string {
	who, err := m.who()
	if err != nil {
		return ""
	}
	all := slices.Concat(who.words, m.Records)
	for _, f := range who.numbers {
		all = append(all, strconv.FormatBool(f.abroad)+f.digits)
	}
	slices.Sort(all)
	sum := hmac.New(sha256.New, []byte(code))
	for _, one := range slices.Compact(all) {
		sum.Write([]byte(strconv.Quote(one)))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Add adds what was erased besides.
func (p *Proof) Add(e Erasure) {
	p.Records, p.Mentioned = union(p.Records, e.Records), union(p.Mentioned, e.Mentioned)
	p.Claims, p.Items = p.Claims+e.Claims, p.Items+e.Items
}

func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// erasing is an erasure that is not yet shown: then the log is struck.
type erasing struct {
	who    who
	wholes map[string]bool
	seq    uint64 // changes before this one are struck
	last   uint64 // the newest of its own

	scanned uint64          // changes were read up to here,
	hits    map[uint64]bool // found to say something of the person
	of      map[string]bool // on these records,
	theirs  map[string]bool // of which these are the person's
}

// who is a Match made comparable.
type who struct {
	numbers []form
	words   []string // see plainWords
}

// form is a way to write a number, as digits.
type form struct {
	digits string
	abroad bool // with its country code
}

func (m Match) who() (who, error) {
	var w who
	for _, n := range m.Numbers {
		f := form{digits: onlyDigits(n), abroad: strings.HasPrefix(strings.TrimSpace(n), "+")}
		if whole, found := strings.CutPrefix(f.digits, "00"); found {
			f = form{digits: whole, abroad: true}
		}
		if len(f.digits) < 5 {
			return w, invalid("%q is too short a number to erase by", telephony.Display(n))
		}
		w.numbers = append(w.numbers, f)
	}
	for _, text := range m.Words {
		plain := plainWords(text)
		if len(plain) < 3 {
			return w, invalid("%q is too short a word to erase by", telephony.Display(text))
		}
		w.words = append(w.words, plain)
	}
	if len(w.numbers)+len(w.words)+len(m.Records) == 0 {
		return w, &telephony.Error{Code: telephony.CodeInvalid, Message: "nobody is named who is to be erased", Remedy: "give a number, a name, an e-mail address or a record"}
	}
	return w, nil
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if d := digit(r); d != 0 {
			return rune(d)
		}
		return -1
	}, s)
}

// digit is what a digit of any script is as one of ours; 0: it is none. Those of a script stand in order, from its zero on (Unicode, 4.6).
func digit(r rune) byte {
	if r < unicode.MaxASCII {
		if r >= '0' && r <= '9' {
			return byte(r)
		}
		return 0
	}
	for _, script := range unicode.Nd.R16 {
		if r >= rune(script.Lo) && r <= rune(script.Hi) {
			return '0' + byte((r-rune(script.Lo))%10)
		}
	}
	for _, script := range unicode.Nd.R32 {
		if r >= rune(script.Lo) && r <= rune(script.Hi) {
			return '0' + byte((r-rune(script.Lo))%10)
		}
	}
	return 0
}

// between reports whether a sign may stand between the digits of one number: also the dashes and dots that editors and web pages put
// for those of a keyboard, and what cannot be seen.
func between(r rune) bool {
	if r < unicode.MaxASCII {
		return r <= ' ' && unicode.IsSpace(r) || strings.ContainsRune("-./()", r)
	}
	return unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf) || r == '\u2212' || r == '\u00b7' || r == '\uff0e'
}

// plainWords are words as they are compared: small letters, each in its one form, without what cannot be seen, and single spaces.
func plainWords(s string) string {
	s = strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII && unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s)
	return strings.ToLower(strings.Join(strings.Fields(norm.NFKC.String(s)), " "))
}

// in reports whether a text mentions the person. Digits are read across the signs that people put between them.
func (w *who) in(text string) bool {
	if text == "" {
		return false
	}
	if len(w.words) > 0 {
		plain := plainWords(text)
		if slices.ContainsFunc(w.words, func(word string) bool { return strings.Contains(plain, word) }) {
			return true
		}
	}
	return len(w.numbers) > 0 && slices.ContainsFunc(w.numbers, func(f form) bool { return f.in(text) })
}

// in reports whether a text has the number. Behind a + or 00 its country must be the same: +46 12345678 is another's than
// +45 12345678.
func (f form) in(text string) bool {
	const countryCode = 4 // digits at most, with the 0 that some write behind it
	digits, abroad := make([]byte, 0, 32), false
	for _, r := range text {
		d := digit(r)
		switch {
		case d != 0:
			digits = append(digits, d)
			if !abroad && string(digits) == "00" {
				digits, abroad = digits[:0], true
			}
			before := len(digits) - len(f.digits)
			if bytes.HasSuffix(digits, []byte(f.digits)) && (!abroad || before == 0 && f.abroad || before > countryCode) {
				return true
			}
		case r == '+' || r == '\uff0b':
			digits, abroad = digits[:0], true
		case between(r):
		default:
			digits, abroad = digits[:0], false
		}
	}
	return false
}

// of reports whether a record is one of the person.
func (w *who) of(r *Record) bool {
	names := []string{"party.number", "party.number_raw", "party.name", "party.email"}
	if f := r.Fields["party.number"]; f != nil && slices.ContainsFunc(f.Claims, func(c Claim) bool { return strings.HasPrefix(c.Value, "+") }) {
		names = slices.Delete(names, 1, 2) // it is known of which country, so what was sent says no more
	}
	for _, name := range names {
		if f := r.Fields[name]; f != nil && slices.ContainsFunc(f.Claims, func(c Claim) bool { return w.in(c.Value) }) {
			return true
		}
	}
	return r.Call != nil && slices.ContainsFunc([]string{r.Call.Party.Number, r.Call.Party.RawNumber, r.Call.Party.Name, r.Call.Party.RawName}, w.in)
}

// Erase takes a person off the board: off records, claims, items and the log in memory. Of records that are only in the
// store nobody is told: Admit them before. A call that is still going on is seen anew.
func (b *Board) Erase(m Match, at time.Time) (Erasure, error) {
	who, err := m.who()
	if err != nil {
		return Erasure{}, err
	}
	er := erasing{who: who, wholes: map[string]bool{}, hits: map[uint64]bool{}, of: map[string]bool{}, theirs: map[string]bool{}}
	for _, id := range m.Records {
		er.wholes[id] = true
	}
	er.scan(b.shownLog())
	b.mu.Lock()
	defer b.mu.Unlock()
	out := Erasure{ID: m.ID, From: b.journal.seq + 1, At: at}
	er.seq = out.From
	er.scan(b.since(er.scanned))
	for _, e := range b.inOrder() {
		packed, jobs := e.rest, e.jobs
		b.wake(e)
		switch {
		case er.wholes[e.now.ID] || who.of(e.now) || e.shown != nil && who.of(e.shown):
			er.wholes[e.now.ID] = true
			b.eraseWhole(e, &out, at)
		case b.eraseMentions(e, who, &out, at):
		case er.of[e.now.ID]: // what else a change said that is struck, those who have not read it must be told
			b.erasedAs(e, e.now.clone(), at)
		case packed != "":
			e.rest, e.jobs = packed, jobs
			e.head()
		}
	}
	er.last, out.Seq = b.journal.seq, b.journal.seq
	b.strikePending(&er, &out)
	b.erased = append(b.erased, er)
	if last := len(b.journal.pending) - 1; last >= 0 {
		out.Carried = true
		carried := out
		b.journal.pending[last].Erasure = &carried
	}
	b.strikeShown()
	return out, nil
}

// eraseWhole leaves of a record that there was one. Works on it are not waited for, and late answers not taken.
func (b *Board) eraseWhole(e *entry, out *Erasure, at time.Time) {
	for _, f := range e.now.Fields {
		out.Claims += len(f.Claims)
	}
	for _, list := range e.now.Items {
		out.Items += len(list)
	}
	out.Records = append(out.Records, e.now.ID)
	b.retire(e)
	b.dismiss(e, true)
	e.jobs, e.renewed, e.wakes, e.heard, e.tank, e.unanswered = nil, nil, time.Time{}, [2]heard{}, nil, nil
	e.number, e.email, e.numberOf = "", "", nil
	b.erasedAs(e, erased(e.now, at), at)
}

// erasedAs tells of a record that something was erased of, with all that is left of it.
func (b *Board) erasedAs(e *entry, left *Record, at time.Time) {
	gone := slices.DeleteFunc(e.now.names(), func(name string) bool { return sameShown(e.now.Fields[name], left.Fields[name]) })
	for _, list := range slices.Sorted(maps.Keys(e.now.Items)) {
		if len(left.Items[list]) < len(e.now.Items[list]) {
			gone = append(gone, list)
		}
	}
	from := e.newWave()
	left.Rev, left.Wave = e.now.Rev+1, from.wave
	c := from.change(RecordErased, SourceUser, at)
	c.Opened, c.Shown = left, gone
	b.append(e, left, c)
}

// erased is what is left of a record of the person, and since when. Where nothing was said since an erasure before, that one counts.
func erased(r *Record, at time.Time) *Record {
	left := bare(r)
	if left.ErasedAt.IsZero() || !isBare(r, left) {
		left.ErasedAt = at
	}
	return left
}

// bare is a record without what anybody said: when, in which state, on which line.
func bare(r *Record) *Record {
	left := *r
	left.Fields, left.Items, left.Nothing, left.Contended = map[string]*Field{}, map[string][]Item{}, nil, nil
	if r.Call != nil {
		left.Call = bareCall(r.Call)
	}
	return &left
}

func bareCall(c *telephony.Call) *telephony.Call {
	left := telephony.Call{ID: c.ID, Direction: c.Direction, State: c.State, Result: c.Result, EndedBy: c.EndedBy, StartedAt: c.StartedAt,
		AnsweredAt: c.AnsweredAt, EndedAt: c.EndedAt, EndedAfter: c.EndedAfter, EndedBefore: c.EndedBefore, Complete: c.Complete, Unseen: c.Unseen}
	left.Recorded, left.Monitored, left.Encrypted, left.SecureLine = c.Recorded, c.Monitored, c.Encrypted, c.SecureLine
	left.Muted, left.Parked, left.Conference = c.Muted, c.Parked, c.Conference
	return &left
}

// eraseMentions takes off another's record what mentions the person; it reports whether there was anything.
func (b *Board) eraseMentions(e *entry, who who, out *Erasure, at time.Time) bool {
	left, claims, items := b.without(e.now, who)
	if left == nil {
		return false
	}
	out.Claims, out.Items = out.Claims+claims, out.Items+items
	out.Mentioned = append(out.Mentioned, left.ID)
	e.tank, e.numberOf = nil, nil
	b.erasedAs(e, left, at)
	return true
}

// without is a record without what mentions the person, nil if nothing does.
func (b *Board) without(r *Record, who who) (left *Record, claims, items int) {
	next := r.clone()
	next.Rev--
	for _, name := range r.names() {
		f := r.Fields[name]
		kept := slices.DeleteFunc(slices.Clone(f.Claims), func(c Claim) bool { return who.in(c.Value) })
		if len(kept) == len(f.Claims) {
			continue
		}
		claims += len(f.Claims) - len(kept)
		delete(next.Fields, name)
		if after := b.resolver.resolve(name, kept, f.Pin, f.Hidden); after != nil {
			next.Fields[name] = after
		}
	}
	for name, list := range r.Items {
		kept := slices.DeleteFunc(slices.Clone(list), func(i Item) bool { return who.inItem(&i) })
		if len(kept) < len(list) {
			items += len(list) - len(kept)
			next.Items[name] = kept
		}
	}
	call, scrubbed := who.scrub(r.Call)
	next.Call = call
	if claims+items == 0 && !scrubbed {
		return nil, 0, 0
	}
	return next, claims, items
}

func (w *who) inItem(i *Item) bool {
	for _, value := range i.Fields {
		if w.in(value) {
			return true
		}
	}
	return w.in(i.Text) || w.in(i.Title) || w.in(i.URL) || w.in(i.ID)
}

// scrub is a call with each text emptied that mentions the person, whatever it is of: so it holds for what a call will
// have one day.
func (w *who) scrub(c *telephony.Call) (*telephony.Call, bool) {
	if c == nil {
		return nil, false
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // a call always encodes
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		panic(err)
	}
	tree, found := w.scrubTree(tree)
	if !found {
		return c, false
	}
	if text, err = json.Marshal(tree); err != nil {
		panic(err)
	}
	out := new(telephony.Call)
	if err := json.Unmarshal(text, out); err != nil {
		panic(err)
	}
	out.ID = c.ID
	return out, true
}

func (w *who) scrubTree(v any) (any, bool) {
	found := false
	switch v := v.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339Nano, v); err != nil && w.in(v) {
			return "", true
		}
	case []any:
		for i := range v {
			var hit bool
			v[i], hit = w.scrubTree(v[i])
			found = found || hit
		}
	case map[string]any:
		for k := range v {
			var hit bool
			v[k], hit = w.scrubTree(v[k])
			found = found || hit
		}
	}
	return v, found
}
