package client

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"

	"github.com/callboard-dev/callboard/api"
)

// CommandOption says more about a command.
type CommandOption func(*commandOptions)

type commandOptions struct{ key, extension string }

// Key is the command's Idempotency-Key. Without it every call of a method is an intention of its own. With it a command
// whose answer did not come can be sent again, and is not carried out twice.
func Key(key string) CommandOption { return func(o *commandOptions) { o.key = key } }

// Extension says whose phone is meant, on a line with several.
func Extension(number string) CommandOption { return func(o *commandOptions) { o.extension = number } }

func optionsOf(options []CommandOption) commandOptions {
	o := commandOptions{key: rand.Text()}
	for _, set := range options {
		set(&o)
	}
	return o
}

// Dial rings the user's phone and, once that is answered, lets it call a number. It gives the record that becomes the call,
// which is on the board at once. For the person, and for apps that may dial. Never sent twice by itself.
func (c *Client) Dial(ctx context.Context, number string, options ...CommandOption) (recordID string, err error) {
	o := optionsOf(options)
	var p api.Placed
	err = c.doOnce(ctx, http.MethodPost, "/v1/calls", o.key, api.Dial{Number: number, Extension: o.extension}, &p)
	return p.Record, err
}

// Can tells whether an action of [api.CommandName] is possible with the record's call just now.
func (r *Record) Can(action api.CommandName) bool { return slices.Contains(r.Call.Actions, action) }

// Command does something with a record's call. It returns when the PBX has taken it; what becomes of the call comes with the
// stream. A [*Problem] says why it was not done: not_now, not_possible, number_denied, pbx_refused, phone_did_not_react. For
// the person, and for apps that may control. The methods below are ways to say it shorter.
func (c *Client) Command(ctx context.Context, recordID string, command api.Command, options ...CommandOption) error {
	seg, err := segment("record", recordID)
	if err != nil {
		return err
	}
	o := optionsOf(options)
	if o.extension != "" {
		command.Extension = o.extension
	}
	return c.doOnce(ctx, http.MethodPost, "/v1/records/"+seg+"/commands", o.key, command, nil)
}

func (c *Client) say(ctx context.Context, recordID string, name api.CommandName, options []CommandOption) error {
	return c.Command(ctx, recordID, api.Command{Command: name}, options...)
}

// AnswerCall makes the ringing phone answer.
func (c *Client) AnswerCall(ctx context.Context, recordID string, options ...CommandOption) error {
	return c.say(ctx, recordID, api.CommandNameAnswer, options)
}

// Hangup ends the call; one that rings here is rejected.
func (c *Client) Hangup(ctx context.Context, recordID string, options ...CommandOption) error {
	return c.say(ctx, recordID, api.CommandNameHangup, options)
}

// Hold makes the phone hold the call.
func (c *Client) Hold(ctx context.Context, recordID string, options ...CommandOption) error {
	return c.say(ctx, recordID, api.CommandNameHold, options)
}

// Resume makes the phone take the call back.
func (c *Client) Resume(ctx context.Context, recordID string, options ...CommandOption) error {
	return c.say(ctx, recordID, api.CommandNameResume, options)
}

// Transfer sends the other party to a number.
func (c *Client) Transfer(ctx context.Context, recordID, number string, options ...CommandOption) error {
	return c.Command(ctx, recordID, api.Command{Command: api.CommandNameTransfer, To: number}, options...)
}

// Consult lets the other party wait while a number is called; then [Client.Complete] or [Client.Cancel].
func (c *Client) Consult(ctx context.Context, recordID, number string, options ...CommandOption) error {
	return c.Command(ctx, recordID, api.Command{Command: api.CommandNameConsult, To: number}, options...)
}

// Complete leaves who waits and who was called to each other.
func (c *Client) Complete(ctx context.Context, recordID string, options ...CommandOption) error {
	return c.say(ctx, recordID, api.CommandNameComplete, options)
}

// Cancel ends a consultation and goes back to who waits.
func (c *Client) Cancel(ctx context.Context, recordID string, options ...CommandOption) error {
	return c.say(ctx, recordID, api.CommandNameCancel, options)
}

// Join gives the other parties of two calls to each other.
func (c *Client) Join(ctx context.Context, recordID, otherRecordID string, options ...CommandOption) error {
	return c.Command(ctx, recordID, api.Command{Command: api.CommandNameJoin, Record: otherRecordID}, options...)
}

// Park parks the other party. The record says where.
func (c *Client) Park(ctx context.Context, recordID string, options ...CommandOption) error {
	return c.say(ctx, recordID, api.CommandNamePark, options)
}

// SendDTMF sends digits to the other end: 0-9 * # A-D.
func (c *Client) SendDTMF(ctx context.Context, recordID, digits string, options ...CommandOption) error {
	return c.Command(ctx, recordID, api.Command{Command: api.CommandNameDigits, Digits: digits}, options...)
}

// Mute keeps back what the phone sends, or no longer.
func (c *Client) Mute(ctx context.Context, recordID string, on bool, options ...CommandOption) error {
	if on {
		return c.say(ctx, recordID, api.CommandNameMute, options)
	}
	return c.say(ctx, recordID, api.CommandNameUnmute, options)
}

// StartRecording records the call at the PBX.
func (c *Client) StartRecording(ctx context.Context, recordID string, options ...CommandOption) error {
	return c.say(ctx, recordID, api.CommandNameRecord, options)
}

// PauseRecording pauses a recording, or goes on with it.
func (c *Client) PauseRecording(ctx context.Context, recordID string, pause bool, options ...CommandOption) error {
	if pause {
		return c.say(ctx, recordID, api.CommandNamePauseRecording, options)
	}
	return c.say(ctx, recordID, api.CommandNameResumeRecording, options)
}

// StopRecording ends a recording.
func (c *Client) StopRecording(ctx context.Context, recordID string, options ...CommandOption) error {
	return c.say(ctx, recordID, api.CommandNameStopRecording, options)
}
