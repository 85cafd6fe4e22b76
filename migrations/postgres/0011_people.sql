-- What a token may be used for: words of domain::account::Scope, parted by blanks.
ALTER TABLE authorizations ADD COLUMN scope TEXT NOT NULL DEFAULT 'global';

-- How somebody wants to be called.
ALTER TABLE accounts ADD COLUMN name TEXT;

-- Who besides its owner works on an app.
CREATE TABLE collaborators (
    id UUID NOT NULL PRIMARY KEY,
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at_ms BIGINT NOT NULL,
    CONSTRAINT "collaborators.app_id, collaborators.account_id" UNIQUE (app_id, account_id)
);
CREATE INDEX collaborators_by_account ON collaborators (account_id);

-- Apps that are offered to somebody else, and what became of it.
CREATE TABLE app_transfers (
    id UUID NOT NULL PRIMARY KEY,
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    owner_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    recipient_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('pending', 'accepted', 'declined')),
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX app_transfers_by_owner ON app_transfers (owner_id);
CREATE INDEX app_transfers_by_recipient ON app_transfers (recipient_id);
CREATE UNIQUE INDEX "app_transfers.app_id" ON app_transfers (app_id) WHERE state = 'pending';

-- Who asked for which change, from where. Outlives accounts and apps: it names both in words. No status: the platform ended
-- before it was known how the request went.
CREATE TABLE audit_events (
    id UUID NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    credential TEXT,
    source TEXT,
    action TEXT NOT NULL,
    app TEXT,
    detail TEXT,
    request_id TEXT NOT NULL,
    status BIGINT
);
CREATE INDEX audit_events_by_time ON audit_events (at_ms);
