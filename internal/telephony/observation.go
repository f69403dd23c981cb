package telephony

import "time"

// Observation is what a PBX said, in our words. A connector reports them in wire order.
type Observation struct {
	ReportedAt time.Time  // the PBX's clock, zero if it did not say
	ObservedAt time.Time  // our clock
	Legs       []LegFacts // what the message said about legs in passing; applied before Fact
	Fact       Fact       // what happened; nil if only Legs matter
}

// Fact is what happened. The set is closed: see the types below.
type Fact interface{ fact() }

// LegState is a leg's own state at the PBX. It only moves forward.
type LegState int

const (
	LegUnsaid  LegState = iota // the message did not say
	LegDown                    // made, not yet reached
	LegCalling                 // this leg is the caller, the far side is being reached
	LegRinging                 // this leg's device rings
	LegUp                      // answered
)

// LegFacts is what one message says about a leg. Empty means not said.
type LegFacts struct {
	Leg        LegID
	Device     string // PJSIP/1001
	State      LegState
	Number     string // this leg's own number and name, raw
	Name       string
	PeerNumber string // who the PBX shows to this leg, raw
	PeerName   string
	Dialed     string // what this leg dialled, if it is a caller
	Group      string // legs that the PBX files together; may change silently, is never an identity
}

// LegSeen says no more than that the legs exist as told.
type LegSeen struct{}

// LegAdded says that a leg was made just now.
type LegAdded struct{ Leg LegID }

// DialBegan says that From began to reach To. From is empty where the PBX itself calls.
type DialBegan struct {
	From, To LegID
	Sent     string // the number that was sent out, if the PBX said
}

// DialOutcome is how an attempt to reach a leg came out.
type DialOutcome string

const (
	DialAnswered    DialOutcome = "answered"
	DialBusy        DialOutcome = "busy"
	DialNoAnswer    DialOutcome = "no_answer"
	DialCancelled   DialOutcome = "cancelled"
	DialUnreachable DialOutcome = "unreachable"
)

// DialEnded says how From's attempt to reach To came out.
type DialEnded struct {
	From, To LegID
	Outcome  DialOutcome
}

// BridgeEntered and BridgeLeft say who hears whom.
type (
	BridgeEntered struct {
		Bridge string
		Leg    LegID
	}
	BridgeLeft struct {
		Bridge string
		Leg    LegID
	}
)

// LegHeld and LegResumed are about the leg whose device pressed hold. Both may repeat or come unpaired.
type (
	LegHeld    struct{ Leg LegID }
	LegResumed struct{ Leg LegID }
)

// HangupAsked says that this leg's own device wants to end.
type HangupAsked struct {
	Leg   LegID
	Cause Cause
}

// LegGone says that the leg is no more.
type LegGone struct {
	Leg   LegID
	Cause Cause
}

// LinkUp says that the PBX can be seen again. BootedAt is when the PBX itself started, zero if it did not say.
type LinkUp struct {
	Peer     string
	BootedAt time.Time
}

// LinkLost says that the PBX cannot be seen any more.
type LinkLost struct{ Reason string }

// Snapshot is every leg that the PBX has. Legs that are not in it are gone.
type Snapshot struct{ Legs []SnapshotLeg }

// SnapshotLeg is a leg as a snapshot tells it.
type SnapshotLeg struct {
	LegFacts
	Bridge string
	Called bool          // the PBX reaches out to this leg; false: this leg began
	Age    time.Duration // since the leg was made, in whole seconds; negative if not said
}

func (LegSeen) fact()       {}
func (LegAdded) fact()      {}
func (DialBegan) fact()     {}
func (DialEnded) fact()     {}
func (BridgeEntered) fact() {}
func (BridgeLeft) fact()    {}
func (LegHeld) fact()       {}
func (LegResumed) fact()    {}
func (HangupAsked) fact()   {}
func (LegGone) fact()       {}
func (LinkUp) fact()        {}
func (LinkLost) fact()      {}
func (Snapshot) fact()      {}
