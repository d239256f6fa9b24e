-- What the program's role may do: read everything, add to what is append-only, change what is not, delete nothing.
-- Locks: ACCESS SHARE on the tables for a moment.

DO $$
DECLARE
    me CONSTANT text := 'fawtara_app';
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = me) THEN
        RAISE NOTICE 'no role %: the program works with its owner''s rights, the triggers guard what is append-only', me;
        RETURN;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', me);
    EXECUTE format(
        'GRANT SELECT, INSERT ON identities, contents, events, documents, attempts, checkpoints, checkpoint_heads TO %I', me);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON invoices TO %I', me);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (next_icv) ON icv_counters TO %I', me);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (void_reason) ON icv_assignments TO %I', me);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (resolved_at, resolved_by, resolved_reason) ON refused_intake TO %I', me);
    EXECUTE format('GRANT EXECUTE ON FUNCTION fawtara_ensure_partitions(integer) TO %I', me);
    EXECUTE format('GRANT SELECT ON _sqlx_migrations TO %I', me);
END
$$;
