-- Where apps' log lines are sent besides being kept. The URL may carry a password: it is sealed.
CREATE TABLE log_drains (
    id UUID NOT NULL PRIMARY KEY,
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    token TEXT NOT NULL,
    sealed_url BYTEA NOT NULL,
    created_at_ms BIGINT NOT NULL,
    CONSTRAINT "log_drains.token" UNIQUE (token)
);
CREATE INDEX log_drains_of_app ON log_drains (app_id);
