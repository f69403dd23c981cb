-- +goose Up
-- Version 1. DO NOT EDIT: a store with this schema exists. Add a new file instead.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per record, its newest durable version as JSON. Times are milliseconds since 1970, UTC.
CREATE TABLE records (
    id        TEXT PRIMARY KEY,
    rev       INTEGER NOT NULL,
    line      TEXT    NOT NULL,
    origin    TEXT    NOT NULL,
    state     TEXT    NOT NULL,
    opened_at INTEGER NOT NULL,
    number    TEXT    NOT NULL,
    body      TEXT    NOT NULL
) STRICT;
CREATE INDEX records_by_state ON records (state, opened_at);
CREATE INDEX records_by_number ON records (number, opened_at);

-- The change log. seq grows by one and has no holes.
CREATE TABLE changes (
    seq    INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    record TEXT    NOT NULL,
    kind   TEXT    NOT NULL,
    body   TEXT    NOT NULL
) STRICT;

-- Apps that were let in. Only the SHA-256 of a token is kept.
CREATE TABLE apps (
    id         TEXT PRIMARY KEY,
    name       TEXT    NOT NULL,
    token_hash BLOB    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;
