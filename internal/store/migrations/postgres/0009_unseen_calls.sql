-- +goose Up
-- What SQLite has in version 9. DO NOT EDIT: a store with this schema exists. Add a new file instead.
ALTER TABLE calls ADD COLUMN unseen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN erased_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN website TEXT NOT NULL DEFAULT '';
ALTER TABLE calls ADD COLUMN ip TEXT NOT NULL DEFAULT '';
DELETE FROM meta WHERE key = 'calls';
