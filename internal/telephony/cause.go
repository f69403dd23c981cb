package telephony

// CauseKind is the closed vocabulary of why a leg ended.
type CauseKind string

const (
	CauseNormal            CauseKind = "normal"
	CauseBusy              CauseKind = "busy"
	CauseNoAnswer          CauseKind = "no_answer"
	CauseRejected          CauseKind = "rejected"
	CauseCancelled         CauseKind = "cancelled"
	CauseAnsweredElsewhere CauseKind = "answered_elsewhere"
	CauseUnreachable       CauseKind = "unreachable"
	CauseNetwork           CauseKind = "network"
	CauseUnknown           CauseKind = "unknown"
)

// Cause is why a leg ended. Q850 and Native keep what the PBX said.
type Cause struct {
	Kind   CauseKind
	Q850   int
	Native string
}

// CauseOf classifies an ITU-T Q.850 cause value, as Asterisk sends it in Hangup. Zero and what is not in the table are
// CauseUnknown.
func CauseOf(q850 int, native string) Cause {
	kind, known := kinds[q850]
	if !known {
		kind = CauseUnknown
	}
	return Cause{Kind: kind, Q850: q850, Native: native}
}

var kinds = map[int]CauseKind{
	1: CauseUnreachable, 2: CauseUnreachable, 3: CauseUnreachable, 20: CauseUnreachable, 22: CauseUnreachable,
	27: CauseUnreachable, 28: CauseUnreachable,
	16: CauseNormal, 31: CauseNormal,
	17: CauseBusy,
	18: CauseNoAnswer, 19: CauseNoAnswer,
	21: CauseRejected,
	26: CauseAnsweredElsewhere,
	34: CauseNetwork, 38: CauseNetwork, 41: CauseNetwork, 42: CauseNetwork, 44: CauseNetwork,
	127: CauseUnknown, // "interworking": Asterisk's word for a caller who gave up, and for much else
}
