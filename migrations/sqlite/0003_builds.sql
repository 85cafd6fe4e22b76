-- What went wrong with a build: a word for programs and a sentence for people.
ALTER TABLE builds ADD COLUMN failure TEXT;
ALTER TABLE builds ADD COLUMN failure_message TEXT;

-- Places to upload a source to. The archive itself is among the blobs, under its digest; both go after a while.
CREATE TABLE source_blobs (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    sha256 TEXT CHECK (length(sha256) = 64),
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX source_blobs_by_age ON source_blobs (created_at_ms);
