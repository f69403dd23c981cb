package board

import (
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Earlier is what the store has of another record of the same number, for the source history (B-21).
type Earlier struct {
	Record   string
	Line     string
	OpenedAt time.Time
	Name     string            // that was shown for the party
	Fields   map[string]*Field // of the newest ones only
	Call     *EarlierCall      // nil: there was none
}

// EarlierCall is how a call came out.
type EarlierCall struct {
	Direction  telephony.Direction
	Result     telephony.Result
	StartedAt  time.Time
	AnsweredAt time.Time // zero: it was not
	EndedAt    time.Time // zero: it was not seen
	AnsweredBy string    // of our company, where that was another
}

// SameName reports whether two names are one person's, or company's: capitals and white space apart, they are the same.
func SameName(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}
