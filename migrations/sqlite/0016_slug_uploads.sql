-- Slugs that somebody was given a place for and has not uploaded yet; the slug will have the same id. stack, process_types,
-- commit_hash and language are as in slugs; checksum: what the archive must be.
CREATE TABLE slug_uploads (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    stack TEXT NOT NULL,
    process_types TEXT NOT NULL,
    commit_hash TEXT,
    commit_description TEXT,
    language TEXT,
    checksum TEXT,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX slug_uploads_of_app ON slug_uploads (app_id);
CREATE INDEX slug_uploads_by_time ON slug_uploads (created_at_ms);

-- Of a slug that was uploaded: the archive as it came, which is rewritten before it is stored, and what was said of its commit.
ALTER TABLE slugs ADD COLUMN uploaded_sha256 TEXT;
ALTER TABLE slugs ADD COLUMN commit_description TEXT;
