package cdr

import (
	"context"
	"slices"
	"time"
)

// Finding is what the records are like, for who looks whether they can be read back.
type Finding struct {
	Rows   int // of the last week: in a file all, in a database those of the line's calls
	Bad    int // that made no sense
	Newest time.Time
	Ids    bool          // the newest has a unique id
	Off    time.Duration // by how much the zone is wrong, where unique ids tell; zero: it is right, or not known
}

// Look reads the records of the last week. It may block until ctx ends.
func (r *Records) Look(ctx context.Context) (Finding, error) {
	rows, bad, err := r.source.rows(ctx, time.Now().Add(-7*24*time.Hour))
	f := Finding{Rows: len(rows), Bad: bad}
	if err != nil {
		return f, err
	}
	var off []time.Duration
	for i := range rows {
		if made, known := born(rows[i].unique); known && device(rows[i].channel) != "" {
			off = append(off, rows[i].start.Sub(made))
		}
		if rows[i].end().After(f.Newest) {
			f.Newest, f.Ids = rows[i].end(), rows[i].unique != ""
		}
	}
	if len(off) > 0 { // most rows begin when their channel is made, some later, none before
		slices.Sort(off)
		const quarter = 15 * time.Minute // zones differ by such
		f.Off = off[len(off)/2].Round(quarter)
	}
	return f, nil
}
