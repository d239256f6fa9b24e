-- API keys: who may publish and read over HTTP, for which taxpayers, and who gave and took that.
-- Locks: none that anybody waits for; it only creates tables.

-- As registry_revision: one number for the state of all keys, locked while any of them is changed.
CREATE TABLE api_key_revision (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL CHECK (revision >= 0)
);

INSERT INTO api_key_revision (revision) VALUES (0);

-- Rows are never deleted: a key that is revoked or has expired stays listed.
CREATE TABLE api_keys (
    -- The public part, by which a key is found and named.
    prefix text COLLATE "C" PRIMARY KEY CHECK (prefix ~ '^[0-9a-z]{8}$'),
    -- SHA-256 of the whole key. The key itself has 256 random bits: there is nothing to guess, so a slow hash would only be
    -- slow.
    hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    name text NOT NULL,
    may text[] COLLATE "C" NOT NULL CHECK (may <@ '{publish,read,correct,metrics}'::text[] AND cardinality(may) > 0),
    -- Empty: all of them.
    taxpayers text[] COLLATE "C" NOT NULL,
    environments smallint[] NOT NULL CHECK (environments <@ '{0,1,2}'::smallint[]),
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    -- The key that this one takes the place of.
    replaces text COLLATE "C" REFERENCES api_keys,
    revoked_at timestamptz,
    revoked_by text,
    revoked_reason text,
    -- To about ten minutes, so that a busy key is not written at every request.
    last_used_at timestamptz,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL) AND (revoked_at IS NULL) = (revoked_reason IS NULL))
) WITH (fillfactor = 70);

-- Every change by a person, for ever.
CREATE TABLE api_key_history (
    revision bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    by_name text NOT NULL,
    by_reason text NOT NULL,
    prefix text COLLATE "C" NOT NULL REFERENCES api_keys,
    action text COLLATE "C" NOT NULL,
    what jsonb NOT NULL
);

CREATE INDEX api_key_history_prefix ON api_key_history (prefix, revision);
SELECT fawtara_guard('api_key_history');

DO $$
DECLARE
    me CONSTANT text := 'fawtara_app';
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = me) THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT SELECT, UPDATE (revision) ON api_key_revision TO %I', me);
    EXECUTE format(
        'GRANT SELECT, INSERT, UPDATE (expires_at, revoked_at, revoked_by, revoked_reason, last_used_at) ON api_keys TO %I', me);
    EXECUTE format('GRANT SELECT, INSERT ON api_key_history TO %I', me);
END
$$;
