// Package e2e holds no code: its tests run the real program against a real Asterisk, with real SIP phones, the example apps
// in processes of their own and a real browser.
//
// They need what `make setup` installs, and fail, never skip, where it is missing.
package e2e
