package telephony

import (
	"slices"
	"strings"
)

// Extension is one extension of a line.
type Extension struct {
	Number string // 1001
	Device string // PJSIP/1001; empty: any technology with the number as its endpoint
	Name   string // shown as the user's name; empty: what the PBX says
}

// Has reports whether a device is the extension's.
func (e Extension) Has(device string) bool {
	return e.Device != "" && strings.EqualFold(e.Device, device) || e.Device == "" && Endpoint(device) == e.Number
}

// Endpoint is a device without its technology.
func Endpoint(device string) string {
	_, name, _ := strings.Cut(device, "/")
	return Display(name)
}

// Outside reports whether a device leads to a trunk. Without a list of them, one whose endpoint is not all digits does.
func Outside(trunks []string, device string) bool {
	if len(trunks) > 0 {
		return slices.ContainsFunc(trunks, func(trunk string) bool { return strings.EqualFold(trunk, device) })
	}
	return strings.Trim(Endpoint(device), "0123456789") != ""
}
