-- Which keys people push with over SSH. Only public keys are here.
CREATE TABLE ssh_keys (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    fingerprint TEXT NOT NULL,
    public_key TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    CONSTRAINT "ssh_keys.fingerprint" UNIQUE (fingerprint)
);
CREATE INDEX ssh_keys_of_account ON ssh_keys (account_id);
