-- Contents, documents and attempts join the events in partitions by the month in which their invoice was accepted, and whole
-- months can be set aside.
--
-- Locks: ACCESS EXCLUSIVE on contents, documents and attempts until it commits. What stands in them is copied, 1 GB in about
-- half a minute: stop the fleet first where there is much. It fails, and changes nothing, when a row belongs to no invoice.

-- How a month's partition of each of these tables is called: events_2026_11.
CREATE FUNCTION public.fawtara_partition(parent name, month date) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$ SELECT parent || '_' || to_char(month, 'YYYY_MM') $$;

-- Makes the partition of one month of one table; false when it is there, or when its rows fell into the net already.
-- Locks, only when it makes one: SHARE UPDATE EXCLUSIVE on the table, which reads and writes do not wait for; ACCESS EXCLUSIVE
-- for a moment on the default partition, which only reads over all months wait for.
CREATE FUNCTION public.fawtara_make_partition(parent name, month date) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    next_month CONSTANT date := (month + interval '1 month')::date;
    partition CONSTANT text := public.fawtara_partition(parent, month);
    strays boolean;
BEGIN
    IF to_regclass(format('public.%I', partition)) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('fawtara_ensure_partitions', 0));
    -- Somebody may have made it while this session waited.
    IF to_regclass(format('public.%I', partition)) IS NOT NULL THEN
        RETURN false;
    END IF;
    -- Rows that fell into the net stay there, since nothing may move them; the month then has no partition.
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE accepted_month >= %L AND accepted_month < %L)',
        parent || '_default', month, next_month) INTO strays;
    IF strays THEN
        RAISE WARNING 'rows of % stand in %_default already; no partition was made for that month', month, parent;
        RETURN false;
    END IF;
    -- Made apart and then attached, since CREATE TABLE ... PARTITION OF would stop all inserts. Nothing in it ever changes:
    -- vacuum comes early, freezes at once, and never needs to come back to a month that is over.
    EXECUTE format(
        'CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL) WITH (autovacuum_freeze_min_age = 0, '
        'autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)', partition, parent);
    EXECUTE format('ALTER TABLE public.%I ADD CHECK (accepted_month >= %L AND accepted_month < %L)', partition, month, next_month);
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        parent, partition, month, next_month);
    PERFORM public.fawtara_guard(format('public.%I', partition)::regclass, with_rows => false);
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION public.fawtara_make_partition(name, date) FROM PUBLIC;

-- Makes the partitions from last month to `months` months ahead, and says how many it made. Runs with its owner's rights,
-- since the program's role may not create tables. It gives up after three seconds rather than queue up before others.
CREATE OR REPLACE FUNCTION public.fawtara_ensure_partitions(months integer) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '3s'
AS $$
DECLARE
    this_month CONSTANT date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    parent name;
    made integer := 0;
BEGIN
    IF months IS NULL OR months NOT BETWEEN 0 AND 120 THEN
        RAISE EXCEPTION 'months must be from 0 to 120' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR ahead IN -1 .. months LOOP
        FOREACH parent IN ARRAY '{events,contents,documents,attempts}'::name[] LOOP
            IF public.fawtara_make_partition(parent, (this_month + make_interval(months => ahead))::date) THEN
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;

ALTER TABLE contents RENAME TO contents_before;
ALTER TABLE documents RENAME TO documents_before;
ALTER TABLE attempts RENAME TO attempts_before;
ALTER INDEX contents_pkey RENAME TO contents_before_pkey;
ALTER INDEX documents_pkey RENAME TO documents_before_pkey;
ALTER INDEX attempts_pkey RENAME TO attempts_before_pkey;

-- The normal form of every document version, word for word.
CREATE TABLE contents (
    -- The first day of the month of acceptance, here and below.
    accepted_month date NOT NULL,
    environment smallint NOT NULL,
    uuid uuid NOT NULL,
    document integer NOT NULL CHECK (document >= 1),
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    normal_form json NOT NULL,
    PRIMARY KEY (accepted_month, environment, uuid, document)
) PARTITION BY RANGE (accepted_month);

CREATE TABLE documents (
    accepted_month date NOT NULL,
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
    PRIMARY KEY (accepted_month, environment, uuid, document, kind, version)
) PARTITION BY RANGE (accepted_month);

CREATE TABLE attempts (
    accepted_month date NOT NULL,
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
    PRIMARY KEY (accepted_month, environment, uuid, version)
) PARTITION BY RANGE (accepted_month);

SELECT fawtara_compress('contents', 'normal_form');
SELECT fawtara_compress('documents', 'bytes');

DO $$
DECLARE
    parent name;
    month date;
    columns text;
    there bigint;
    copied bigint;
    granted record;
BEGIN
    FOREACH parent IN ARRAY '{contents,documents,attempts}'::name[] LOOP
        PERFORM fawtara_guard(parent::text::regclass);
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', parent || '_default', parent);
        PERFORM fawtara_guard((parent || '_default')::regclass, with_rows => false);
        FOR month IN SELECT DISTINCT accepted_month FROM identities LOOP
            PERFORM fawtara_make_partition(parent, month);
        END LOOP;
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
            FROM pg_attribute WHERE attrelid = (parent || '_before')::regclass AND attnum > 0 AND NOT attisdropped;
        EXECUTE format('SELECT count(*) FROM %I', parent || '_before') INTO there;
        EXECUTE format(
            'INSERT INTO %I (accepted_month, %s) SELECT d.accepted_month, b.* FROM %I b '
            'JOIN identities d ON d.environment = b.environment AND d.uuid = b.uuid ORDER BY d.accepted_month, b.environment, b.uuid',
            parent, columns, parent || '_before');
        GET DIAGNOSTICS copied = ROW_COUNT;
        IF copied <> there THEN
            RAISE EXCEPTION '% of % rows of % belong to no invoice: ask `fawtara verify`', there - copied, there, parent;
        END IF;
        -- Whoever might work with the old table may work with the new one.
        FOR granted IN
            SELECT a.privilege_type, r.rolname
            FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
            WHERE c.oid = (parent || '_before')::regclass AND a.grantee <> c.relowner
        LOOP
            EXECUTE format('GRANT %s ON %I TO %I', granted.privilege_type, parent, granted.rolname);
        END LOOP;
        EXECUTE format('DROP TABLE %I', parent || '_before');
    END LOOP;
END
$$;

SELECT fawtara_ensure_partitions(2);

-- The months of events that were there before vacuum as those that come.
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'events'::regclass LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_freeze_min_age = 0, '
            'autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)', partition);
    END LOOP;
END
$$;

-- Months that were set aside, and brought back: by whom, when, why. The last word on a month counts.
CREATE TABLE retention_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    month date NOT NULL CHECK (month = date_trunc('month', month::timestamp)::date),
    action text COLLATE "C" NOT NULL CHECK (action IN ('detached', 'attached')),
    by_name text NOT NULL CHECK (by_name <> ''),
    by_reason text NOT NULL CHECK (by_reason <> ''),
    -- How many invoices were accepted in that month.
    invoices bigint NOT NULL
);

CREATE INDEX retention_history_month ON retention_history (month, id);
SELECT fawtara_guard('retention_history');

-- Where detached months are kept; nobody but the owner reads them there.
CREATE SCHEMA fawtara_detached;

-- Sets a month aside: its partitions of the four tables leave together, or none does, and who did it stands in the history.
-- Not CONCURRENTLY: that is impossible beside a default partition, which keeps the intake going when nobody has made the
-- month's partition, and it would leave a month half detached when it fails between two tables.
--
-- Locks: EXCLUSIVE on invoices and ACCESS EXCLUSIVE on the four tables, for some milliseconds. It waits half a second at most for the
-- first and a tenth for each other one, then gives up (55P03): so long may writes stand behind it, and the caller tries again after a
-- pause in which they do not.
CREATE FUNCTION public.fawtara_detach_month(month date, by_name text, by_reason text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
#variable_conflict use_variable
DECLARE
    parent name;
    partition text;
    counted bigint;
BEGIN
    -- Counted first, without any lock.
    SELECT count(*) INTO counted FROM public.identities i WHERE i.accepted_month = month;
    -- Every transaction that writes locks invoices before any of the four: behind this lock none is half way, so that nobody holds
    -- one of them and waits for another. What is left are readers.
    LOCK TABLE ONLY public.invoices IN EXCLUSIVE MODE;
    PERFORM set_config('lock_timeout', '100ms', true);
    LOCK TABLE ONLY public.events IN ACCESS EXCLUSIVE MODE;
    LOCK TABLE ONLY public.documents IN ACCESS EXCLUSIVE MODE;
    LOCK TABLE ONLY public.attempts IN ACCESS EXCLUSIVE MODE;
    LOCK TABLE ONLY public.contents IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (
        SELECT FROM public.invoices i WHERE i.accepted_month = month AND i.wake_at IS NOT NULL
        UNION ALL
        SELECT FROM public.invoices i WHERE i.accepted_month = month AND i.state IN ('rejected', 'dead_lettered')
    ) THEN
        RAISE EXCEPTION 'invoices of % are open, or wait for a person: clear or abandon them first', to_char(month, 'YYYY-MM')
            USING ERRCODE = 'restrict_violation';
    END IF;
    FOREACH parent IN ARRAY '{events,documents,attempts,contents}'::name[] LOOP
        partition := public.fawtara_partition(parent, month);
        IF to_regclass(format('public.%I', partition)) IS NULL THEN
            RAISE EXCEPTION 'there is no partition %', partition USING ERRCODE = 'restrict_violation';
        END IF;
        EXECUTE format('ALTER TABLE public.%I DETACH PARTITION public.%I', parent, partition);
        EXECUTE format('ALTER TABLE public.%I SET SCHEMA fawtara_detached', partition);
        -- Its guard against changes of rows was the parent's.
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON fawtara_detached.%I '
            'FOR EACH ROW EXECUTE FUNCTION public.fawtara_append_only()', partition);
    END LOOP;
    INSERT INTO public.retention_history (at, month, action, by_name, by_reason, invoices)
    VALUES (clock_timestamp(), month, 'detached', by_name, by_reason, counted);
END
$$;

REVOKE ALL ON FUNCTION public.fawtara_detach_month(date, text, text) FROM PUBLIC;

-- Brings a month back.
-- Locks: SHARE UPDATE EXCLUSIVE on the four tables, which nobody waits for; ACCESS EXCLUSIVE on their default partitions, for as
-- long as it takes to see that these hold nothing of the month: half a second at most for each lock, as above.
CREATE FUNCTION public.fawtara_attach_month(month date, by_name text, by_reason text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
#variable_conflict use_variable
DECLARE
    parent name;
    partition text;
    strays boolean;
BEGIN
    FOREACH parent IN ARRAY '{events,documents,attempts,contents}'::name[] LOOP
        partition := public.fawtara_partition(parent, month);
        IF to_regclass(format('fawtara_detached.%I', partition)) IS NULL THEN
            RAISE EXCEPTION 'there is no detached table %: restore it from its dump into the schema fawtara_detached', partition
                USING ERRCODE = 'restrict_violation';
        END IF;
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE accepted_month = %L)', parent || '_default', month) INTO strays;
        IF strays THEN
            RAISE EXCEPTION 'rows of % were written after it was detached and stand in %_default: they have to be moved by hand',
                to_char(month, 'YYYY-MM'), parent USING ERRCODE = 'restrict_violation';
        END IF;
        EXECUTE format('DROP TRIGGER IF EXISTS append_only ON fawtara_detached.%I', partition);
        EXECUTE format('ALTER TABLE fawtara_detached.%I SET SCHEMA public', partition);
        EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
            parent, partition, month, (month + interval '1 month')::date);
    END LOOP;
    INSERT INTO public.retention_history (at, month, action, by_name, by_reason, invoices)
    SELECT clock_timestamp(), month, 'attached', by_name, by_reason, count(*)
    FROM public.identities i WHERE i.accepted_month = month;
END
$$;

REVOKE ALL ON FUNCTION public.fawtara_attach_month(date, text, text) FROM PUBLIC;

DO $$
DECLARE
    me CONSTANT text := 'fawtara_app';
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = me) THEN
        EXECUTE format('GRANT SELECT ON retention_history TO %I', me);
        EXECUTE format('GRANT EXECUTE ON FUNCTION fawtara_partition(name, date) TO %I', me);
    END IF;
END
$$;
