-- What is asked every few seconds costs the same however many invoices have settled: counts of them are kept, heads to be sealed
-- stand in a table of their own, and an index remains only where a query uses it.
--
-- Locks: ACCESS EXCLUSIVE on invoices until it commits; it reads invoices once and builds two indexes, a million in some seconds.
-- Stop the fleet first: a program that is older than this migration would settle invoices without counting them.

-- How many invoices have settled for good, as many small amounts: each batch adds its own, so that no two wait for each other.
-- The chores fold them into one row for each state and cause. The sum counts.
CREATE TABLE settled_counts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state text COLLATE "C" NOT NULL CHECK (state IN ('abandoned', 'cleared')),
    cause text COLLATE "C",
    -- Below zero where an abandoned invoice was cleared late.
    count bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_threshold = 1000);

-- Counts all of them anew, for who restored or mended rows by hand.
-- Locks: SHARE ROW EXCLUSIVE on invoices, which writes wait for while it reads.
CREATE FUNCTION public.fawtara_recount_settled() RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM public.settled_counts;
    INSERT INTO public.settled_counts (state, cause, count)
    SELECT i.state, i.cause, count(*) FROM public.invoices i WHERE i.state IN ('abandoned', 'cleared') GROUP BY i.state, i.cause;
END;

REVOKE ALL ON FUNCTION public.fawtara_recount_settled() FROM PUBLIC;

LOCK TABLE invoices IN ACCESS EXCLUSIVE MODE;
SELECT fawtara_recount_settled();

-- One row for each step of an invoice that no checkpoint seals yet; whoever seals its head deletes it. The oldest come first.
CREATE TABLE unsealed (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment smallint NOT NULL,
    uuid uuid NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_analyze_threshold = 20000);

INSERT INTO unsealed (environment, uuid)
SELECT environment, uuid FROM invoices WHERE version > checkpointed_version ORDER BY environment, uuid;

-- With them goes the index invoices_unsealed. The wide row of an invoice is no longer written once more to be sealed.
ALTER TABLE invoices DROP COLUMN checkpointed_version;
-- It was written at every step, to count what is counted above now.
DROP INDEX invoices_standing;
-- Listings of what has settled, of one seller or of all, in their order: written once, when an invoice settles.
CREATE INDEX invoices_settled ON invoices (updated_at, environment, uuid) WHERE state IN ('abandoned', 'cleared');
CREATE INDEX invoices_settled_of ON invoices (tax_number, updated_at, environment, uuid) WHERE state IN ('abandoned', 'cleared');

-- Vacuum of what changes comes often enough that dead entries never pile up before the sweeper; what never changes is frozen at once.
ALTER TABLE invoices SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000,
    autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE icv_counters SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

DO $$
DECLARE
    grows name;
BEGIN
    FOREACH grows IN ARRAY
        '{identities,icv_assignments,checkpoints,checkpoint_heads,returns,reservations}'::name[]
    LOOP
        EXECUTE format('ALTER TABLE %I SET (autovacuum_freeze_min_age = 0, '
            'autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)', grows);
    END LOOP;
END
$$;

DO $$
DECLARE
    me CONSTANT text := 'fawtara_app';
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = me) THEN
        EXECUTE format('GRANT SELECT, INSERT, UPDATE (count), DELETE ON settled_counts TO %I', me);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE (uuid), DELETE ON unsealed TO %I', me);
    END IF;
END
$$;
