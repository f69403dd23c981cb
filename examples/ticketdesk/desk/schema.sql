PRAGMA busy_timeout = 5000;
PRAGMA journal_mode = WAL;

CREATE TABLE IF NOT EXISTS notes (
	record     TEXT NOT NULL,
	author     TEXT NOT NULL, -- user, or an app's id
	id         TEXT NOT NULL,
	number     TEXT NOT NULL DEFAULT '',
	name       TEXT NOT NULL DEFAULT '',
	company    TEXT NOT NULL DEFAULT '',
	text       TEXT NOT NULL,
	written_at TEXT NOT NULL, -- UTC, fixed width
	changed_at TEXT NOT NULL,
	removed_at TEXT,          -- a tombstone, whose text is gone
	PRIMARY KEY (record, author, id)
) STRICT;

CREATE TABLE IF NOT EXISTS tickets (
	record     TEXT PRIMARY KEY,
	number     TEXT NOT NULL,
	name       TEXT NOT NULL,
	company    TEXT NOT NULL,
	direction  TEXT NOT NULL,
	result     TEXT NOT NULL,
	started_at TEXT NOT NULL,
	ended_at   TEXT NOT NULL, -- empty when the end was not seen
	open       INTEGER NOT NULL,
	spoken     INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS tickets_by_number ON tickets (number, started_at);
