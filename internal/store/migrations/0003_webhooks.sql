-- +goose Up
-- Version 3. DO NOT EDIT: a store with this schema exists. Add a new file instead.
-- Apps that are reached at a URL (D-9). settings and health are JSON. Signing needs the secrets themselves; former still signs
-- until former_until. epoch and seq say up to where the log was read for it.
CREATE TABLE webhooks (
    id           TEXT PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    settings     TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    secret       TEXT    NOT NULL,
    former       TEXT    NOT NULL DEFAULT '',
    former_until INTEGER NOT NULL DEFAULT 0,
    epoch        TEXT    NOT NULL,
    seq          INTEGER NOT NULL,
    health       TEXT    NOT NULL DEFAULT '{}'
) STRICT, WITHOUT ROWID;

-- What is to be delivered and what was, as references into the log: no row holds what a record says. attempts is JSON.
CREATE TABLE webhook_deliveries (
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT    NOT NULL UNIQUE,
    hook     TEXT    NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    epoch    TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    record   TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    state    TEXT    NOT NULL,
    note     TEXT    NOT NULL DEFAULT '',
    folds    INTEGER NOT NULL DEFAULT 0,
    tries    INTEGER NOT NULL DEFAULT 0,
    due_at   INTEGER NOT NULL DEFAULT 0,
    attempts TEXT    NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (hook, state, n);
CREATE INDEX webhook_deliveries_by_record ON webhook_deliveries (record);
