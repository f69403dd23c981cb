package board

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Bounds of what a source may write (SEC-23).
const (
	MaxValue    = 8 << 10  // bytes of a claim's value
	MaxText     = 32 << 10 // bytes of an item's text
	maxClaims   = 64
	maxPerField = 8 // claims of apps
	maxFields   = 256
	maxItems    = 1000
	maxFacts    = 32        // fields of a candidate
	maxRecord   = 256 << 10 // all values and texts together: a record is handed out whole

	minTTL = time.Second
	maxTTL = 30 * 24 * time.Hour
)

var itemID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Lists that a record has.
var lists = []string{"notes", "documents", "emails", "links", "history", "cards", Candidates}

// isFieldName reports whether a name is of words of a-z, 0-9, _ and -, parted by dots: party.company, x.crm.owner. It
// begins with a letter, and its first word has no hyphen.
func isFieldName(name string) bool {
	if len(name) > 128 || name == "" || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	words, length := 1, 0
	for i := range len(name) {
		switch c := name[i]; {
		case c == '.' && length > 0:
			words, length = words+1, 0
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '-' && words > 1:
			length++
		default:
			return false
		}
	}
	return words > 1 && length > 0
}

func invalid(format string, args ...any) error {
	return &telephony.Error{Code: telephony.CodeInvalid, Message: fmt.Sprintf(format, args...)}
}

// checkClaims says why claims cannot be written, whatever fuel there is.
func (b *Board) checkClaims(r *Record, source string, claims []NewClaim, rev int64) error {
	if len(claims) > maxClaims {
		return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("%d claims at once", len(claims)), Remedy: fmt.Sprintf("send at most %d", maxClaims)}
	}
	more, fresh := 0, 0
	for i := range claims {
		c := &claims[i]
		if err := b.checkClaim(r, source, c); err != nil {
			return err
		}
		more += len(c.Value)
		if r.Fields[c.Field] == nil {
			fresh++
		}
		if slices.Contains(b.resolver.exclusive, c.Field) && rev == 0 {
			return b.revMoved(r, fmt.Sprintf("%s has one owner: it is claimed with the rev of the record that you have read", c.Field), "send If-Match")
		}
	}
	switch {
	case rev != 0 && rev != r.Rev:
		return b.revMoved(r, fmt.Sprintf("the record has rev %d, not %d", r.Rev, rev), "look at what has changed, then write with its rev")
	case fresh > 0 && len(r.Fields)+fresh > maxFields:
		return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("the record has %d fields", len(r.Fields)), Remedy: "withdraw claims that are no longer needed"}
	case more > 0 && r.weight()+more > maxRecord:
		return tooHeavy
	}
	return nil
}

func (b *Board) revMoved(r *Record, message, remedy string) error {
	return &RevMoved{Current: r, Seq: b.journal.seq, Err: &telephony.Error{Code: CodeRevMoved, Message: message, Remedy: remedy}}
}

func (b *Board) checkClaim(r *Record, source string, c *NewClaim) error {
	switch {
	case !isFieldName(c.Field):
		return invalid("%q is no field name: it is like party.company or x.crm.owner", telephony.Display(c.Field))
	case b.resolver.only(c.Field) && source != SourcePBX && (r.Call != nil || source != SourceUser):
		return &telephony.Error{Code: telephony.CodeAuthoritative, Message: fmt.Sprintf("%s is what the PBX says", c.Field), Remedy: "claim another field; nobody can overrule the PBX on this one"}
	case isApp(source) && strings.HasPrefix(c.Field, "x.") && !strings.HasPrefix(c.Field[len("x."):], source+"."):
		return &telephony.Error{Code: telephony.CodeForbidden, Message: fmt.Sprintf("%s belongs to another app", c.Field), Remedy: fmt.Sprintf("your own fields begin with x.%s.", source)}
	case b.mayClaim(source, c.Field) != nil && c.Value != "": // to take back is always possible
		return b.mayClaim(source, c.Field)
	case isApp(source) && c.Field == CandidateField:
		return &telephony.Error{Code: telephony.CodeForbidden, Message: "which of the candidates it is, a person says", Remedy: "add to the list " + Candidates}
	case len(c.Value) > MaxValue:
		return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("the value of %s has %d bytes", c.Field, len(c.Value)), Remedy: fmt.Sprintf("a value has at most %d; put longer text in a document", MaxValue)}
	case c.Quality != "" && rank(c.Quality) == 0:
		return invalid("%q is no quality: use guess, derived, matched or verified", string(c.Quality))
	case c.Quality == Confirmed && source != SourceUser:
		return invalid("confirmed is a person's word: an app may claim up to verified")
	case c.TTL != 0 && (c.TTL < minTTL || c.TTL > maxTTL):
		return invalid("a claim expires after a second at the least and 30 days at the most")
	case isApp(source) && c.Value != "" && crowded(r.Fields[c.Field], source):
		return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("%d apps claim %s already", maxPerField, c.Field), Remedy: "let the user take an app away that is not needed"}
	}
	return nil
}

// crowded reports whether as many apps claim a field as may.
func crowded(f *Field, source string) bool {
	if f == nil || len(f.Claims) < maxPerField || f.Of(source) != nil {
		return false
	}
	apps := 0
	for i := range f.Claims {
		if isApp(f.Claims[i].Source) {
			apps++
		}
	}
	return apps >= maxPerField
}

// checkItem says why an item cannot be written; more are written before it in the same act.
func (b *Board) checkItem(r *Record, source string, item NewItem, more int) error {
	list := r.Items[item.List]
	held := slices.IndexFunc(list, func(other Item) bool { return other.ID == item.ID })
	switch {
	case !slices.Contains(lists, item.List):
		return &telephony.Error{Code: telephony.CodeInvalid, Message: fmt.Sprintf("%q is no list of a record", item.List), Remedy: "use one of " + strings.Join(lists, ", ")}
	case b.mayClaim(source, item.List) != nil:
		return b.mayClaim(source, item.List)
	case held < 0 && len(list)+more >= maxItems:
		return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("the list %s has %d items", item.List, len(list)), Remedy: "remove some first"}
	case held >= 0 && list[held].Source != source:
		return &telephony.Error{Code: telephony.CodeForbidden, Message: fmt.Sprintf("item %s belongs to %s", item.ID, list[held].Source), Remedy: "add one of your own"}
	case item.ID != "" && !itemID.MatchString(item.ID):
		return invalid("an item's id has 1 to 64 of A-Z a-z 0-9 _ -")
	case len(item.Text) > MaxText:
		return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("the text has %d bytes", len(item.Text)), Remedy: fmt.Sprintf("an item has at most %d: split it", MaxText)}
	case item.URL != "" && !safeURL(item.URL):
		return &telephony.Error{Code: telephony.CodeInvalid, Message: "that is no link to be shown", Remedy: "a link is https, without a user name in it, and at most 2,048 bytes long"}
	case r.weight()+len(item.Text)+len(item.Title)+len(item.URL)+weightOf(item.Fields) > maxRecord:
		return tooHeavy
	}
	return b.checkCandidate(source, item)
}

// checkCandidate says why an item is no candidate, or has fields though it is not to be one (B-24).
func (b *Board) checkCandidate(source string, item NewItem) error {
	switch {
	case item.List == "history":
		return checkPast(item)
	case item.List != Candidates && len(item.Fields) > 0:
		return invalid("only an item of %s or history has fields", Candidates)
	case item.List == Candidates && (item.ID == "" || len(item.Fields) == 0):
		return &telephony.Error{Code: telephony.CodeInvalid, Message: "a candidate has an id and fields", Remedy: "use the id that the person has in your system: a pick is remembered by it"}
	case len(item.Fields) > maxFacts:
		return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("a candidate with %d fields", len(item.Fields)), Remedy: fmt.Sprintf("send at most %d", maxFacts)}
	}
	for name, value := range item.Fields {
		own := strings.HasPrefix(name, "x."+source+".")
		switch {
		case !isFieldName(name) || !own && !strings.HasPrefix(name, "party.") || b.resolver.only(name) || name == CandidateField:
			return invalid("%q is no field of a candidate: it is like party.name or x.%s.owner", telephony.Display(name), source)
		case len(value) > MaxValue:
			return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("the value of %s has %d bytes", name, len(value)), Remedy: fmt.Sprintf("a value has at most %d", MaxValue)}
		}
		if err := b.mayClaim(source, name); err != nil { // once it is picked it is a claim of that
			return err
		}
	}
	return nil
}

// Past are the fields that an item of history may have (B-21).
var Past = []string{"history.view", "history.direction", "history.result", "history.at", "history.duration_s", "history.who", "history.record"}

func checkPast(item NewItem) error {
	for name, value := range item.Fields {
		if !slices.Contains(Past, name) {
			return invalid("%q is no field of an item of history: use %s", telephony.Display(name), strings.Join(Past, ", "))
		}
		if len(value) > MaxText/64 {
			return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("the value of %s has %d bytes", name, len(value)), Remedy: "what is longer goes into the text"}
		}
	}
	return nil
}

var tooHeavy = &telephony.Error{Code: telephony.CodeTooLarge, Message: "the record is full: its values and texts have 256 KiB", Remedy: "remove what is no longer needed, or link to it"}

// weight is about how many bytes people and apps have written on a record.
func (r *Record) weight() int {
	bytes := 0
	for _, f := range r.Fields {
		for i := range f.Claims {
			bytes += len(f.Claims[i].Value)
		}
	}
	for _, list := range r.Items {
		for i := range list {
			bytes += len(list[i].Text) + len(list[i].Title) + len(list[i].URL) + weightOf(list[i].Fields)
		}
	}
	return bytes
}

func weightOf(fields map[string]string) int {
	bytes := 0
	for name, value := range fields {
		bytes += len(name) + len(value)
	}
	return bytes
}

// safeURL takes links that lead where they seem to.
func safeURL(link string) bool {
	parsed, err := url.Parse(link)
	return err == nil && len(link) <= 2048 && parsed.Scheme == "https" && parsed.Host != "" && parsed.User == nil && telephony.Clean(link) == link
}
