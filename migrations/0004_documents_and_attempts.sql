-- The documents themselves, and every attempt at the authority.
-- Locks: none that anybody waits for; it only creates tables.

CREATE TABLE documents (
    environment smallint NOT NULL,
    uuid uuid NOT NULL,
    -- The document version that it belongs to.
    document integer NOT NULL CHECK (document >= 1),
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('sent', 'signed', 'held')),
    -- The stream's version when it was stored. A document version that was encoded anew after a change of settings has
    -- several; the last one counts.
    version integer NOT NULL CHECK (version >= 1),
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    bytes bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (environment, uuid, document, kind, version)
);

SELECT fawtara_guard('documents');
SELECT fawtara_compress('documents', 'bytes');

CREATE TABLE attempts (
    environment smallint NOT NULL,
    uuid uuid NOT NULL,
    -- The stream's version when it was recorded: an attempt that was written off as crashed may still answer late.
    version integer NOT NULL CHECK (version >= 1),
    attempt integer NOT NULL CHECK (attempt >= 0),
    document integer NOT NULL CHECK (document >= 1),
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    worker text NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    late boolean NOT NULL,
    evidence json NOT NULL,
    PRIMARY KEY (environment, uuid, version)
);

SELECT fawtara_guard('attempts');
