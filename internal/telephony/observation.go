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
	Kind       LegKind
	Pair       string // of a relay leg: what both halves of the pair have in common
}

// LegKind says what a leg is an end of.
type LegKind int

const (
	DeviceLeg  LegKind = iota // a telephone or a trunk
	RelayLeg                  // one half of a pair inside the PBX: what goes in at one comes out at the other; never a party
	ServiceLeg                // the PBX's own: an announcer, a recorder; never a party
)

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
	From, To    LegID
	Outcome     DialOutcome
	ForwardedTo string // the device sent the caller on to this number, raw; empty: it did not
}

// BridgeEntered and BridgeLeft say who hears whom.
type (
	BridgeEntered struct {
		Bridge string
		Leg    LegID
		Apart  bool // those in it do not hear each other: a parking lot, a waiting room
		Room   bool // it is a place that people call, not the meeting of a caller and a called
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

// TransferKind is how a call was given away.
type TransferKind string

const (
	BlindTransfer    TransferKind = "blind"
	AttendedTransfer TransferKind = "attended"
)

// Transferred says that By gave the other end away. The PBX tells it once it has begun to carry it out.
type Transferred struct {
	Kind       TransferKind
	By         LegID  // the giver's leg in the call that was given away
	Second     LegID  // attended: the giver's leg in the consultation call; may be By itself
	Transferee LegID  // who was given away; empty if not said
	Target     LegID  // attended: who is there now, may be a relay; empty if not said
	To         string // blind: the number that was dialled, raw
	Failed     bool
}

// Parked says that a leg was parked. By is the device that parked it, where the PBX said.
type Parked struct {
	Leg   LegID
	By    string
	Space string
}

// ParkEnd is how a leg came out of its parking space.
type ParkEnd string

const (
	ParkRetrieved ParkEnd = "retrieved"
	ParkTimedOut  ParkEnd = "timed_out" // the PBX calls the parker back
	ParkGivenUp   ParkEnd = "given_up"
)

// Unparked says that a leg is parked no more. By is the leg that fetched it.
type Unparked struct {
	Leg, By LegID
	Space   string
	How     ParkEnd
}

// PickedUp says that By takes the call that rings at Target.
type PickedUp struct{ By, Target LegID }

// ConferenceJoined and ConferenceLeft are about a room that any number of legs can be in.
type (
	ConferenceJoined struct {
		Leg  LegID
		Room string
	}
	ConferenceLeft struct {
		Leg  LegID
		Room string
	}
)

// RecordingBegan, RecordingPaused, RecordingResumed and RecordingEnded are about a recording made by the PBX. The end may
// come without a word, with the leg.
type (
	RecordingBegan   struct{ Leg LegID }
	RecordingPaused  struct{ Leg LegID }
	RecordingResumed struct{ Leg LegID }
	RecordingEnded   struct{ Leg LegID }
)

// MonitoringBegan and MonitoringEnded say that By listens to, or talks into, what Leg says and hears. Leg may be empty at
// the end.
type (
	MonitoringBegan struct{ Leg, By LegID }
	MonitoringEnded struct{ Leg, By LegID }
)

// Queued and Dequeued are about a leg that waits for an agent.
type (
	Queued struct {
		Leg   LegID
		Queue string
	}
	Dequeued struct {
		Leg   LegID
		Queue string
	}
)

// Service is a part of the PBX that a leg can talk to in place of a party.
type Service string

const (
	ServiceVoicemail Service = "voicemail"
	ServiceOther     Service = "other"
)

// ServiceReached says that the PBX itself takes care of the leg now.
type ServiceReached struct {
	Leg     LegID
	Service Service
}

// LegInspected is what was learned of a leg by asking for it. Empty and Unknown mean that the PBX did not say.
type LegInspected struct {
	Leg          LegID
	Address      string // of the device, for signalling: 192.0.2.7:5060
	MediaAddress string
	Signalling   Known // encrypted
	Media        Known // encrypted
	Withheld     Known // the party asked not to be shown
	Held         Known
}

// LegMuted says that what the leg's device sends is not passed on.
type LegMuted struct {
	Leg   LegID
	Muted bool
}

// HangupOrdered says that the person asked us, not the device, to end the leg. Off takes it back: the PBX would not.
type HangupOrdered struct {
	Leg LegID
	Off bool
}

// CallPlaced says that the PBX is about to be asked to ring a device of ours and then to reach Number from it. Leg is the
// id that the device's leg will have. If it comes to nothing, LegGone follows.
type CallPlaced struct {
	Leg    LegID
	Device string
	Number string
}

// LinkUp says that the PBX can be seen again. BootedAt is when the PBX itself started, zero if it did not say.
type LinkUp struct {
	Peer     string
	BootedAt time.Time
	Warnings []string // what should be put right although the link works
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

func (LegSeen) fact()          {}
func (LegAdded) fact()         {}
func (DialBegan) fact()        {}
func (DialEnded) fact()        {}
func (BridgeEntered) fact()    {}
func (BridgeLeft) fact()       {}
func (LegHeld) fact()          {}
func (LegResumed) fact()       {}
func (HangupAsked) fact()      {}
func (LegGone) fact()          {}
func (Transferred) fact()      {}
func (Parked) fact()           {}
func (Unparked) fact()         {}
func (PickedUp) fact()         {}
func (ConferenceJoined) fact() {}
func (ConferenceLeft) fact()   {}
func (RecordingBegan) fact()   {}
func (RecordingPaused) fact()  {}
func (RecordingResumed) fact() {}
func (RecordingEnded) fact()   {}
func (MonitoringBegan) fact()  {}
func (MonitoringEnded) fact()  {}
func (Queued) fact()           {}
func (Dequeued) fact()         {}
func (ServiceReached) fact()   {}
func (LegInspected) fact()     {}
func (LegMuted) fact()         {}
func (CallPlaced) fact()       {}
func (LinkUp) fact()           {}
func (LinkLost) fact()         {}
func (Snapshot) fact()         {}
func (HangupOrdered) fact()    {}
