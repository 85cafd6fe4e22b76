-- Who is told when something happens to an app. URL, secret and authorization are sealed; include: words of
-- domain::webhook::Topic, parted by blanks.
CREATE TABLE webhooks (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    include TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('notify', 'sync')),
    sealed BLOB NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX webhooks_of_app ON webhooks (app_id);

-- What happened, written in the transaction that made it happen, if somebody is told of it.
CREATE TABLE webhook_events (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX webhook_events_of_app ON webhook_events (app_id);
CREATE INDEX webhook_events_by_time ON webhook_events (created_at_ms);

-- Each event on its way to each webhook. No next attempt: it has arrived, or was given up.
CREATE TABLE webhook_deliveries (
    id BLOB NOT NULL PRIMARY KEY,
    webhook_id BLOB NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event_id BLOB NOT NULL REFERENCES webhook_events (id) ON DELETE CASCADE,
    status TEXT NOT NULL CHECK (status IN ('pending', 'retrying', 'succeeded', 'failed')),
    attempts BIGINT NOT NULL,
    next_attempt_at_ms BIGINT,
    last_attempt_at_ms BIGINT,
    last_code BIGINT,
    last_error TEXT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id);
CREATE INDEX webhook_deliveries_of_event ON webhook_deliveries (event_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at_ms);

-- Programs of others that people may log in to. The secret is sealed.
CREATE TABLE oauth_clients (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX oauth_clients_by_account ON oauth_clients (account_id);
