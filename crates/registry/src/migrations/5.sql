-- Who stored an entry, where it was not this deployment itself. A row outlives its entry, so that nobody else takes its place.
CREATE TABLE owners (
    id        TEXT PRIMARY KEY,
    owner     TEXT,                   -- a token's name; NULL for this deployment
    forgotten BIGINT                  -- when the entry was deleted, in milliseconds since 1970; NULL while it is there
);

-- Who did what, and when.
CREATE TABLE log (
    at   BIGINT NOT NULL,             -- milliseconds since 1970
    who  TEXT,                        -- a token's name; NULL for this deployment
    what TEXT NOT NULL,
    id   TEXT NOT NULL                -- of which entry
);
CREATE INDEX log_by_time ON log (at);
CREATE INDEX log_by_entry ON log (id, at);
