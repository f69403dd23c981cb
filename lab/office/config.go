package office

import "github.com/callboard-dev/callboard/lab"

// Options are those of a lab in which all flows can be played: the usual one with shorter waits and a few more numbers.
// The manager's events carry their times, and there are Cdr events.
func Options() lab.Options {
	return lab.Options{Timestamps: true, CDREvents: true, Append: map[string]string{
		"extensions.conf":  dialplan,
		"features.conf":    "[general](+)\natxfernoanswertimeout = 3\n",
		"res_parking.conf": "[default](+)\nparkingtime => 6\n",
		"queues.conf":      queue,
	}}
}

const dialplan = `
[globals](+)
DESKRING = 4
[from-trunk]
; 1001 for 3 s, to voicemail when it is busy or does not answer
exten => 5550122,1,Dial(PJSIP/1001,3,tT)
 same => n,GotoIf($["${DIALSTATUS}"="BUSY"]?busy)
 same => n,VoiceMail(1001@default,su)
 same => n,Hangup()
 same => n(busy),VoiceMail(1001@default,sb)
 same => n,Hangup()
; ring group, 3 s
exten => 5550201,1,Dial(PJSIP/1001&PJSIP/1002&PJSIP/1003,3,tT)
 same => n,Hangup()
; queue that tries one after the other
exten => 5550220,1,Answer()
 same => n,Queue(2200,tT,,,60)
 same => n,Hangup()
`

const queue = `
[2200]
strategy = linear
timeout = 3
retry = 1
ringinuse = no
joinempty = yes
setinterfacevar = yes
setqueueentryvar = yes
announce-frequency = 0
member => PJSIP/1001,0,Alice One,PJSIP/1001
member => PJSIP/1002,0,Bob Two,PJSIP/1002
`
