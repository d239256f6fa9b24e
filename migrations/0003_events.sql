-- The events, in partitions by the month in which their stream was accepted.
-- Locks: none that anybody waits for; it only creates tables. What fawtara_ensure_partitions locks later is said there.

CREATE TABLE events (
    accepted_month date NOT NULL,
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    uuid uuid NOT NULL,
    -- The place in the stream, from 1.
    version integer NOT NULL CHECK (version >= 1),
    at timestamptz NOT NULL,
    type text COLLATE "C" NOT NULL,
    -- Kept word for word (json, not jsonb): the hash covers these very bytes.
    payload json NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (accepted_month, environment, uuid, version)
) PARTITION BY RANGE (accepted_month);

SELECT fawtara_guard('events');
SELECT fawtara_compress('events', 'payload');

-- A safety net: an insert finds a place even when nobody has made the month's partition.
CREATE TABLE events_default PARTITION OF events DEFAULT;
SELECT fawtara_guard('events_default', with_rows => false);

-- Makes the partitions from last month to `months` months ahead, and says how many it made.
-- Runs with its owner's rights, since the program's role may not create tables.
-- Locks, only when it makes one: an advisory lock against its like; SHARE UPDATE EXCLUSIVE on events, which reads and
-- writes do not wait for; ACCESS EXCLUSIVE for a moment on events_default, which only reads over all months wait for.
-- It gives up after three seconds rather than queue up before them.
CREATE FUNCTION public.fawtara_ensure_partitions(months integer) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '3s'
AS $$
DECLARE
    this_month CONSTANT date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    first_day date;
    next_first date;
    name text;
    made integer := 0;
BEGIN
    IF months IS NULL OR months NOT BETWEEN 0 AND 120 THEN
        RAISE EXCEPTION 'months must be from 0 to 120' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR ahead IN -1 .. months LOOP
        first_day := (this_month + make_interval(months => ahead))::date;
        next_first := (this_month + make_interval(months => ahead + 1))::date;
        name := 'events_' || to_char(first_day, 'YYYY_MM');
        CONTINUE WHEN to_regclass(format('public.%I', name)) IS NOT NULL;
        PERFORM pg_advisory_xact_lock(hashtextextended('fawtara_ensure_partitions', 0));
        -- Somebody may have made it while this session waited.
        CONTINUE WHEN to_regclass(format('public.%I', name)) IS NOT NULL;
        -- Rows that fell into the net stay there, since nothing may move an event; the month then has no partition.
        IF EXISTS (SELECT FROM public.events_default d WHERE d.accepted_month >= first_day AND d.accepted_month < next_first) THEN
            RAISE WARNING 'events of % stand in events_default already; no partition was made for that month', first_day;
            CONTINUE;
        END IF;
        -- Made apart and then attached, since CREATE TABLE ... PARTITION OF would stop all inserts.
        EXECUTE format('CREATE TABLE public.%I (LIKE public.events INCLUDING ALL)', name);
        EXECUTE format('ALTER TABLE public.%I ADD CHECK (accepted_month >= %L AND accepted_month < %L)', name, first_day, next_first);
        EXECUTE format('ALTER TABLE public.events ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', name, first_day, next_first);
        PERFORM public.fawtara_guard(format('public.%I', name)::regclass, with_rows => false);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

REVOKE ALL ON FUNCTION public.fawtara_ensure_partitions(integer) FROM PUBLIC;

SELECT fawtara_ensure_partitions(2);
