package telephony

import "time"

// CallID names one conversation. It is ours, never the PBX's.
type CallID string

// LegID names one party's end of a call at the PBX. It is the PBX's own id of it (an Asterisk Uniqueid), unique for one
// PBX as long as the PBX does not hand it out twice.
type LegID string

// Direction is seen from the owner of the PBX.
type Direction string

const (
	Inbound          Direction = "inbound"
	Outbound         Direction = "outbound"
	Internal         Direction = "internal"
	UnknownDirection Direction = "unknown"
)

// State is where a call stands for one party.
type State string

const (
	Dialing   State = "dialing"
	Ringing   State = "ringing"
	Connected State = "connected"
	Held      State = "held"
	Ended     State = "ended"
)

// Result says how a call came out. It is set when the call ends.
type Result string

const (
	Answered          Result = "answered"
	Missed            Result = "missed"
	Busy              Result = "busy"
	Rejected          Result = "rejected"
	Cancelled         Result = "cancelled"
	Failed            Result = "failed"
	Voicemail         Result = "voicemail"
	AnsweredElsewhere Result = "answered_elsewhere"
	Forwarded         Result = "forwarded"
	UnknownResult     Result = "unknown"
)

// EndedBy says who ended a call, seen from an extension. Empty: not known.
type EndedBy string

const (
	BySelf    EndedBy = "self"
	ByOther   EndedBy = "other"
	ByPBX     EndedBy = "pbx"
	ByFailure EndedBy = "failure"
)

// Known is yes, no or unknown: what was not seen is not claimed.
type Known string

const (
	Yes     Known = "yes"
	No      Known = "no"
	Unknown Known = "unknown"
)

// Party is who is at one end. Number and Name are display text (see Display): one line, no control characters.
// RawName and RawNumber keep what the PBX sent where that differs.
type Party struct {
	Number    string `json:"number,omitempty"`
	Name      string `json:"name,omitempty"`
	Extension string `json:"extension,omitempty"`
	RawNumber string `json:"raw_number,omitempty"`
	RawName   string `json:"raw_name,omitempty"`
	IP        string `json:"ip,omitempty"`       // of the device that speaks for the party
	Withheld  bool   `json:"withheld,omitempty"` // asked not to be shown
}

// Leg is one party's end of a call at the PBX.
type Leg struct {
	ID     LegID  `json:"id"`
	Device string `json:"device,omitempty"` // what rings, e.g. PJSIP/1001
	Caller bool   `json:"caller,omitempty"` // this leg began the call
	State  State  `json:"state"`
	Party  Party  `json:"party"`
	Media  string `json:"media,omitempty"` // address that its sound comes from
}

// TimelineEntry is one thing that happened. At is never invented: a thing that was only noticed later says so in Detail.
type TimelineEntry struct {
	At        time.Time `json:"at"`
	What      string    `json:"what"`
	Extension string    `json:"extension,omitempty"`
	Detail    string    `json:"detail,omitempty"`
}

// What a TimelineEntry names besides the states.
const (
	WhatResumed     = "resumed"
	WhatGap         = "gap"
	WhatTransferred = "transferred"
	WhatForwarded   = "forwarded"
	WhatPickedUp    = "picked_up"
	WhatParked      = "parked"
	WhatConferenced = "conferenced"
)

// View is a call as one of the line's extensions sees it.
type View struct {
	Extension   string    `json:"extension"`
	Leg         LegID     `json:"leg"`    // the extension's own leg
	Caller      bool      `json:"caller"` // the extension began the call
	Direction   Direction `json:"direction"`
	State       State     `json:"state"`
	Result      Result    `json:"result,omitempty"`
	EndedBy     EndedBy   `json:"ended_by,omitempty"`
	User        Party     `json:"user"`
	Party       Party     `json:"party"`
	First       Party     `json:"first_party,omitzero"` // who was there at first, if another has come since
	PartyLeg    LegID     `json:"party_leg,omitempty"`
	PartyDevice string    `json:"party_device,omitempty"`
	Dialed      string    `json:"dialed,omitempty"`
	StartedAt   time.Time `json:"started_at"`
	Unseen      bool      `json:"unseen,omitempty"` // it began when the PBX could not be seen: StartedAt is its own word
	AnsweredAt  time.Time `json:"answered_at,omitzero"`
	EndedAt     time.Time `json:"ended_at,omitzero"`
	EndedAfter  time.Time `json:"ended_after,omitzero"`  // the end was not seen: it was after this…
	EndedBefore time.Time `json:"ended_before,omitzero"` // …and before this
	AnsweredBy  string    `json:"answered_by,omitempty"`
	Facts
	Timeline []TimelineEntry `json:"timeline"`
}

// Facts are what happened to a call besides its states, seen from one extension. Numbers are as people dial them, made
// fit to be shown.
type Facts struct {
	TransferredTo string       `json:"transferred_to,omitempty"`
	TransferredBy string       `json:"transferred_by,omitempty"`
	TransferKind  TransferKind `json:"transfer_kind,omitempty"`
	ForwardedTo   string       `json:"forwarded_to,omitempty"`
	ForwardedBy   string       `json:"forwarded_by,omitempty"`
	PickedUpBy    string       `json:"picked_up_by,omitempty"`
	PickedUpFrom  string       `json:"picked_up_from,omitempty"`
	ReturnedFrom  string       `json:"returned_from,omitempty"` // where the call was given or parked that has come back
	ParkedAt      string       `json:"parked_at,omitempty"`
	RetrievedBy   string       `json:"retrieved_by,omitempty"`
	RetrievedFrom string       `json:"retrieved_from,omitempty"`
	Queue         string       `json:"queue,omitempty"`
	Room          string       `json:"room,omitempty"` // of a conference
	ClickToDial   bool         `json:"click_to_dial,omitempty"`
	Consulting    bool         `json:"consulting,omitempty"`  // the device talks to somebody else meanwhile, in the same call
	OtherHolds    bool         `json:"other_holds,omitempty"` // the other end has us on hold
	Muted         bool         `json:"muted"`
	Parked        bool         `json:"parked"`
	Conference    bool         `json:"conference"`
	Recording     string       `json:"recording,omitempty"` // on or paused; empty: nothing is recorded just now
	Recorded      Known        `json:"recorded"`            // at any time until now
	Monitored     Known        `json:"monitored"`           // at any time until now
	Encrypted     Known        `json:"encrypted"`           // the extension's own leg, signalling and media
	SecureLine    Known        `json:"secure_line"`         // every leg between the two parties
}

// Call is one conversation as people see it. The facts beside Views are those of the view that matters most: the one
// that is live, else the one that was answered, else the first.
type Call struct {
	ID          CallID    `json:"id"`
	Direction   Direction `json:"direction"`
	State       State     `json:"state"`
	Result      Result    `json:"result,omitempty"`
	EndedBy     EndedBy   `json:"ended_by,omitempty"`
	User        Party     `json:"user"`
	Party       Party     `json:"party"`
	StartedAt   time.Time `json:"started_at"`
	AnsweredAt  time.Time `json:"answered_at,omitzero"`
	EndedAt     time.Time `json:"ended_at,omitzero"`
	EndedAfter  time.Time `json:"ended_after,omitzero"`
	EndedBefore time.Time `json:"ended_before,omitzero"`
	Complete    bool      `json:"complete"`         // false: the PBX could not be seen for a part of it
	Unseen      bool      `json:"unseen,omitempty"` // nothing of it was seen: all is from the PBX's own records
	Facts
	Legs     []Leg           `json:"legs"`
	Views    []View          `json:"views"`
	Timeline []TimelineEntry `json:"timeline"`
}
