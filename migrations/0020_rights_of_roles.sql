-- What each part of the fleet may do, and no more. The program may delete nothing of what was written; the queues' own rows
-- (notices, deliveries, shares, counts) are the submitter's to delete.
--
--                      producer   encoder    submitter  operator
--   take events        yes        -          -          yes (import, amend, correct)
--   encode             -          yes        -          -
--   record attempts    -          -          yes        -
--   sealed secrets     -          -          read       read, write
--   registry, keys     read       read       read       read, write
--
-- Locks: ACCESS EXCLUSIVE on attempts, documents, contents and events for a moment, to add triggers; stop the fleet first or expect
-- it to wait that long.

-- An invoice moves in one statement for all roles, and a statement needs the rights of all tables that it could write. So what
-- a role may really write is said for each row: what it is granted lets the statement run, what stands here lets the row in.
CREATE FUNCTION public.fawtara_not_yours() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% may not write this row of %', current_user, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER by_submitters BEFORE INSERT ON attempts FOR EACH ROW
    WHEN (current_user IN ('fawtara_producer', 'fawtara_encoder', 'fawtara_operator'))
    EXECUTE FUNCTION fawtara_not_yours();
CREATE TRIGGER not_by_producers BEFORE INSERT ON documents FOR EACH ROW
    WHEN (current_user = 'fawtara_producer')
    EXECUTE FUNCTION fawtara_not_yours();
CREATE TRIGGER by_who_takes_events BEFORE INSERT ON contents FOR EACH ROW
    WHEN (current_user IN ('fawtara_encoder', 'fawtara_submitter'))
    EXECUTE FUNCTION fawtara_not_yours();
-- Only a submitter hears the authority; only a person requeues, abandons and adopts.
CREATE TRIGGER by_their_makers BEFORE INSERT ON events FOR EACH ROW
    WHEN (
        (current_user = 'fawtara_producer' AND NEW.type NOT IN ('accepted', 'amended'))
        OR (current_user = 'fawtara_encoder' AND NEW.type NOT IN ('encoded', 'waiting', 'found_unfit', 'dead_lettered'))
        OR (current_user = 'fawtara_submitter'
            AND NEW.type IN ('accepted', 'amended', 'encoded', 'waiting', 'requeued', 'abandoned', 'adopted'))
        OR (current_user = 'fawtara_operator'
            AND NEW.type IN ('encoded', 'waiting', 'submission_started', 'cleared', 'qr_outstanding', 'refused', 'doubted',
                'deferred', 'late_answer'))
    )
    EXECUTE FUNCTION fawtara_not_yours();

DO $$
DECLARE
    -- Everybody writes an invoice's next step: see above.
    step CONSTANT text := 'INSERT ON events, contents, documents, attempts, returns, notices, unsealed, settled_counts';
    -- Sealed secrets are left out.
    sources CONSTANT text := 'SELECT (environment, tax_number, income_source, family, client_id, url, route, profile, icv_start, '
        'active, revision, created_at, updated_at) ON income_sources';
    given text[];
    role_name text;
BEGIN
    FOREACH given SLICE 1 IN ARRAY ARRAY[
        -- All of them.
        ['fawtara_producer fawtara_encoder fawtara_submitter fawtara_operator', 'USAGE ON SCHEMA public'],
        ['fawtara_producer fawtara_encoder fawtara_submitter fawtara_operator',
            'SELECT ON _sqlx_migrations, identities, invoices, events, contents, documents, attempts, returns, reservations, '
            'outside_originals, icv_counters, icv_assignments, icv_voids, icv_held, intake_switches, registry_revision, taxpayers, '
            'api_key_revision, api_keys'],
        ['fawtara_producer fawtara_encoder fawtara_submitter fawtara_operator', step],
        ['fawtara_producer fawtara_encoder fawtara_submitter fawtara_operator', 'UPDATE ON invoices'],
        ['fawtara_producer fawtara_encoder fawtara_submitter fawtara_operator', 'UPDATE (void_reason) ON icv_assignments'],
        ['fawtara_producer fawtara_encoder', sources],
        -- A key that is used is noted as such, wherever it opens something.
        ['fawtara_producer fawtara_encoder fawtara_submitter fawtara_operator', 'UPDATE (last_used_at) ON api_keys'],

        ['fawtara_producer fawtara_operator', 'INSERT ON identities, invoices'],
        -- Whoever finds on its queue what is none of ours keeps it as evidence.
        ['fawtara_producer fawtara_encoder fawtara_submitter fawtara_operator', 'SELECT, INSERT ON refused_intake'],
        ['fawtara_producer fawtara_encoder fawtara_submitter fawtara_operator',
            'UPDATE (at, resolved_at, resolved_by, resolved_reason) ON refused_intake'],

        ['fawtara_encoder', 'INSERT ON icv_counters, icv_assignments, reservations, outside_originals'],
        ['fawtara_encoder', 'UPDATE (next_icv) ON icv_counters'],
        ['fawtara_encoder', 'UPDATE (number, income_source, description) ON outside_originals'],
        ['fawtara_encoder fawtara_submitter fawtara_operator', 'SELECT, INSERT ON unknown_hints'],
        ['fawtara_encoder fawtara_submitter fawtara_operator', 'UPDATE (version, last_seen) ON unknown_hints'],

        ['fawtara_submitter fawtara_operator', 'SELECT ON income_sources, registry_history, api_key_history, retention_history'],
        ['fawtara_submitter fawtara_operator', 'SELECT ON checkpoints, checkpoint_heads, unsealed, settled_counts'],
        ['fawtara_submitter', 'INSERT ON checkpoints, checkpoint_heads'],
        ['fawtara_submitter', 'UPDATE (uuid), DELETE ON unsealed'],
        ['fawtara_submitter', 'UPDATE (count), DELETE ON settled_counts'],
        ['fawtara_submitter fawtara_operator', 'SELECT ON notices, webhook_deliveries, webhook_switches, submitter_shares'],
        ['fawtara_submitter', 'UPDATE (due_at), DELETE ON notices'],
        ['fawtara_submitter', 'INSERT, DELETE ON webhook_deliveries'],
        ['fawtara_submitter fawtara_operator',
            'UPDATE (attempts, due_at, last_status, last_error, asked_by, asked_reason) ON webhook_deliveries'],
        ['fawtara_submitter fawtara_operator', 'INSERT, UPDATE ON webhook_switches'],
        ['fawtara_submitter', 'INSERT, UPDATE, DELETE ON submitter_shares'],
        ['fawtara_submitter fawtara_operator', 'INSERT ON icv_held'],
        ['fawtara_submitter fawtara_operator', 'EXECUTE ON FUNCTION fawtara_ensure_partitions(integer)'],
        ['fawtara_submitter fawtara_operator', 'EXECUTE ON FUNCTION fawtara_partition(name, date)'],

        ['fawtara_operator', 'UPDATE (revision) ON registry_revision, api_key_revision'],
        ['fawtara_operator', 'INSERT, UPDATE ON taxpayers, income_sources'],
        ['fawtara_operator', 'INSERT ON registry_history, api_key_history, api_keys'],
        ['fawtara_operator', 'UPDATE (expires_at, revoked_at, revoked_by, revoked_reason) ON api_keys'],
        ['fawtara_operator', 'INSERT ON intake_switches, icv_voids'],
        -- Counters that are advanced after a restore.
        ['fawtara_operator', 'INSERT, UPDATE (next_icv) ON icv_counters']
    ] LOOP
        FOREACH role_name IN ARRAY string_to_array(given[1], ' ') LOOP
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
                EXECUTE format('GRANT %s TO %I', given[2], role_name);
            END IF;
        END LOOP;
    END LOOP;
END
$$;
