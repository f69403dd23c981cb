-- +goose Up
-- Version 9. DO NOT EDIT: a store with this schema exists. Add a new file instead.
-- How much of a call nobody saw: 0 nothing, 1 a part, 2 all; and when what was said in a record was erased, 0: it was not; and what
-- was looked up where that was no number, name or e-mail address. All records are listed once more (fillCalls), so that those from before have it, too.
ALTER TABLE calls ADD COLUMN unseen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN erased_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN website TEXT NOT NULL DEFAULT '';
ALTER TABLE calls ADD COLUMN ip TEXT NOT NULL DEFAULT '';
DELETE FROM meta WHERE key = 'calls';
-- The index has the beginnings of words up to eight letters, not four: of a longer one it looked through all that begins so.
DROP TABLE call_index;
CREATE VIRTUAL TABLE call_index USING fts5 (facet, name, company, number, email, tags, notes,
    content = 'call_words', content_rowid = 'n', detail = 'column', columnsize = 0, prefix = '1 2 3 4 5 6 7 8', tokenize = 'ascii');
INSERT INTO call_index (call_index) VALUES ('rebuild');
