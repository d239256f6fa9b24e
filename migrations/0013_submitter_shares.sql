-- How much of what may be under way at an endpoint of the authority each submitter holds: together never more than the cap.
-- Locks: none that anybody waits for; it only creates a table.

CREATE TABLE submitter_shares (
    -- Route and address, without credentials.
    endpoint text COLLATE "C" NOT NULL,
    -- The process, by a name that no other start of any process has.
    worker text COLLATE "C" NOT NULL,
    version text NOT NULL,
    -- Renewals are numbered, so that one that was held up on its way undoes none that came after it.
    turn bigint NOT NULL CHECK (turn >= 0),
    granted integer NOT NULL CHECK (granted >= 0),
    in_flight integer NOT NULL CHECK (in_flight >= 0),
    seen_at timestamptz NOT NULL,
    -- Whatever was sent under this share has ended by then.
    until timestamptz NOT NULL,
    PRIMARY KEY (endpoint, worker)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);

DO $$
DECLARE
    me CONSTANT text := 'fawtara_app';
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = me) THEN
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON submitter_shares TO %I', me);
    END IF;
END
$$;
