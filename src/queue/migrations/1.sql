-- Times are the server's own: workers' clocks may differ.
CREATE TABLE proofmark_jobs (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key       TEXT UNIQUE,                        -- the submitter's own name for it; the same again is the same job
    asked     BYTEA NOT NULL,                     -- SHA-256 of the task as it was asked for
    task      JSON NOT NULL,
    priority  BIGINT NOT NULL,
    state     TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'parked', 'cancelled')),
    due       TIMESTAMPTZ NOT NULL DEFAULT now(), -- not to be claimed before
    attempt   BIGINT NOT NULL DEFAULT 0,          -- how often it was claimed; with the worker's name the token of the lease
    deaths    BIGINT NOT NULL DEFAULT 0,          -- workers that were lost over it
    tries     BIGINT NOT NULL DEFAULT 0,          -- failures that were not its own
    worker    TEXT,                               -- who has it, or had it last
    lease     TIMESTAMPTZ,                        -- until when, unless it is renewed
    note      TEXT,                               -- what its worker is about to put in place
    error     TEXT,                               -- the last one
    submitted TIMESTAMPTZ NOT NULL DEFAULT now(),
    started   TIMESTAMPTZ,
    ended     TIMESTAMPTZ
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02); -- each row changes a few times, and claims must not wade through the dead
CREATE INDEX proofmark_jobs_waiting ON proofmark_jobs (priority DESC, due, id) WHERE state = 'waiting';
CREATE INDEX proofmark_jobs_running ON proofmark_jobs (id) WHERE state = 'running';
CREATE INDEX proofmark_jobs_parked ON proofmark_jobs (id) WHERE state = 'parked';
CREATE INDEX proofmark_jobs_ended ON proofmark_jobs (ended) WHERE ended IS NOT NULL;

CREATE TABLE proofmark_results (
    job      BIGINT PRIMARY KEY REFERENCES proofmark_jobs (id) ON DELETE CASCADE,
    attempt  BIGINT NOT NULL,
    worker   TEXT NOT NULL,
    exit     BIGINT NOT NULL,                     -- as the command's exit code
    report   JSON NOT NULL,                       -- as the command's --json
    told     TEXT NOT NULL,                       -- as the command tells people
    finished TIMESTAMPTZ NOT NULL DEFAULT now()
);
