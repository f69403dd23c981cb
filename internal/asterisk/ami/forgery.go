package ami

// forgery finds messages that a caller has written, and those that he has torn. A caller's number stands in the stream as
// it came: chan_pjsip passes on line breaks that were encoded in a SIP address (seen in Asterisk 22.10). One line break adds
// header lines to a message; an empty line ends the message early, and what follows reads like messages of the PBX's own,
// up to the rest of the torn one, which begins with no Event.
//
// Nothing in such a message says which of its headers are the PBX's, so all of it is left out: whoever does this hides his
// own call and touches no other.
type forgery struct{ inside int }

// insideAtMost bounds how many messages a torn one may hide: a number is short.
const insideAtMost = 16

// found reports whether a message must be left out.
func (f *forgery) found(m *Message) bool {
	headless := m.Event() == nil && m.Response() == nil
	switch {
	case f.inside > 0:
		f.inside--
		if headless || repeated(m) { // the rest of the torn one
			f.inside = 0
		}
		return true
	case torn(m):
		f.inside = insideAtMost
		return true
	}
	return headless || repeated(m)
}

// torn reports whether a message about channels lacks the headers that end the list of a channel's own.
func torn(m *Message) bool {
	switch string(m.Event()) {
	case "Newchannel", "Newstate", "NewCallerid", "NewConnectedLine", "BridgeEnter", "BridgeLeave", "Hold", "Unhold",
		"HangupRequest", "Hangup", "Status":
		return m.Get("Uniqueid") == nil
	case "DialBegin", "DialState", "DialEnd":
		return m.Get("DestUniqueid") == nil
	}
	return false
}

// repeated reports whether a message names its channels more than once.
func repeated(m *Message) bool {
	for _, name := range [...]string{"Channel", "Uniqueid", "DestChannel", "DestUniqueid"} {
		if m.Repeats(name) {
			return true
		}
	}
	return false
}
