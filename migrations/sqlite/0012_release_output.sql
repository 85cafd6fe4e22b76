-- What a release's command has said; NULL where the release has none. While it runs, it is empty.
ALTER TABLE releases ADD COLUMN output TEXT;
