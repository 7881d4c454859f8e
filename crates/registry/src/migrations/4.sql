-- In a table of its own, so that a search reads nothing else.
CREATE TABLE sound_fingerprints (
    id     TEXT PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE,
    hashes BYTES NOT NULL             -- hashes of sound along time
);
