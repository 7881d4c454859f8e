-- For people: a search reads none of it.
CREATE TABLE stills (
    id       TEXT PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE,
    pictures BYTES NOT NULL           -- small pictures along time, in JPEG
);

-- What people said of clips that were verified, which need not be registered.
CREATE TABLE remarks (
    content BYTES NOT NULL,           -- SHA-256 of the clip
    at      BIGINT NOT NULL,          -- milliseconds since 1970
    who     TEXT NOT NULL,            -- a token's name
    act     TEXT NOT NULL,            -- note, label, decision or review
    said    TEXT NOT NULL
);
CREATE INDEX remarks_by_clip ON remarks (content, at);
CREATE INDEX remarks_by_time ON remarks (at);
CREATE INDEX entries_by_content ON entries (content);
