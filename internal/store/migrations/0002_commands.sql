-- +goose Up
-- Version 2. DO NOT EDIT: a store with this schema exists. Add a new file instead.
-- Which commands an app may give: dial, control; separated by commas.
ALTER TABLE apps ADD COLUMN may TEXT NOT NULL DEFAULT '';

-- Commands that were begun, by who gave them and their Idempotency-Key. status 0: it is not known how it came out.
CREATE TABLE commands (
    source  TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    request BLOB    NOT NULL,
    at      INTEGER NOT NULL,
    status  INTEGER NOT NULL DEFAULT 0,
    answer  BLOB    NOT NULL DEFAULT x'',
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX commands_by_time ON commands (at);
