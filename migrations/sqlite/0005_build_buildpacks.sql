-- Which buildpacks a build ran: a JSON list of what people call them, credentials hidden. NULL until that is settled.
ALTER TABLE builds ADD COLUMN buildpacks TEXT;
