package cdr

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// row is one call detail record.
type row struct {
	src, dst, clid      string
	name, number        string // of the caller, where there are columns for them
	dstName             string
	channel, dstChannel string
	lastApp, lastData   string
	disposition         string
	unique, linked      string // empty: the PBX does not say
	start               time.Time
	duration, talk      time.Duration
}

// answered is when the two began to talk, as far as this row knows.
func (r *row) answered() time.Time { return r.end().Add(-r.talk) }

func (r *row) end() time.Time { return r.start.Add(r.duration) }

// longestText is how many bytes of a column are read. Asterisk's own columns are of 80 to 255.
const longestText = 1024

// text makes a column's value UTF-8: what is none is Latin-1, as old PBXs write it.
func text(s string) string {
	if len(s) > longestText {
		s = s[:longestText]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		if last := len(s) - 1; last >= 0 && s[last] >= utf8.RuneSelf {
			s = s[:last]
		}
	}
	if utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	for i := range len(s) {
		out.WriteRune(rune(s[i]))
	}
	return out.String()
}

// newRow reads a row by the names of its columns, those of Asterisk's adaptive modules and of FreePBX. start is given, or
// zero and then read from text in a zone. False: it makes no sense.
func newRow(get func(column string) string, start time.Time, zone *time.Location, now time.Time) (row, bool) {
	r := row{
		src: text(get("src")), dst: text(get("dst")), clid: text(get("clid")), name: text(get("cnam")), number: text(get("cnum")), dstName: text(get("dst_cnam")),
		channel: text(get("channel")), dstChannel: text(get("dstchannel")), lastApp: text(get("lastapp")), lastData: text(get("lastdata")),
		disposition: strings.ToUpper(strings.TrimSpace(text(get("disposition")))), unique: text(get("uniqueid")), linked: text(get("linkedid")), start: start,
	}
	if r.start.IsZero() {
		began := get("start")
		if began == "" {
			began = get("calldate")
		}
		var read bool
		if r.start, read = clock(began, r.unique, zone); !read {
			return row{}, false
		}
	}
	r.duration, r.talk = seconds(get("duration")), seconds(get("billsec"))
	r.talk = min(r.talk, r.duration)
	possible := r.start.Year() >= 2000 && r.start.Before(now.Add(longestCall)) && r.channel != ""
	return r, possible
}

// seconds reads a duration. What is negative, or longer than anybody talks, is none.
func seconds(text string) time.Duration {
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64) // some tables have fractions
	if err != nil || !(n >= 0 && n <= longestCall.Seconds()) {
		return 0
	}
	return time.Duration(n * float64(time.Second)).Truncate(time.Second)
}

// clock reads 2026-11-28 22:05:00, with or without a fraction, in a zone. An hour that comes twice, when summer time ends, is
// the first that is not before the channel was made, which its unique id tells; without one it is the earlier.
func clock(text, unique string, zone *time.Location) (time.Time, bool) {
	at, err := time.ParseInLocation("2006-01-02 15:04:05", strings.Replace(strings.TrimSpace(text), "T", " ", 1), zone)
	if err != nil {
		return time.Time{}, false
	}
	made, known := born(unique)
	const slack = 5 * time.Second
	first, last := at, at
	for _, shift := range []time.Duration{-time.Hour, -time.Hour / 2, time.Hour / 2, time.Hour} { // half an hour on Lord Howe Island
		other := at.Add(shift)
		if other.Format(time.DateTime) != at.Format(time.DateTime) {
			continue
		}
		if other.Before(first) {
			first = other
		}
		if other.After(last) {
			last = other
		}
	}
	if known && first.Before(made.Add(-slack)) {
		return last, true
	}
	return first, true
}

var uniqueID = regexp.MustCompile(`^(?:.*-)?(\d{9,11})\.\d+$`)

// born is when a channel was made: its unique id is [system-]seconds.counter, in UTC whatever the PBX's zone.
func born(unique string) (time.Time, bool) {
	found := uniqueID.FindStringSubmatch(unique)
	if found == nil {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(found[1], 10, 64)
	return time.Unix(n, 0), err == nil
}
