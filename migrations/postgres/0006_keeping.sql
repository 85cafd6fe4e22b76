-- When a slug's archive was given up. The row stays, for the releases and builds that name it.
ALTER TABLE slugs ADD COLUMN expired_at_ms BIGINT;
CREATE INDEX slugs_kept ON slugs (app_id) WHERE expired_at_ms IS NULL;

-- Who may look after the platform itself: whoever came first, until more are named.
ALTER TABLE accounts ADD COLUMN is_admin BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE accounts SET is_admin = TRUE WHERE id = (SELECT id FROM accounts ORDER BY created_at_ms, id LIMIT 1);
