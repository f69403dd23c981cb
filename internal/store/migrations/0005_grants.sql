-- +goose Up
-- Version 5. DO NOT EDIT: a store with this schema exists. Add a new file instead.
-- What an app may: patterns of fields and lists, separated by commas. An app that was let in before may what it could.
ALTER TABLE apps ADD COLUMN max_quality TEXT NOT NULL DEFAULT '';
ALTER TABLE apps ADD COLUMN after_call INTEGER NOT NULL DEFAULT 0;
ALTER TABLE apps ADD COLUMN claims TEXT NOT NULL DEFAULT '*';
ALTER TABLE apps ADD COLUMN reads TEXT NOT NULL DEFAULT '*';

-- Which of several people the person takes for whom they speak with at a number. Times are milliseconds since 1970, UTC.
CREATE TABLE picks (
    line   TEXT    NOT NULL,
    number TEXT    NOT NULL,
    ref    TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (line, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX picks_by_number ON picks (number);
