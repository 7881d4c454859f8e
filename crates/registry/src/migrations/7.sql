-- SHA-256 of all that is stored of an entry, so that what a disk changed is noticed.
CREATE TABLE digests (
    id     TEXT PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE,
    digest BYTES NOT NULL
);
