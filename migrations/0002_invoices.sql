-- Identities, invoices as they stand, and the content of each document version.
-- Locks: none that anybody waits for; it only creates tables.
--
-- Environments are 0 simulation, 1 sandbox, 2 production: narrow, and in the same order as in the program.
-- Names are compared as bytes (COLLATE "C").

-- One row for each invoice for ever, never purged: one UUID, one document; one number, one UUID.
CREATE TABLE identities (
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    uuid uuid NOT NULL,
    tax_number text COLLATE "C" NOT NULL,
    income_source text COLLATE "C" NOT NULL,
    number text COLLATE "C" NOT NULL,
    -- The first day of the month of acceptance: the partition of its events.
    accepted_month date NOT NULL CHECK (accepted_month = date_trunc('month', accepted_month::timestamp)::date),
    PRIMARY KEY (environment, uuid),
    -- The number comes first, so that a search by number alone finds its way.
    UNIQUE (number, tax_number, income_source, environment)
);

SELECT fawtara_guard('identities');

-- What the events fold into, kept beside them so that nobody has to fold to search. A row moves on by compare-and-set
-- on its version; that is all the concurrency control there is.
CREATE TABLE invoices (
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    uuid uuid NOT NULL,
    tax_number text COLLATE "C" NOT NULL,
    income_source text COLLATE "C" NOT NULL,
    number text COLLATE "C" NOT NULL,
    accepted_at timestamptz NOT NULL,
    accepted_month date NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    state text COLLATE "C" NOT NULL CHECK (
        state IN ('draft', 'submitted', 'pending_retry', 'rejected', 'dead_lettered', 'abandoned', 'cleared')),
    document integer NOT NULL CHECK (document >= 1),
    -- The content digests of all document versions, 32 bytes each, the first one first.
    contents bytea NOT NULL CHECK (octet_length(contents) = 32 * document),
    icv bigint CHECK (icv >= 0),
    xml bytea CHECK (octet_length(xml) = 32),
    attempt integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    due_at timestamptz,
    retries integer NOT NULL DEFAULT 0,
    charged integer NOT NULL DEFAULT 0,
    crashes integer NOT NULL DEFAULT 0,
    in_doubt integer,
    doubt_since timestamptz,
    qr_outstanding boolean NOT NULL DEFAULT false,
    cause text COLLATE "C" CHECK (
        cause IN ('unfit', 'refused', 'suspect', 'kills_worker', 'authority_holds_other', 'contradiction')),
    message text,
    qr text,
    cleared_document integer,
    updated_at timestamptz NOT NULL,
    -- The ledger's own: hash of the last event, when the sweeper looks again, how often it has hinted since the last
    -- event, the publisher's trace, the last version that a checkpoint sealed.
    head bytea NOT NULL CHECK (octet_length(head) = 32),
    wake_at timestamptz,
    hints integer NOT NULL DEFAULT 0,
    traceparent text,
    checkpointed_version integer NOT NULL DEFAULT 0,
    -- What finance ops search by.
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('invoice', 'return')),
    family text COLLATE "C" NOT NULL CHECK (family IN ('income', 'general_sales', 'special_sales')),
    payment text COLLATE "C" NOT NULL CHECK (payment IN ('cash', 'receivable')),
    issue_date date NOT NULL,
    currency text COLLATE "C" NOT NULL,
    payable numeric NOT NULL,
    buyer text,
    PRIMARY KEY (environment, uuid),
    CHECK ((state = 'submitted') = (lease_until IS NOT NULL)),
    CHECK ((state = 'pending_retry') = (due_at IS NOT NULL)),
    CHECK ((state IN ('draft', 'submitted', 'pending_retry')) = (wake_at IS NOT NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- The sweeper's.
CREATE INDEX invoices_wake ON invoices (wake_at) WHERE wake_at IS NOT NULL;
-- What waits for a person, in the order of listings.
CREATE INDEX invoices_waiting ON invoices (updated_at, environment, uuid) WHERE state IN ('rejected', 'dead_lettered');
CREATE INDEX invoices_in_doubt ON invoices (doubt_since) WHERE in_doubt IS NOT NULL;
-- How many stand where, without reading the rows.
CREATE INDEX invoices_standing ON invoices (state, cause, updated_at);
-- What the next checkpoint has to seal.
CREATE INDEX invoices_unsealed ON invoices (environment, uuid) WHERE version > checkpointed_version;

-- The normal form of every document version, word for word.
CREATE TABLE contents (
    environment smallint NOT NULL,
    uuid uuid NOT NULL,
    document integer NOT NULL CHECK (document >= 1),
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    normal_form json NOT NULL,
    PRIMARY KEY (environment, uuid, document)
);

SELECT fawtara_guard('contents');
SELECT fawtara_compress('contents', 'normal_form');
