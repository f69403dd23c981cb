package board_test

import (
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// B-2: an app writes what it was let, and is told what to do about the rest; what it said before it may take back.
func TestGrantedClaims(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	s.claim(r, "crm", "party.name", "Ann")
	s.Approve("crm", board.Grant{Claim: []string{"party.email", "x.crm.*", board.Candidates}})
	for field, may := range map[string]bool{"party.email": true, "x.crm.owner": true, "party.name": false, "party.company": false} {
		err := s.tries(r, "crm", field, "v")
		if may && err != nil {
			t.Errorf("%s: %v", field, err)
		}
		if !may {
			wantCode(t, err, telephony.CodeForbidden)
			if known := err.(*telephony.Error); !strings.Contains(known.Message, field) || !strings.Contains(known.Remedy, "app set crm --claim 'party.email,x.crm.*,party.candidates,"+field) {
				t.Errorf("%s is refused with %q, %q", field, known.Message, known.Remedy)
			}
		}
	}
	s.claim(r, "crm", "party.name", "")
	s.reads(r, "party.name", "", "", 0)
	_, _, err := s.PutItem(r, "crm", board.NewItem{List: "notes", Text: "…"}, s.now)
	wantCode(t, err, telephony.CodeForbidden)
	_, _, err = s.PutItem(r, "crm", person("17", "party.email", "a@example.com", "party.name", "Ann"), s.now) // a pick would claim the name
	wantCode(t, err, telephony.CodeForbidden)
	if _, _, err = s.PutItem(r, "crm", person("17", "party.email", "a@example.com"), s.now); err != nil {
		t.Error(err)
	}
	s.Approve("crm", board.Grant{Claim: []string{}})
	wantCode(t, s.tries(r, "crm", "party.email", "b@example.com"), telephony.CodeForbidden)
	s.Approve("crm", board.Grant{})
	s.claim(r, "crm", "party.name", "Ann")
}

// SEC-22: an app's own fields are for itself, but for those that it calls shared and those that the person names to another.
func TestSees(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		read []string
		sees string
		not  string
	}{
		{nil, "party.name notes x.crm.owner x.erp.shared.debt party.candidates", "x.erp.debt x.erp.shared x.crmx.owner"},
		{[]string{"*"}, "party.name x.crm.owner x.erp.shared.debt", "x.erp.debt"},
		{[]string{}, "x.crm.owner", "party.name notes x.erp.shared.debt"},
		{[]string{"party.*", "x.erp.debt"}, "party.name x.crm.owner x.erp.debt", "notes user.name x.erp.shared.debt x.erp.debts"},
		{[]string{"x.*"}, "x.erp.debt", "party.name"},
		{[]string{"x*"}, "x.erp.shared.debt", "x.erp.debt"},
	} {
		g := board.Grant{Read: c.read}
		for name := range strings.FieldsSeq(c.sees) {
			if !board.Sees(g.Reads("crm"), name) {
				t.Errorf("%q does not see %s", c.read, name)
			}
		}
		for name := range strings.FieldsSeq(c.not) {
			if board.Sees(g.Reads("crm"), name) {
				t.Errorf("%q sees %s", c.read, name)
			}
		}
	}
}

// SEC-22: an app is given no work because of what it may not see, also when that is taken away while it works.
func TestGrantedNeeds(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Approve("mail", board.Grant{Read: []string{"party.name"}})
	en := s.Register("mail", board.Registration{Needs: []string{"party.*"}}, s.now)
	r := s.ring("c1", number)
	s.noWork(en)
	s.claim(r, "crm", "party.email", "ann@example.com")
	s.show()
	s.noWork(en)
	s.claim(r, "crm", "party.name", "Ann")
	s.show()
	s.answer(en, s.work(en))
	s.Approve("mail", board.Grant{Read: []string{"party.email"}})
	s.claim(r, "crm", "party.name", "Bo")
	s.show()
	s.noWork(en)
	s.claim(r, "crm", "party.email", "bo@example.com")
	s.show()
	s.answer(en, s.work(en))
}
