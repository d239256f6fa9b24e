-- Taxpayers and their income sources: whose documents are taken, as whom they are sent, and who changed that.
-- Locks: none that anybody waits for; it only creates tables.

-- One number for the state of everything below: whoever follows it asks for this row and no more. It is locked while anything
-- is changed, so that changes come one after the other and each has a revision of its own.
CREATE TABLE registry_revision (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL CHECK (revision >= 0)
);

INSERT INTO registry_revision (revision) VALUES (0);

CREATE TABLE taxpayers (
    tax_number text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    -- The house's own notes about the taxpayer; nothing here reads them.
    settings jsonb NOT NULL,
    revision bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE income_sources (
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    tax_number text COLLATE "C" NOT NULL REFERENCES taxpayers,
    income_source text COLLATE "C" NOT NULL,
    -- None: every family is taken.
    family text COLLATE "C" CHECK (family IN ('income', 'general_sales', 'special_sales')),
    client_id text NOT NULL,
    -- The secret key, encrypted; never in clear. None until there is one.
    secret bytea,
    -- None: the authority's own address, or the simulator's.
    url text,
    route jsonb NOT NULL,
    profile jsonb NOT NULL,
    icv_start bigint NOT NULL CHECK (icv_start >= 1),
    active boolean NOT NULL,
    revision bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (environment, tax_number, income_source)
);

-- An event does not state its environment: an income source takes events in one of them at a time.
CREATE UNIQUE INDEX income_sources_active ON income_sources (tax_number, income_source) WHERE active;

-- Every change by a person, for ever. Never the secret, sealed or not.
CREATE TABLE registry_history (
    revision bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    by_name text NOT NULL,
    by_reason text NOT NULL,
    tax_number text COLLATE "C" NOT NULL,
    -- Neither: it concerns the taxpayer.
    environment smallint CHECK (environment BETWEEN 0 AND 2),
    income_source text COLLATE "C",
    action text COLLATE "C" NOT NULL,
    -- What became of each member that changed: {"member": {"from": …, "to": …}}.
    what jsonb NOT NULL,
    CHECK ((environment IS NULL) = (income_source IS NULL))
);

CREATE INDEX registry_history_taxpayer ON registry_history (tax_number, revision);
SELECT fawtara_guard('registry_history');

DO $$
DECLARE
    me CONSTANT text := 'fawtara_app';
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = me) THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT SELECT, UPDATE (revision) ON registry_revision TO %I', me);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON taxpayers, income_sources TO %I', me);
    EXECUTE format('GRANT SELECT, INSERT ON registry_history TO %I', me);
END
$$;
