-- Preboot, sleep, and what apps have switched on.

-- stopping: when SIGTERM is due, if not at once
ALTER TABLE dynos ADD COLUMN term_ms BIGINT;
-- down: asleep until the next request; stopping to be removed: to be asleep instead
ALTER TABLE dynos ADD COLUMN asleep BOOLEAN NOT NULL DEFAULT FALSE;
-- With preboot, the generation before this one, until it is gone: how far it is, and when it has to be farther.
ALTER TABLE dynos ADD COLUMN before_generation BIGINT;
ALTER TABLE dynos ADD COLUMN before_state TEXT CHECK (before_state IN ('serving', 'draining', 'stopping', 'killed', 'ended'));
ALTER TABLE dynos ADD COLUMN before_until_ms BIGINT;

-- What an app has switched on; what is not here is off.
CREATE TABLE app_features (
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    feature TEXT NOT NULL,
    enabled_at_ms BIGINT NOT NULL,
    PRIMARY KEY (app_id, feature)
);
