-- Host names that people bring to their apps. One leads to one app.
CREATE TABLE domains (
    id UUID NOT NULL PRIMARY KEY,
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    hostname TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    CONSTRAINT "domains.hostname" UNIQUE (hostname)
);
CREATE INDEX domains_of_app ON domains (app_id);
