-- +goose Up
-- Version 6. DO NOT EDIT: a store with this schema exists. Add a new file instead.
-- What the call log finds records by. Each row follows from its record's body, and is written with it; fillCalls adds those of
-- records from before. n grows with started_at and is the place in the log. Times are milliseconds since 1970, UTC; 0: not seen.
CREATE TABLE calls (
    n           INTEGER PRIMARY KEY,
    record      TEXT    NOT NULL UNIQUE,
    sum         INTEGER NOT NULL, -- of all that the log has of the record
    facet       INTEGER NOT NULL REFERENCES call_facets (id),
    direction   TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    answered_at INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    extension   TEXT    NOT NULL,
    number      TEXT    NOT NULL,
    number_raw  TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    company     TEXT    NOT NULL,
    email       TEXT    NOT NULL,
    tags        TEXT    NOT NULL,
    notes       INTEGER NOT NULL
) STRICT;
CREATE INDEX calls_by_facet ON calls (facet);
CREATE INDEX calls_by_number ON calls (number, facet) WHERE number <> '';

-- The few combinations that there are of line, view and result.
CREATE TABLE call_facets (
    id     INTEGER PRIMARY KEY,
    line   TEXT NOT NULL,
    view   TEXT NOT NULL,
    result TEXT NOT NULL,
    UNIQUE (line, view, result)
) STRICT;

-- The words of each call as they are looked for (see words.go), each once, parted by spaces.
CREATE TABLE call_words (
    n       INTEGER PRIMARY KEY,
    facet   INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    company TEXT    NOT NULL,
    number  TEXT    NOT NULL,
    email   TEXT    NOT NULL,
    tags    TEXT    NOT NULL,
    notes   TEXT    NOT NULL
) STRICT;

CREATE VIRTUAL TABLE call_index USING fts5 (facet, name, company, number, email, tags, notes,
    content = 'call_words', content_rowid = 'n', detail = 'column', columnsize = 0, prefix = '1 2 3 4', tokenize = 'ascii');
