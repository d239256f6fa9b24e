-- The role that the program works as, and the guard of everything that is append-only.
-- Locks: none that anybody waits for; two new functions and, once in a cluster, a row of pg_authid.

-- Roles belong to the whole cluster, and several databases may be migrated at once: whoever comes second finds it there.
-- An owner without CREATEROLE goes on without the role; the triggers below still hold for everybody.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fawtara_app') THEN
        CREATE ROLE fawtara_app NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'role fawtara_app is missing and % may not create it: create it, then migrate a new database or grant by hand',
            current_user;
END
$$;

-- Whoever migrates may work as that role, so that a program that logs in as the owner can lay its powers down.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'fawtara_app' AND NOT pg_has_role(current_user, r.oid, 'MEMBER'))
    THEN
        EXECUTE format('GRANT fawtara_app TO %I', current_user);
    END IF;
EXCEPTION
    -- internal_error is "tuple concurrently updated": another migration granted it at this moment.
    WHEN insufficient_privilege OR duplicate_object OR unique_violation OR internal_error THEN
        RAISE NOTICE 'fawtara_app could not be granted to %', current_user;
END
$$;

CREATE FUNCTION public.fawtara_append_only() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% of % is not possible: this table is append-only', lower(TG_OP), TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

-- Guards a table for everybody, its owner included.
CREATE FUNCTION public.fawtara_guard(guarded regclass, with_rows boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF with_rows THEN
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION public.fawtara_append_only()',
            guarded);
    END IF;
    EXECUTE format(
        'CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION public.fawtara_append_only()',
        guarded);
END
$$;

REVOKE ALL ON FUNCTION public.fawtara_guard(regclass, boolean) FROM PUBLIC;

-- lz4 where the server was built with it, else what the server has by default.
CREATE FUNCTION public.fawtara_compress(owner regclass, col name) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET COMPRESSION lz4', owner, col);
EXCEPTION
    WHEN feature_not_supported OR syntax_error OR invalid_parameter_value THEN
        RAISE NOTICE 'no lz4 in this server: %.% stays with its default compression', owner, col;
END
$$;

REVOKE ALL ON FUNCTION public.fawtara_compress(regclass, name) FROM PUBLIC;
