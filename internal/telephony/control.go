package telephony

// Action is something that a person does with a call.
type Action string

const (
	Answer          Action = "answer"
	Hangup          Action = "hangup" // of a call that rings here: it is rejected
	Hold            Action = "hold"
	Resume          Action = "resume"
	Transfer        Action = "transfer" // blind: the other party goes to a number
	Consult         Action = "consult"  // the other party waits while a number is called; then Complete or Cancel
	Complete        Action = "complete"
	Cancel          Action = "cancel"
	Join            Action = "join" // the other parties of two calls are given to each other
	Park            Action = "park"
	Digits          Action = "digits"
	Record          Action = "record"
	StopRecording   Action = "stop_recording"
	PauseRecording  Action = "pause_recording"
	ResumeRecording Action = "resume_recording"
	Mute            Action = "mute"
	Unmute          Action = "unmute"
)

// Actions are all of them, in the order in which people look for them.
var Actions = []Action{Answer, Hangup, Hold, Resume, Transfer, Consult, Complete, Cancel, Join, Park, Digits, Mute, Unmute, Record,
	PauseRecording, ResumeRecording, StopRecording}

// Command is an action with what it needs.
type Command struct {
	Action    Action
	Extension string // which of the line's in the call; empty: the one that is furthest
	To        string // the number of a transfer or consultation
	With      CallID // the other call of a join
	Digits    string
}

// Ability is something that a PBX may let us do. An ability bears the name of its first action.
type Ability string

const (
	AbleDial           Ability = "dial"
	AbleAnswer         Ability = "answer"
	AbleHangup         Ability = "hangup"
	AbleHold           Ability = "hold"
	AbleTransfer       Ability = "transfer"
	AbleConsult        Ability = "consult"
	AbleJoin           Ability = "join"
	AblePark           Ability = "park"
	AbleDigits         Ability = "digits"
	AbleMute           Ability = "mute"
	AbleRecord         Ability = "record"
	AblePauseRecording Ability = "pause_recording"
	AbleStopRecording  Ability = "stop_recording"
	AbleInspect        Ability = "inspect" // addresses, encryption and whether a number is withheld
)

// Abilities are all of them, in the order in which people look for them.
var Abilities = []Ability{AbleDial, AbleAnswer, AbleHangup, AbleHold, AbleTransfer, AbleConsult, AbleJoin, AblePark, AbleDigits, AbleMute,
	AbleRecord, AblePauseRecording, AbleStopRecording, AbleInspect}

// Takes is the ability that an action takes.
func (a Action) Takes() Ability {
	switch a {
	case Resume:
		return AbleHold
	case Complete, Cancel:
		return AbleConsult
	case ResumeRecording:
		return AblePauseRecording
	case Unmute:
		return AbleMute
	}
	return Ability(a)
}

// Able says whether there is an ability now, and where not, why and what to do about it.
type Able struct {
	Name      Ability
	Available bool
	Reason    string
	Remedy    string
}

// Codes of errors about commands.
const (
	CodeNotPossible  Code = "not_possible"           // this PBX, account or device cannot
	CodeNotNow       Code = "not_now"                // the call is not in a state for it
	CodeNumberDenied Code = "number_denied"          // the number policy
	CodePBXAway      Code = "pbx_unavailable"        // there is no link, or it did not answer in time
	CodePBXRefused   Code = "pbx_refused"            // the PBX said no
	CodePhoneSilent  Code = "phone_did_not_react"    // the PBX has asked the phone, and nothing happened
	CodeKeyReused    Code = "idempotency_key_reused" // with another request
	CodeUnderWay     Code = "under_way"              // the same request is being carried out
	CodeOutcome      Code = "outcome_unknown"        // Callboard ended while it was carried out
)
