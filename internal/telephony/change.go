package telephony

import "time"

// ChangeKind is spelled as the notification that it becomes.
type ChangeKind string

const (
	CallCreated     ChangeKind = "call.created"
	CallRinging     ChangeKind = "call.ringing"
	CallAnswered    ChangeKind = "call.answered"
	CallHeld        ChangeKind = "call.held"
	CallResumed     ChangeKind = "call.resumed"
	CallUpdated     ChangeKind = "call.updated"
	CallTransferred ChangeKind = "call.transferred"
	CallForwarded   ChangeKind = "call.forwarded"
	CallPickedUp    ChangeKind = "call.picked_up"
	CallParked      ChangeKind = "call.parked"
	CallRetrieved   ChangeKind = "call.retrieved"
	CallConferenced ChangeKind = "call.conferenced"
	CallEnded       ChangeKind = "call.ended"
	PBXConnected    ChangeKind = "pbx.connected"
	PBXLost         ChangeKind = "pbx.lost"
	PBXGap          ChangeKind = "pbx.gap"
)

// Change is what we now believe. Call is a copy of its own: the receiver may keep it and must not change it.
type Change struct {
	Kind ChangeKind
	At   time.Time
	Call *Call // set for call.*
	Gap  *Gap  // set for pbx.gap
	Link *Link // set for pbx.connected and pbx.lost
}

// Gap is a stretch of time in which the PBX could not be seen.
type Gap struct {
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Restarted bool      `json:"restarted"` // the PBX itself was started anew
}

// LinkState is how we stand with a PBX.
type LinkState string

const (
	LinkConnecting LinkState = "connecting"
	LinkConnected  LinkState = "connected"
	LinkGone       LinkState = "lost"    // will be tried again
	LinkRefused    LinkState = "refused" // trying again cannot help: somebody must change something
)

// Link is the state of the link to a PBX, with a reason and a remedy for a person where it is not there.
type Link struct {
	State   LinkState `json:"state"`
	Since   time.Time `json:"since"`
	Peer    string    `json:"peer,omitempty"`
	Problem string    `json:"problem,omitempty"`
	Remedy  string    `json:"remedy,omitempty"`
	// Warnings are what should be put right although the link works, each with its remedy.
	Warnings []string `json:"warnings,omitempty"`
}
