package demopbx

import (
	"fmt"
	"strings"
)

// tellPeers sets the variables that name the other side in a bridge. Hold and resume set them again.
func (b *bridge) tellPeers() {
	for _, ch := range b.channels {
		if peer := b.other(ch); peer != nil {
			b.x.setVar(ch, "BRIDGEPEER", peer.name)
			b.x.setVar(ch, "BRIDGEPVTCALLID", peer.callID)
		}
	}
}

func (x *exchange) clearPeer(ch *channel) {
	x.setVar(ch, "BRIDGEPEER", "")
	x.setVar(ch, "BRIDGEPVTCALLID", "")
}

// quality are the RTP statistics that res_rtp_asterisk leaves behind at the end: a quarter of a call's AMI bytes.
func (x *exchange) quality(ch *channel) [][2]string {
	packets := x.at.Sub(ch.born).Milliseconds() / 20
	four := func(what string, pad int) string {
		var b strings.Builder
		for _, side := range []string{"rx", "tx"} {
			for _, kind := range []string{"min", "max", "avg", "stdev"} {
				fmt.Fprintf(&b, "%*s%s%s%s=000.000000;", pad, "", kind, side, what)
			}
		}
		return b.String()
	}
	rtt := ""
	for _, kind := range []string{"min", "max", "avg", "stdev"} {
		rtt += "     " + kind + "rtt=000.000000;"
	}
	return [][2]string{
		{"RTPAUDIOQOS", fmt.Sprintf("ssrc=%d;themssrc=%d;lp=0;rxjitter=0.000000;rxcount=%d;txjitter=0.000250;txcount=%d;"+
			"rlp=0;rtt=0.000000;rxmes=0.000000;txmes=0.000000", x.rng.Uint32(), x.rng.Uint32(), packets, packets)},
		{"RTPAUDIOQOSJITTER", four("jitter", 0)},
		{"RTPAUDIOQOSLOSS", four("lost", 2)},
		{"RTPAUDIOQOSRTT", rtt},
		{"RTPAUDIOQOSMES", four("mes", 3)},
	}
}

// tellQuality tells the statistics of the side that hung up, on both channels.
func (x *exchange) tellQuality(side, other *channel) {
	if side.half != nil {
		return
	}
	for _, v := range x.quality(side) {
		x.setVar(side, v[0], v[1])
		x.setVar(other, v[0]+"BRIDGED", v[1])
	}
}

func (x *exchange) tellOwnQuality(ch *channel) {
	if ch.half != nil {
		return
	}
	for _, v := range x.quality(ch) {
		x.setVar(ch, v[0], v[1])
	}
}
