package client

// With is a record after a notification, as the local copy takes it.
func With(r *Record, n Notification) (*Record, error) { return r.with(n) }
