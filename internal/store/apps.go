package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// App is one that was let in.
type App struct {
	ID        string
	Name      string
	TokenHash [32]byte
	CreatedAt time.Time
	May       []string    // commands that it may give
	Grant     board.Grant // its patterns are never nil
}

// Apps reads the apps that were let in, by id.
func (s *Store) Apps(ctx context.Context) ([]App, error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT id, name, token_hash, created_at, may, max_quality, after_call, claims, reads FROM apps ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("read the apps: %w", err)
	}
	defer rows.Close()
	var apps []App
	for rows.Next() {
		var a App
		var hash []byte
		var created int64
		var may, quality, claims, reads string
		if err := rows.Scan(&a.ID, &a.Name, &hash, &created, &may, &quality, &a.Grant.AfterCall, &claims, &reads); err != nil {
			return nil, fmt.Errorf("read the apps: %w", err)
		}
		copy(a.TokenHash[:], hash)
		a.CreatedAt = time.UnixMilli(created)
		a.Grant.MaxQuality = board.Quality(quality)
		a.May, a.Grant.Claim, a.Grant.Read = listed(may), listed(claims), listed(reads)
		apps = append(apps, a)
	}
	return apps, rows.Err()
}

// listed is never nil.
func listed(text string) []string {
	if text == "" {
		return []string{}
	}
	return strings.Split(text, ",")
}

// AddApp keeps an app. An app that is there gets the new token and grant.
func (s *Store) AddApp(ctx context.Context, a App) error {
	_, err := s.writer.ExecContext(ctx, `INSERT INTO apps (id, name, token_hash, created_at, may, max_quality, after_call, claims, reads) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, token_hash = excluded.token_hash, may = excluded.may, max_quality = excluded.max_quality,
			after_call = excluded.after_call, claims = excluded.claims, reads = excluded.reads`,
		a.ID, a.Name, a.TokenHash[:], a.CreatedAt.UnixMilli(), strings.Join(a.May, ","), string(a.Grant.MaxQuality), a.Grant.AfterCall,
		kept(a.Grant.Claim), kept(a.Grant.Read))
	if err != nil {
		return fmt.Errorf("keep app %s: %w", a.ID, err)
	}
	return nil
}

// kept writes patterns down; nil stands for all.
func kept(patterns []string) string {
	if patterns == nil {
		return "*"
	}
	return strings.Join(patterns, ",")
}

// RemoveApp forgets an app.
func (s *Store) RemoveApp(ctx context.Context, id string) error {
	if _, err := s.writer.ExecContext(ctx, `DELETE FROM apps WHERE id = ?`, id); err != nil {
		return fmt.Errorf("remove app %s: %w", id, err)
	}
	return nil
}
