-- Refused intake that was resolved opens again when the same event is refused again, from that moment on.
-- Locks: ACCESS SHARE on one table for a moment.

DO $$
DECLARE
    me CONSTANT text := 'fawtara_app';
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = me) THEN
        EXECUTE format('GRANT UPDATE (at) ON refused_intake TO %I', me);
    END IF;
END
$$;
