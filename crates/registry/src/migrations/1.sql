-- BYTES stands for each database's type of byte strings.
CREATE TABLE entries (
    id         TEXT PRIMARY KEY,      -- the manifest's label
    payload    BYTES UNIQUE,          -- 16 bytes
    content    BYTES NOT NULL,        -- SHA-256 of the stamped file
    media_type TEXT NOT NULL,
    title      TEXT,
    stamped    BIGINT NOT NULL,       -- seconds since 1970
    target     TEXT                   -- where the file is about to appear; NULL once it is known to be there
);
CREATE INDEX entries_by_time ON entries (stamped, id);

CREATE TABLE manifests (
    id    TEXT PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE,
    store BYTES NOT NULL              -- the C2PA manifest store
);

CREATE TABLE bindings (
    alg   TEXT NOT NULL,
    value BYTES NOT NULL,
    id    TEXT NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    PRIMARY KEY (alg, value, id)
);
CREATE INDEX bindings_by_entry ON bindings (id);

CREATE TABLE labels (
    id    TEXT NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    PRIMARY KEY (id, label)
);
CREATE INDEX labels_by_name ON labels (label, id);
