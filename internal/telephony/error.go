package telephony

// Code classifies an error at the border. Only the server knows which HTTP status it becomes.
type Code string

const (
	CodeInvalid       Code = "invalid"
	CodeNotFound      Code = "not_found"
	CodeForbidden     Code = "forbidden"
	CodeAuthoritative Code = "field_authoritative"
	CodeClosed        Code = "record_closed"
	CodeTooLarge      Code = "too_large"
	CodeWorkUnknown   Code = "work_unknown"
	CodeCursorGone    Code = "cursor_gone"
	CodeConflict      Code = "conflict"
	CodeStore         Code = "store_unavailable"
)

// Error is one that a user or an app may see: a code from the closed set, a sentence, and what to do about it.
type Error struct {
	Code    Code
	Message string
	Remedy  string
}

func (e *Error) Error() string {
	if e.Remedy == "" {
		return e.Message
	}
	return e.Message + ": " + e.Remedy
}
