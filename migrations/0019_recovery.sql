-- Recovery: whether intake is open, numbers that were skipped, numbers found at the authority, hints that nobody knows.
-- Locks: none that anybody waits for; it only creates tables.

-- Who closed the intake or opened it again, and why. The last row counts; without any it is open.
CREATE TABLE intake_switches (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    closed boolean NOT NULL,
    at timestamptz NOT NULL,
    by_name text NOT NULL,
    by_reason text NOT NULL
);

SELECT fawtara_guard('intake_switches');

-- Counters that no invoice will ever draw here: what may have been drawn in a time that the ledger has lost. Written together
-- with icv_counters.next_icv, under the lock of that row.
CREATE TABLE icv_voids (
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    tax_number text COLLATE "C" NOT NULL,
    income_source text COLLATE "C" NOT NULL,
    first_icv bigint NOT NULL CHECK (first_icv >= 0),
    last_icv bigint NOT NULL CHECK (last_icv >= first_icv),
    at timestamptz NOT NULL,
    by_name text NOT NULL,
    by_reason text NOT NULL,
    PRIMARY KEY (environment, tax_number, income_source, first_icv)
);

SELECT fawtara_guard('icv_voids');

-- Counters under which the authority holds an invoice that has another one here, as documents that it returned say.
CREATE TABLE icv_held (
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    tax_number text COLLATE "C" NOT NULL,
    income_source text COLLATE "C" NOT NULL,
    icv bigint NOT NULL CHECK (icv >= 0),
    uuid uuid NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (environment, tax_number, income_source, icv, uuid)
);

SELECT fawtara_guard('icv_held');

-- Invoices that hints name and the ledger does not know: what was accepted in a time that it has lost.
CREATE TABLE unknown_hints (
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    uuid uuid NOT NULL,
    -- The version that the stream had by the last hint.
    version integer NOT NULL CHECK (version >= 0),
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    PRIMARY KEY (environment, uuid)
);

DO $$
DECLARE
    me CONSTANT text := 'fawtara_app';
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = me) THEN
        EXECUTE format('GRANT SELECT, INSERT ON intake_switches, icv_voids, icv_held TO %I', me);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE (version, last_seen) ON unknown_hints TO %I', me);
    END IF;
END
$$;
