package telephony

// PastCall is a call that is over, as the PBX's own records tell it. Legs are those by which it is known again: what was seen of
// it live has one of them.
type PastCall struct {
	Call Call
	Legs []LegID
}
