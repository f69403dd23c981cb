-- +goose Up
-- Version 8. DO NOT EDIT: a store with this schema exists. Add a new file instead.
-- What a board begins with of the log, however old, without reading all of it.
CREATE INDEX changes_of_bars ON changes (seq) WHERE kind IN ('app.quarantined', 'app.released');
