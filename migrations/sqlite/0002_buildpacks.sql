-- Which buildpacks an app is built with, in order from 0. Sealed: a URL may carry credentials.
CREATE TABLE buildpack_installations (
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    ordinal BIGINT NOT NULL CHECK (ordinal >= 0),
    sealed BLOB NOT NULL,
    PRIMARY KEY (app_id, ordinal)
);
