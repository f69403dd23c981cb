package board

// SwitchOff turns a rule off, for tests that show what it is good for.
func (b *Board) SwitchOff(rule string) {
	switch rule {
	case "B-5":
		b.off.silence = true
	case "B-11":
		b.off.causes = true
	case "B-15":
		b.off.fuel = true
	}
}

// Repack packs and unpacks a record.
func Repack(r *Record) *Record {
	w := newWords()
	packed := w.pack(r, nil)
	header := *r
	header.Fields, header.Items = nil, nil
	return packed.unpacked(&header, w.known())
}
