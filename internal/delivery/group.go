package delivery

import "github.com/callboard-dev/callboard/internal/board"

// groupKey is what readers have in common that get the same bytes.
type groupKey struct {
	view   View
	filter string
	form   Form
}

// group are the readers at the head that see alike: a change is encoded once for all of them. The loop's lock guards it.
type group struct {
	key      groupKey
	like     *Reader // its watch says what the filter lets through
	readers  []*Reader
	filtered int // changes since the last bookmark that were not for them
}

// tell writes changes to all in the group: one write each, unless they are very large.
func (g *group) tell(l *Loop, changes []*board.Change, at board.Cursor) {
	encoder := l.options.Encoder
	told := g.like.watch.Tell(changes)
	g.filtered += len(changes) - len(told)
	var block []byte
	for _, t := range told {
		frame, err := encoder.Told(t, g.key.view, at.Epoch)
		if err != nil {
			panic(err) // what came from JSON goes to JSON
		}
		if frame.JSON == nil {
			g.filtered++
			continue
		}
		block = g.key.form.append(block, frame)
		if len(block) >= blockAtMost {
			g.push(l, block, t.Change.Seq)
			block = nil
		}
	}
	if g.filtered >= bookmarkFiltered {
		g.filtered = 0
		block = g.key.form.append(block, encoder.Bookmark(board.Bookmark{Cursor: at}))
	}
	if len(block) > 0 {
		g.push(l, block, at.Seq)
	}
}

// push writes a block that ends at a seq to each reader. Who does not take all of it goes on from there by itself.
func (g *group) push(l *Loop, block []byte, seq uint64) {
	for i := len(g.readers) - 1; i >= 0; i-- {
		if r := g.readers[i]; !r.push(block) {
			l.drop(r)
			r.park(seq)
		}
	}
}
