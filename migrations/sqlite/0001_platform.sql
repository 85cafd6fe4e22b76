-- Everything the platform remembers, for SQLite. ../postgres holds the same tables under the same file names.
--
-- Ids are UUIDs in 16 bytes, times whole milliseconds since 1970 (`…_ms`), lists and maps JSON in TEXT, and `sealed` is
-- ciphertext (crates/store/src/seal.rs). Rows that belong to an app go when the app goes.

-- Who may log in. No password hash: this account logs in with tokens only.
CREATE TABLE accounts (
    id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    password_hash TEXT,
    created_at_ms BIGINT NOT NULL,
    CONSTRAINT "accounts.email" UNIQUE (email)
);

-- Which tokens are good. Only the SHA-256 of a token is here: the table gives nobody away.
CREATE TABLE authorizations (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    description TEXT NOT NULL,
    token_hash BLOB NOT NULL CHECK (length(token_hash) = 32),
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT,
    CONSTRAINT "authorizations.token_hash" UNIQUE (token_hash)
);
CREATE INDEX authorizations_of_account ON authorizations (account_id);

-- What people push to and scale.
CREATE TABLE apps (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    owner_id BLOB NOT NULL REFERENCES accounts (id),
    stack TEXT NOT NULL,
    maintenance BOOLEAN NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    CONSTRAINT "apps.name" UNIQUE (name)
);
CREATE INDEX apps_of_owner ON apps (owner_id);

-- What an app is told through its environment: all its config vars, sealed together.
CREATE TABLE config_vars (
    app_id BLOB NOT NULL PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    sealed BLOB NOT NULL
);

-- Built code. The archive itself is among the blobs, under its digest.
CREATE TABLE slugs (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    diff_id TEXT NOT NULL CHECK (length(diff_id) = 64),
    bytes BIGINT NOT NULL CHECK (bytes >= 0),
    stack TEXT NOT NULL,
    process_types TEXT NOT NULL,
    commit_hash TEXT,
    language TEXT,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX slugs_of_app ON slugs (app_id);
CREATE INDEX slugs_by_digest ON slugs (sha256);

-- Every run of the buildpacks, with what the person saw of it.
CREATE TABLE builds (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    user_id BLOB NOT NULL REFERENCES accounts (id),
    status TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    source_version TEXT,
    stack TEXT NOT NULL,
    slug_id BLOB REFERENCES slugs (id),
    output TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX builds_of_app ON builds (app_id, created_at_ms);
CREATE INDEX builds_of_slug ON builds (slug_id);
CREATE INDEX builds_unfinished ON builds (created_at_ms) WHERE status = 'pending';

-- What ran when: a slug and the config vars of that moment, numbered per app from 1.
CREATE TABLE releases (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    version BIGINT NOT NULL CHECK (version > 0),
    slug_id BLOB REFERENCES slugs (id),
    description TEXT NOT NULL,
    user_id BLOB NOT NULL REFERENCES accounts (id),
    status TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    is_current BOOLEAN NOT NULL,
    sealed BLOB NOT NULL,
    created_at_ms BIGINT NOT NULL,
    CONSTRAINT "releases.app_id, releases.version" UNIQUE (app_id, version)
);
CREATE INDEX releases_of_slug ON releases (slug_id);
CREATE UNIQUE INDEX "releases.app_id" ON releases (app_id) WHERE is_current;

-- How many dynos of which size an app wants.
CREATE TABLE formations (
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    process_type TEXT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity >= 0),
    size TEXT NOT NULL,
    PRIMARY KEY (app_id, process_type)
);

-- What has become of each of them. A state has exactly the columns that mean something in it.
CREATE TABLE dynos (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    process_type TEXT NOT NULL,
    number BIGINT NOT NULL CHECK (number > 0),
    generation BIGINT NOT NULL CHECK (generation >= 0),
    release_version BIGINT NOT NULL CHECK (release_version >= 0),
    crashes_in_a_row BIGINT NOT NULL CHECK (crashes_in_a_row >= 0),
    state TEXT NOT NULL CHECK (state IN ('starting', 'up', 'stopping', 'crashed', 'down')),
    since_ms BIGINT NOT NULL,
    -- up: when to cycle; stopping: when to kill; crashed: when to restart
    until_ms BIGINT,
    -- stopping: what comes after
    after_word TEXT CHECK (after_word IN ('restart', 'remove')),
    -- stopping: whether SIGKILL is due already
    killed BOOLEAN,
    CHECK ((until_ms IS NOT NULL) = (state IN ('up', 'stopping', 'crashed'))),
    CHECK ((after_word IS NOT NULL) = (state = 'stopping')),
    CHECK ((killed IS NOT NULL) = (state = 'stopping')),
    CONSTRAINT "dynos.app_id, dynos.process_type, dynos.number" UNIQUE (app_id, process_type, number)
);

-- Commands that run once. A row goes when its dyno has ended.
CREATE TABLE one_offs (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    process_type TEXT NOT NULL,
    number BIGINT NOT NULL CHECK (number > 0),
    release_version BIGINT NOT NULL CHECK (release_version >= 0),
    command TEXT NOT NULL,
    size TEXT NOT NULL,
    attached BOOLEAN NOT NULL,
    started BOOLEAN NOT NULL,
    created_at_ms BIGINT NOT NULL,
    CONSTRAINT "one_offs.app_id, one_offs.process_type, one_offs.number" UNIQUE (app_id, process_type, number)
);
