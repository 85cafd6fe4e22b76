-- What an account and its authenticator app both know; the secret is sealed. enabled_at_ms: since when logins need a code. used_step:
-- the last stretch of 30 seconds whose code was used.
CREATE TABLE second_factors (
    account_id UUID NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    sealed BYTEA NOT NULL,
    enabled_at_ms BIGINT,
    used_step BIGINT NOT NULL
);

-- Codes that stand in for one, once. SHA-256 of the account's id and the code; a code that was used has no row.
CREATE TABLE recovery_codes (
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    hash BYTEA NOT NULL,
    PRIMARY KEY (account_id, hash)
);
