-- The invoice counters (ICV): one for each income source, without gap or repeat.
-- Locks: none that anybody waits for; it only creates tables.

-- Its row is locked while numbers are drawn, so that a number is drawn and assigned in the same transaction.
CREATE TABLE icv_counters (
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    tax_number text COLLATE "C" NOT NULL,
    income_source text COLLATE "C" NOT NULL,
    -- Where it began: so that a hole at the beginning shows as well.
    first_icv bigint NOT NULL CHECK (first_icv >= 0),
    next_icv bigint NOT NULL CHECK (next_icv >= first_icv),
    PRIMARY KEY (environment, tax_number, income_source)
);

-- Which number went to which invoice. Never taken back: the number of an abandoned invoice is void, with the reason.
CREATE TABLE icv_assignments (
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    tax_number text COLLATE "C" NOT NULL,
    income_source text COLLATE "C" NOT NULL,
    icv bigint NOT NULL CHECK (icv >= 0),
    uuid uuid NOT NULL,
    void_reason text,
    PRIMARY KEY (environment, tax_number, income_source, icv),
    UNIQUE (environment, uuid, tax_number, income_source)
);
