package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// An erasure (SEC-45) has three steps, and is gone on with after a restart wherever it was:
//
//  1. BeginErasure journals whom it is of.
//  2. The board erases from memory. The change that ends it carries what was found, and Commit notes that in the same transaction.
//  3. FinishErasure strikes what is stored, then forgets whom it was of, then cleans the file.

// struckTables is everything in the store that may say something of people. A table that keeps more of records than their ids
// gets its function here; TestEveryTableIsStruckOrSaysNothing asks for it.
var struckTables = []struct {
	name   string
	strike func(ctx context.Context, w *sweep) error
}{
	{"records", strikeRecords}, // first: it finds which records are the person's
	{"changes", strikeChanges},
	{"commands", strikeAnswers},
	{"webhook_deliveries", strikeDeliveries},
	{"picks", strikePicks},
}

// rowsAtOnce are read, and struck in one transaction, before a commit may go on that waits meanwhile.
const rowsAtOnce = 200

// ErasedStatus is the status of a command or write of which the answer is erased.
const ErasedStatus = -1

// Begun is an erasure that is not done.
type Begun struct {
	ID      string
	Who     board.Match // empty: all is struck, and the file has yet to be cleaned
	Struck  bool        // whether that is so
	Erasure board.Erasure
}

// BeginErasure journals that somebody is to be erased. sum is kept in the proof (see board.Match.Sum).
func (s *Store) BeginErasure(ctx context.Context, m board.Match, sum string, at time.Time) error {
	who, err := json.Marshal(m)
	if err != nil {
		return err
	}
	proof, err := json.Marshal(board.Proof{ID: m.ID, AskedAt: at.UTC(), Records: []string{}, Mentioned: []string{}, Sum: sum})
	if err != nil {
		return err
	}
	if _, err := s.writer.ExecContext(ctx, `INSERT INTO erasures (id, asked_at, who, proof) VALUES (?, ?, ?, ?)`, m.ID, at.UnixMilli(), string(who), string(proof)); err != nil {
		return fmt.Errorf("begin an erasure: %w", err)
	}
	return nil
}

// saveErasures notes what the board has erased, in the transaction that makes it durable.
func saveErasures(ctx context.Context, t transaction, batch []encoded) error {
	for _, c := range batch {
		if c.Erasure != nil {
			if err := saveErasure(ctx, t, *c.Erasure); err != nil {
				return err
			}
		}
	}
	return nil
}

func saveErasure(ctx context.Context, t transaction, e board.Erasure) error {
	var text string
	err := askOne(ctx, t, statement{text: `SELECT proof FROM erasures WHERE id = ? AND first = 0`}, []any{e.ID}, []any{&text})
	if errors.Is(err, sql.ErrNoRows) { // a batch that is committed once more
		return nil
	}
	var proof board.Proof
	if err == nil {
		err = json.Unmarshal([]byte(text), &proof)
	}
	proof.Add(e)
	next, errNext := json.Marshal(proof)
	if err = errors.Join(err, errNext); err == nil {
		_, err = doOne(ctx, t, statement{text: `UPDATE erasures SET first = ?, proof = ? WHERE id = ?`}, int64(e.From), string(next), e.ID)
	}
	if err != nil {
		return fmt.Errorf("erasure %s: %w", e.ID, err)
	}
	return nil
}

// NoteErasure is for an erasure of which the board had nothing, so that no commit carries it.
func (s *Store) NoteErasure(ctx context.Context, e board.Erasure) error {
	return s.within(ctx, func(t transaction) error { return saveErasure(ctx, t, e) })
}

// BegunErasures are those that are not done, the oldest first.
func (s *Store) BegunErasures(ctx context.Context) ([]Begun, error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT id, who, first, proof FROM erasures WHERE done_at = 0 ORDER BY asked_at, id`)
	if err != nil {
		return nil, fmt.Errorf("read the erasures: %w", err)
	}
	defer rows.Close()
	var out []Begun
	for rows.Next() {
		var b Begun
		var who, text string
		var proof board.Proof
		err := rows.Scan(&b.ID, &who, &b.Erasure.From, &text)
		if b.Struck = who == ""; err == nil && !b.Struck {
			err = json.Unmarshal([]byte(who), &b.Who)
		}
		if err = errors.Join(err, json.Unmarshal([]byte(text), &proof)); err != nil {
			return nil, fmt.Errorf("read the erasures: %w", err)
		}
		b.Erasure.ID, b.Erasure.Records, b.Erasure.Mentioned = b.ID, proof.Records, proof.Mentioned
		out = append(out, b)
	}
	return out, rows.Err()
}

// Erasures are the proofs, the newest first.
func (s *Store) Erasures(ctx context.Context, limit int) ([]*board.Proof, error) {
	return read[board.Proof](ctx, s.readers, "an erasure", `SELECT proof FROM erasures ORDER BY asked_at DESC, id DESC LIMIT ?`, limit)
}

// Erasure is the proof of one; nil if there is none.
func (s *Store) Erasure(ctx context.Context, id string) (*board.Proof, error) {
	found, err := read[board.Proof](ctx, s.readers, "an erasure", `SELECT proof FROM erasures WHERE id = ?`, id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// Survey counts what an erasure would strike. Nothing is written.
func (s *Store) Survey(ctx context.Context, striker *board.Striker) (board.Proof, error) {
	w := &sweep{store: s, striker: striker}
	err := w.run(ctx)
	return w.proof, err
}

// FinishErasure strikes what is stored and cleans the file. Between its transactions commits go on. It may be called again
// after an error or a restart.
func (s *Store) FinishErasure(ctx context.Context, b Begun, striker *board.Striker, now func() time.Time) error {
	return s.finish(ctx, b, striker, now, func() {})
}

// finish is FinishErasure; between is called after each of its transactions.
func (s *Store) finish(ctx context.Context, b Begun, striker *board.Striker, now func() time.Time, between func()) error {
	proof, err := s.Erasure(ctx, b.ID)
	if err != nil || proof == nil {
		return err
	}
	w := &sweep{store: s, striker: striker, between: between, id: b.ID, proof: *proof, dealt: slices.Concat(b.Erasure.Records, b.Erasure.Mentioned)}
	if !b.Struck {
		if err := w.run(ctx); err != nil {
			return err
		}
		if err := w.save(ctx, `UPDATE erasures SET who = '', proof = ? WHERE id = ?`, b.ID); err != nil {
			return err
		}
	}
	if err := s.list(ctx); err != nil { // what the board has struck
		return err
	}
	if err := s.dialect.clean(ctx, s, b.Who.Strings()); err != nil {
		return err
	}
	w.proof.DoneAt = now().UTC()
	return w.save(ctx, `UPDATE erasures SET proof = ?, done_at = ? WHERE id = ?`, w.proof.DoneAt.UnixMilli(), b.ID)
}

// sweep goes through the store once.
type sweep struct {
	store   *Store
	striker *board.Striker
	between func()   // after each transaction
	id      string   // of the erasure; empty: it only counts
	dealt   []string // records that the board has erased: what is on them now was said later
	proof   board.Proof
}

func (w *sweep) run(ctx context.Context) error {
	if err := w.store.settle(ctx); err != nil {
		return err
	}
	w.proof.Searched = &board.Searched{}
	for _, table := range struckTables {
		if err := table.strike(ctx, w); err != nil {
			return fmt.Errorf("strike %s: %w", table.name, err)
		}
	}
	return nil
}

// row is one of a table, as a sweep reads it.
type row struct {
	seq    int64
	id     string
	key    string
	record string
	body   []byte
}

// rows reads some rows: of a query whose columns are those of row.
func (w *sweep) rows(ctx context.Context, query string, args ...any) ([]row, error) {
	found, err := w.store.readers.QueryContext(ctx, query, append(args, rowsAtOnce)...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var out []row
	for found.Next() {
		var r row
		if err := found.Scan(&r.seq, &r.id, &r.key, &r.record, &r.body); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, found.Err()
}

// update is one that strikes a row.
type update struct {
	query string
	args  []any
	count *int          // of the proof: the rows are added
	left  *board.Record // of a record: what is left of it, so that the call log says no more
}

// strike writes what some rows come to, and with it what the proof says of it.
func (w *sweep) strike(ctx context.Context, updates []update) error {
	if w.id == "" || len(updates) == 0 {
		return nil
	}
	defer w.between()
	return w.store.within(ctx, func(t transaction) error {
		var left []*board.Record
		for _, u := range updates {
			err := t.do(ctx, statement{text: u.query}, func(n int64, err error) error {
				if u.count != nil {
					*u.count += int(n)
				}
				if n > 0 && u.left != nil {
					left = append(left, u.left)
				}
				return err
			}, u.args...)
			if err != nil {
				return err
			}
		}
		if err := t.flush(ctx); err != nil {
			return err
		}
		if err := w.store.commit.calls.save(ctx, t, left); err != nil {
			return err
		}
		return w.saveIn(ctx, t, `UPDATE erasures SET proof = ? WHERE id = ?`, w.id)
	})
}

// save writes the proof, as the first of what a query is given.
func (w *sweep) save(ctx context.Context, query string, args ...any) error {
	defer w.between()
	return w.store.within(ctx, func(t transaction) error { return w.saveIn(ctx, t, query, args...) })
}

func (w *sweep) saveIn(ctx context.Context, t transaction, query string, args ...any) error {
	named := failing("erasure %s", w.id)
	text, err := json.Marshal(w.proof)
	if err != nil {
		return named(0, err)
	}
	return t.do(ctx, statement{text: query}, named, append([]any{string(text)}, args...)...)
}

// strikeRecords strikes records. One that was written meanwhile was erased on the board: its rev is another.
func strikeRecords(ctx context.Context, w *sweep) error {
	for last := int64(-1); ; {
		rows, err := w.rows(ctx, `SELECT rowid, id, '', id, body FROM records WHERE rowid > ? ORDER BY rowid LIMIT ?`, last)
		if err != nil || len(rows) == 0 {
			return err
		}
		last = rows[len(rows)-1].seq
		w.proof.Searched.Records += len(rows)
		var updates []update
		for _, row := range rows {
			if slices.Contains(w.dealt, row.id) {
				continue
			}
			r := new(board.Record)
			if err := json.Unmarshal(row.body, r); err != nil {
				return fmt.Errorf("read %s: %w", row.id, err)
			}
			claims, items := w.striker.Claims, w.striker.Items
			left, hit := w.striker.Record(r)
			if !hit {
				continue
			}
			found := board.Erasure{Claims: w.striker.Claims - claims, Items: w.striker.Items - items}
			if w.striker.Whole(r.ID) {
				found.Records = []string{r.ID}
			} else {
				found.Mentioned = []string{r.ID}
			}
			w.proof.Add(found)
			body, err := json.Marshal(left)
			if err != nil {
				return err
			}
			updates = append(updates, update{`UPDATE records SET number = ?, body = ? WHERE id = ? AND rev = ?`, []any{left.Value("party.number"), string(body), r.ID, r.Rev}, nil, left})
		}
		if err := w.strike(ctx, updates); err != nil {
			return err
		}
	}
}

// strikeDeliveries forgets what was or is to be delivered of records of the person, but for the word that they are erased: the rows say
// nothing but that.
func strikeDeliveries(ctx context.Context, w *sweep) error {
	found, err := w.store.readers.QueryContext(ctx, `SELECT record, count(*), sum(CASE WHEN state <> ? OR kind <> ? THEN 1 ELSE 0 END) FROM webhook_deliveries GROUP BY record`, waiting, board.RecordErased)
	if err != nil {
		return err
	}
	defer found.Close()
	var updates []update
	for found.Next() {
		var record string
		var rows, says int
		if err := found.Scan(&record, &rows, &says); err != nil {
			return err
		}
		w.proof.Searched.Deliveries += rows
		switch {
		case !w.striker.Whole(record):
		case w.id == "":
			w.proof.Deliveries += says
		default:
			updates = append(updates, update{query: `DELETE FROM webhook_deliveries WHERE (state <> ? OR kind <> ?) AND record = ?`,
				args: []any{waiting, board.RecordErased, record}, count: &w.proof.Deliveries})
		}
	}
	if err := found.Err(); err != nil {
		return err
	}
	for some := range slices.Chunk(updates, rowsAtOnce) {
		if err := w.strike(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func strikeChanges(ctx context.Context, w *sweep) error {
	for last := int64(0); ; {
		rows, err := w.rows(ctx, `SELECT seq, '', kind, record, body FROM changes WHERE seq > ? ORDER BY seq LIMIT ?`, last)
		if err != nil || len(rows) == 0 {
			return err
		}
		last = rows[len(rows)-1].seq
		w.proof.Searched.Changes += len(rows)
		var updates []update
		for _, row := range rows {
			c := new(board.Change)
			if err := json.Unmarshal(row.body, c); err != nil {
				return fmt.Errorf("read change %d: %w", row.seq, err)
			}
			left, hit := w.striker.Change(c)
			if !hit {
				continue
			}
			body, err := json.Marshal(left)
			if err != nil {
				return err
			}
			if string(body) != string(row.body) { // else it was struck before
				w.proof.Changes++
				updates = append(updates, update{query: `UPDATE changes SET kind = ?, body = ? WHERE seq = ?`, args: []any{left.Kind, string(body), row.seq}})
			}
		}
		if err := w.strike(ctx, updates); err != nil {
			return err
		}
	}
}

// strikeAnswers strikes what was answered under Idempotency-Keys. A key stays used up: nothing is done twice.
func strikeAnswers(ctx context.Context, w *sweep) error {
	for source, key := "", ""; ; {
		rows, err := w.rows(ctx, `SELECT status, source, key, record, answer FROM commands WHERE (source, key) > (?, ?) ORDER BY source, key LIMIT ?`, source, key)
		if err != nil || len(rows) == 0 {
			return err
		}
		source, key = rows[len(rows)-1].id, rows[len(rows)-1].key
		w.proof.Searched.Answers += len(rows)
		var updates []update
		for _, row := range rows {
			if row.seq != ErasedStatus && w.striker.Mentions(recordOf(row), row.body) {
				w.proof.Answers++
				updates = append(updates, update{query: `UPDATE commands SET request = ?, status = ?, answer = ? WHERE source = ? AND key = ?`,
					args: []any{make([]byte, 32), ErasedStatus, []byte{}, row.id, row.key}})
			}
		}
		if err := w.strike(ctx, updates); err != nil {
			return err
		}
	}
}

// recordOf is the record that an answer is about. That of a command says it itself.
func recordOf(r row) string {
	if r.record != "" {
		return r.record
	}
	var says struct{ Record string }
	_ = json.Unmarshal(r.body, &says) // an answer that is none names no record
	return says.Record
}
