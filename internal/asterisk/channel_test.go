package asterisk

import "testing"

func TestWords(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"PJSIP/1001-00000003": "PJSIP/1001", "PJSIP/my-trunk-0000000a": "PJSIP/my-trunk", "Local/1001@ctx-00000001;1": "Local/1001@ctx", "odd": "odd", "-1": "-1", "": ""} {
		if got := Device(in); got != want {
			t.Errorf("device of %q is %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"5550199@trunk": "5550199", "trunk/sip:5550199@host:5060": "5550199", "trunk/5550199": "5550199", "1001/sip:1001@10.0.0.5;ob": "1001",
		"+4512345678@trunk": "+4512345678", "alice": "", "1001/sip:alice@host": "", "": ""} {
		if got := SentNumber(in); got != want {
			t.Errorf("number sent by %q is %q, want %q", in, got, want)
		}
	}
}
