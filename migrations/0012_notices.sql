-- What others are to be told: notices of settled invoices, and their deliveries to webhooks.
-- Locks: none that anybody waits for; it only creates tables.

-- One row for each time that an invoice settles, written in the statement that settles it and deleted once the exchange has
-- confirmed it and its deliveries stand below. It holds all that is told: by then the invoice may have moved on.
CREATE TABLE notices (
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    uuid uuid NOT NULL,
    -- The version that the stream had when it settled.
    version integer NOT NULL CHECK (version >= 1),
    at timestamptz NOT NULL,
    -- When it may be taken: at once, or after the lease of whoever took it.
    due_at timestamptz NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('rejected', 'dead_lettered', 'abandoned', 'cleared')),
    tax_number text COLLATE "C" NOT NULL,
    income_source text COLLATE "C" NOT NULL,
    number text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    document integer NOT NULL CHECK (document >= 1),
    icv bigint,
    qr text,
    cause text COLLATE "C",
    -- A JSON array of the authority's codes; none when it gave none.
    codes text,
    message text,
    currency text COLLATE "C" NOT NULL,
    payable numeric NOT NULL,
    traceparent text,
    PRIMARY KEY (environment, uuid, version)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

CREATE INDEX notices_due ON notices (due_at);

-- One row for each message to one webhook, deleted once it was heard. What was given up stays for a person.
CREATE TABLE webhook_deliveries (
    webhook text COLLATE "C" NOT NULL,
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    uuid uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    -- The message's own name, the same at every attempt.
    id uuid NOT NULL,
    type text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    -- Kept as it is sent: the signature covers these very bytes.
    body text NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- When it is sent next; none once it was given up.
    due_at timestamptz,
    last_status smallint,
    last_error text,
    -- Who last asked for it to be sent again, and why.
    asked_by text,
    asked_reason text,
    PRIMARY KEY (webhook, environment, uuid, version)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_at ON webhook_deliveries (at);
SELECT fawtara_compress('webhook_deliveries', 'body');

-- Webhooks that are switched off, or once were: nothing is sent to one that is off, and what is for it waits.
CREATE TABLE webhook_switches (
    webhook text COLLATE "C" PRIMARY KEY,
    off boolean NOT NULL,
    changed_at timestamptz NOT NULL,
    -- Who switched it; none when the receiver itself said that it is gone.
    changed_by text,
    reason text NOT NULL
);

DO $$
DECLARE
    me CONSTANT text := 'fawtara_app';
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = me) THEN
        EXECUTE format('GRANT SELECT, INSERT, UPDATE (due_at), DELETE ON notices TO %I', me);
        EXECUTE format(
            'GRANT SELECT, INSERT, UPDATE (attempts, due_at, last_status, last_error, asked_by, asked_reason), DELETE '
            'ON webhook_deliveries TO %I', me);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON webhook_switches TO %I', me);
    END IF;
END
$$;
