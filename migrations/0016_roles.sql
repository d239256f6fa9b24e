-- A role for each part of the fleet, with no more rights than its work needs; 0020 says which. fawtara_app keeps the rights of
-- all of them together, for one process that does everything and for whoever has set it.
-- Locks: none that anybody waits for; once in a cluster, some rows of pg_authid and pg_auth_members.

-- fawtara_app may take the others' place, and has its own rights, not theirs: what it lacks must show.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'fawtara_app' AND rolinherit) THEN
        ALTER ROLE fawtara_app NOINHERIT;
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR internal_error THEN
        NULL;
END
$$;

DO $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY '{fawtara_producer,fawtara_encoder,fawtara_submitter,fawtara_operator}'::text[] LOOP
        -- As in 0001: roles belong to the cluster, others may be migrating at this moment, and an owner without CREATEROLE
        -- goes on without.
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = part) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', part);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % is missing and % may not create it: processes work as fawtara_app', part, current_user;
        END;
        -- Whoever may work as fawtara_app may lay more of its powers down.
        BEGIN
            IF EXISTS (
                SELECT FROM pg_roles lesser, pg_roles app
                WHERE lesser.rolname = part AND app.rolname = 'fawtara_app'
                    AND NOT pg_has_role(app.oid, lesser.oid, 'MEMBER')
            ) THEN
                EXECUTE format('GRANT %I TO fawtara_app', part);
            END IF;
        EXCEPTION
            WHEN insufficient_privilege OR duplicate_object OR unique_violation OR internal_error THEN
                RAISE NOTICE '% could not be granted to fawtara_app', part;
        END;
    END LOOP;
END
$$;
