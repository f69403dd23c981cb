package history

import (
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// longEnough bounds the search of one judge; what it has not found wrong by then is not held to be right either.
const longEnough = 30 * time.Second

// forever is when a request returned of which nobody knows how it came out: it may yet take effect.
const forever = math.MaxInt64

// Registers holds exclusive fields to being compare-and-set registers (B-2): reads and swaps of one record are in some
// order, that of time, in which each read reads what the last swap wrote.
func Registers(h *History) []error {
	var out findings
	byRecord := map[string][]porcupine.Operation{}
	for i := range h.Requests {
		q := &h.Requests[i]
		if q.Op == "read" && q.Outcome == Acked || q.Op == "swap" {
			byRecord[q.Record] = append(byRecord[q.Record], operation(q))
		}
	}
	for record, ops := range byRecord {
		if verdict := porcupine.CheckOperationsTimeout(register.ToModel(), ops, longEnough); verdict != porcupine.Ok {
			out.add("B-2: the exclusive field of %s is no register (%s): %d reads and swaps", record, verdict, len(ops))
		}
	}
	return out
}

func operation(q *Request) porcupine.Operation {
	op := porcupine.Operation{Input: q, Output: q, Call: int64(q.Sent), Return: int64(q.Done)}
	if q.Outcome == Unknown {
		op.Return = forever
	}
	return op
}

// register is a field that is swapped under If-Match. It knows no rev: that it is the one that was read implies that the
// value is.
var register = porcupine.NondeterministicModel{
	Init: func() []any { return []any{""} },
	Step: func(state, input, _ any) []any {
		q := input.(*Request)
		now := state.(string)
		switch {
		case q.Op == "read" || q.Outcome == Refused: // a refusal tells what is there
			if q.Value == now {
				return []any{now}
			}
			return nil
		case q.Outcome == Unknown && q.Seen == now:
			return []any{now, q.Effects[0].Value}
		case q.Outcome == Unknown:
			return []any{now}
		case q.Seen == now:
			return []any{q.Effects[0].Value}
		}
		return nil
	},
}

// Commands holds commands to their keys (D-10): each answer under a key is the first one, a command whose outcome was not
// known stays so, and the PBX was told of it once at most, and of one that was carried out once.
func Commands(h *History) []error {
	var out findings
	byKey := map[string][]porcupine.Operation{}
	var keys []string
	for i := range h.Requests {
		q := &h.Requests[i]
		if q.Op != "dial" {
			continue
		}
		if byKey[q.Key] == nil {
			keys = append(keys, q.Key)
		}
		byKey[q.Key] = append(byKey[q.Key], operation(q))
		told := h.Told[q.Seen]
		if told > 1 || q.Outcome == Acked && told == 0 {
			out.add("D-10: the PBX was told %d times to call %s; %s's command was %s", told, q.Seen, q.Client, q.Outcome)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		if verdict := porcupine.CheckOperationsTimeout(once.ToModel(), byKey[key], longEnough); verdict != porcupine.Ok {
			out.add("D-10: the answers under %s are not those of one command (%s)", key, verdict)
		}
	}
	return out
}

// What a command can be, beside its answer.
const (
	fresh = "never begun"
	begun = "begun, and it is not known how it came out"
)

// once is a command under a key.
var once = porcupine.NondeterministicModel{
	Init: func() []any { return []any{fresh} },
	Step: func(state, input, _ any) []any {
		q := input.(*Request)
		now := state.(string)
		switch {
		case q.Outcome == Unknown && q.Status == 0: // no answer: whatever it did, it did it
			if now == fresh {
				return []any{fresh, begun}
			}
			return []any{now}
		case q.Outcome == Unknown: // Callboard says that it does not know
			if now == begun {
				return []any{begun + " for ever"}
			}
			if now == begun+" for ever" {
				return []any{now}
			}
			return nil
		case q.Outcome == Refused:
			if now == fresh {
				return []any{fresh}
			}
			return nil
		case now == fresh || now == begun || now == q.Value:
			return []any{q.Value}
		}
		return nil
	},
}
