-- +goose Up
-- Version 4. DO NOT EDIT: a store with this schema exists. Add a new file instead.
-- Beside commands this table has the writes that bore an Idempotency-Key: they go in with what they did, in one transaction.
-- record: that the answer is about. A request of zeros: what was answered is erased.
ALTER TABLE commands ADD COLUMN record TEXT NOT NULL DEFAULT '';

-- Erasures that were begun. who is whom they are of, as JSON, and empty once it is done: what is left says of nobody who it was.
CREATE TABLE erasures (
    id       TEXT PRIMARY KEY,
    asked_at INTEGER NOT NULL,
    done_at  INTEGER NOT NULL DEFAULT 0,
    who      TEXT    NOT NULL,
    first    INTEGER NOT NULL DEFAULT 0, -- changes before this seq are struck; 0: the board does not know of it yet
    proof    TEXT    NOT NULL
) STRICT;
CREATE INDEX erasures_by_time ON erasures (asked_at);
