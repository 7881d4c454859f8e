-- Apart from each other, so that a search reads the hashes alone.
CREATE TABLE fingerprints (
    id     TEXT PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE,
    hashes BYTES NOT NULL             -- hashes of frames along time
);

CREATE TABLE fingerprint_pictures (
    id       TEXT PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE,
    pictures BYTES NOT NULL           -- a small picture for each hash
);
