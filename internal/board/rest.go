package board

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// restAfter is how long a record must be left alone before it is packed. Nothing that is written later follows from what
// was told before (B-11), so what was heard of it can be forgotten.
const restAfter = causeLife + time.Second

// rest is the fields and items of a record that nobody has touched for a while, packed: a lookup may lie open for a week.
// Its strings are cut from it, not copied, when it is unpacked. Empty: the record is not packed.
type rest string

// words are the names of fields and sources that packed records speak of by number. There are so many at most, because
// apps make up names; others are written out.
type words struct {
	numbers map[string]uint64
	list    []string // only ever longer: it may be read without the lock
}

const maxWords = 4096

func newWords() words { return words{numbers: map[string]uint64{}} }

// known are the words so far.
func (w *words) known() []string { return w.list }

// lie packs a record that nobody has touched for a while and on which nothing goes on.
func (b *Board) lie(e *entry, at time.Time) {
	if e.rest != "" || at.Sub(e.touched) < restAfter || e.shown != e.now || e.unshown > 0 || e.asked || len(e.renewed) > 0 {
		return
	}
	for _, j := range e.jobs {
		if j.flight != nil || j.due {
			return
		}
	}
	owed := false
	for _, j := range e.jobs {
		owed = j.lie(&b.crew) || owed
	}
	b.lookedUp(e)
	b.lookedUpBy(e, "party.email")
	packed := e.jobs
	if owed { // a late answer may come to one
		packed = nil
	} else {
		e.jobs = nil
	}
	e.rest = b.words.pack(e.now, packed)
	e.head()
}

// head leaves of a record that is at rest what is asked for most: all but what is packed.
func (e *entry) head() {
	header := *e.now
	header.Fields, header.Items = nil, nil
	e.now, e.shown, e.bustle = &header, &header, nil
}

// lie forgets what only matters while a record is worked on. It reports whether the app still owes an answer.
func (j *job) lie(c *crew) (owes bool) {
	j.cause = cause{}
	j.landed = slices.DeleteFunc(j.landed, func(f *flight) bool {
		if f.answered {
			delete(c.works, f.id)
		}
		return f.answered
	})
	return len(j.landed) > 0
}

// wake unpacks a record, to be worked on.
func (b *Board) wake(e *entry) *entry {
	if e.rest != "" {
		r, jobs := e.rest.opened(e.now, b.words.known())
		e.now, e.shown, e.rest, e.bustle = r, r, "", &bustle{}
		if e.jobs == nil {
			e.jobs = jobs
		}
		b.plan(e)
	}
	return e
}

// awake is the entry of a record, ready to be worked on; nil if there is none.
func (b *Board) awake(id string) *entry {
	e := b.entries[id]
	if e != nil {
		b.wake(e)
	}
	return e
}

// pack writes fields, jobs and items down. Numbers are varints; a time is nanoseconds since the record was opened.
func (w *words) pack(r *Record, jobs []*job) rest {
	p := packer{words: w, begin: r.OpenedAt, out: make([]byte, 0, 64*len(r.Fields))}
	p.number(uint64(len(r.Fields)))
	for _, name := range r.names() {
		f := r.Fields[name]
		p.word(name)
		p.number(uint64(f.Others)<<1 | bit(f.Blank))
		p.word(f.Pin)
		p.number(uint64(len(f.Hidden)))
		for _, source := range f.Hidden {
			p.word(source)
		}
		p.number(uint64(len(f.Claims)))
		for i := range f.Claims {
			p.claim(&f.Claims[i])
		}
	}
	p.number(uint64(len(jobs)))
	for _, j := range jobs {
		p.job(j)
	}
	if len(r.Items) > 0 {
		items, err := json.Marshal(r.Items)
		if err != nil {
			panic(err) // strings, times and numbers always encode
		}
		p.out = append(p.out, items...)
	}
	return rest(p.out)
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

type packer struct {
	words  *words
	begin  time.Time
	out    []byte
	works  []string // named so far in this record
	before Claim    // what the next claim is written against
}

func (p *packer) number(n uint64)       { p.out = binary.AppendUvarint(p.out, n) }
func (p *packer) signed(n int64)        { p.out = binary.AppendVarint(p.out, n) }
func (p *packer) text(s string)         { p.number(uint64(len(s))); p.out = append(p.out, s...) }
func (p *packer) since(t time.Time)     { p.signed(int64(t.Sub(p.begin))) }
func (p *packer) until(t, at time.Time) { p.signed(int64(t.Sub(at))) }

// word writes the number of a word, or zero and the word itself.
func (p *packer) word(s string) {
	if s == "" {
		p.number(1)
		return
	}
	n, known := p.words.numbers[s]
	if !known && len(p.words.list) < maxWords {
		n = uint64(len(p.words.list)) + 2
		p.words.numbers[s] = n
		p.words.list = append(p.words.list, s)
		known = true
	}
	if known {
		p.number(n)
		return
	}
	p.number(0)
	p.text(s)
}

func (p *packer) job(j *job) {
	p.word(j.app)
	p.number(uint64(j.moments)<<1 | bit(j.worked))
	p.number(uint64(len(j.changed)))
	for _, name := range j.changed {
		p.word(name)
	}
	p.number(uint64(len(j.done)))
	for _, in := range j.done {
		p.word(in.name)
		p.out = binary.LittleEndian.AppendUint64(p.out, in.sum)
	}
}

// What of a claim is written besides its value.
const (
	hasExpiry = 1 << iota
	isCandidate
	hasSince
	sameCause // wave, round, seq, work and time are those of the claim before: most were made in one write
)

func (p *packer) claim(c *Claim) {
	flags := uint64(0)
	if !c.Expires.IsZero() {
		flags |= hasExpiry
	}
	if c.Candidate {
		flags |= isCandidate
	}
	if !c.Since.IsZero() {
		flags |= hasSince
	}
	b := &p.before
	if c.Wave == b.Wave && c.Round == b.Round && c.Seq == b.Seq && c.Work == b.Work && c.At.Equal(b.At) {
		flags |= sameCause
	}
	p.number(flags<<3 | uint64(rank(c.Quality)))
	p.word(c.Source)
	p.text(c.Value)
	if flags&sameCause == 0 {
		p.since(c.At)
		p.number(uint64(c.Wave))
		p.number(uint64(c.Round))
		p.number(c.Seq)
		p.work(c.Work)
	}
	if flags&hasExpiry != 0 {
		p.until(c.Expires, c.At)
	}
	if flags&hasSince != 0 {
		p.until(c.Since, c.At)
	}
	p.before = *c
}

// work writes an id once, and later its place among those that were written.
func (p *packer) work(id string) {
	if id == "" {
		p.number(1)
		return
	}
	if i := slices.Index(p.works, id); i >= 0 {
		p.number(uint64(i) + 2)
		return
	}
	p.works = append(p.works, id)
	p.number(0)
	p.text(id)
}

// unpacked is a record with the fields and items that were packed; the record itself where nothing was. It may be called
// without the lock.
func (s rest) unpacked(header *Record, known []string) *Record {
	if s == "" || header == nil {
		return header
	}
	r, _ := s.opened(header, known)
	return r
}

// opened is the record and the jobs that were packed with it.
func (s rest) opened(header *Record, known []string) (*Record, []*job) {
	r := *header
	u := unpacker{left: string(s), words: known, begin: r.OpenedAt}
	n := u.number()
	r.Fields = make(map[string]*Field, n)
	for range n {
		name := u.word()
		others := u.number()
		f := &Field{Others: int(others >> 1), Blank: others&1 == 1, Pin: u.word()}
		for range u.number() {
			f.Hidden = append(f.Hidden, u.word())
		}
		if claims := u.number(); claims > 0 {
			f.Claims = make([]Claim, claims)
		}
		for i := range f.Claims {
			f.Claims[i] = u.claim()
		}
		r.Fields[name] = f
	}
	var jobs []*job
	for range u.number() {
		jobs = append(jobs, u.job())
	}
	r.Items = map[string][]Item{}
	if u.left != "" {
		if err := json.Unmarshal([]byte(u.left), &r.Items); err != nil {
			panic(err) // it is what pack has written
		}
	}
	for _, list := range r.Items {
		for i := range list {
			list[i].At, list[i].ChangedAt = list[i].At.In(r.OpenedAt.Location()), list[i].ChangedAt.In(r.OpenedAt.Location())
		}
	}
	return &r, jobs
}

type unpacker struct {
	left   string
	words  []string
	begin  time.Time
	works  []string
	before Claim
}

func (u *unpacker) number() uint64 {
	n, shift := uint64(0), 0
	for i := range len(u.left) {
		c := u.left[i]
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			u.left = u.left[i+1:]
			return n
		}
		shift += 7
	}
	panic("a packed record ends in a number")
}

func (u *unpacker) signed() int64 {
	n := u.number()
	return int64(n>>1) ^ -int64(n&1)
}

func (u *unpacker) text() string {
	n := u.number()
	s := u.left[:n]
	u.left = u.left[n:]
	return s
}

func (u *unpacker) word() string {
	switch n := u.number(); n {
	case 0:
		return u.text()
	case 1:
		return ""
	default:
		return u.words[n-2]
	}
}

func (u *unpacker) work() string {
	switch n := u.number(); n {
	case 0:
		id := u.text()
		u.works = append(u.works, id)
		return id
	case 1:
		return ""
	default:
		return u.works[n-2]
	}
}

func (u *unpacker) job() *job {
	j := &job{app: u.word()}
	flags := u.number()
	j.worked, j.moments = flags&1 == 1, moments(flags>>1)
	for range u.number() {
		j.changed = append(j.changed, u.word())
	}
	for range u.number() {
		in := input{name: u.word(), sum: binary.LittleEndian.Uint64([]byte(u.left[:8]))}
		u.left = u.left[8:]
		j.done = append(j.done, in)
	}
	return j
}

func (u *unpacker) claim() Claim {
	n := u.number()
	flags := n >> 3
	c := Claim{Quality: qualities[n&7], Source: u.word(), Value: u.text(), Candidate: flags&isCandidate != 0}
	if flags&sameCause != 0 {
		c.At, c.Wave, c.Round, c.Seq, c.Work = u.before.At, u.before.Wave, u.before.Round, u.before.Seq, u.before.Work
	} else {
		c.At = u.begin.Add(time.Duration(u.signed()))
		c.Wave, c.Round, c.Seq = int64(u.number()), int(u.number()), u.number()
		c.Work = u.work()
	}
	if flags&hasExpiry != 0 {
		c.Expires = c.At.Add(time.Duration(u.signed()))
	}
	if flags&hasSince != 0 {
		c.Since = c.At.Add(time.Duration(u.signed()))
	}
	u.before = c
	return c
}

// Footprint says what lies in memory, for people who look after the machine.
type Footprint struct {
	Records, Packed int
	PackedBytes     int // of fields and items of the packed ones
	Changes         int // in the log
	LogBytes        int // about
	Works           int
}

// Footprint measures the board.
func (b *Board) Footprint() Footprint {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := Footprint{Records: len(b.entries), Changes: len(b.journal.log), LogBytes: b.journal.bytes, Works: len(b.crew.works)}
	for e := range maps.Values(b.entries) {
		if e.rest != "" {
			f.Packed++
			f.PackedBytes += len(e.rest)
		}
	}
	return f
}
