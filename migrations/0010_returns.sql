-- Returns: what each takes back, what it has reserved of it, and originals from before this ledger's time.
-- Locks: ACCESS EXCLUSIVE on invoices for a moment, for three new columns and two checks that are not held against old rows.

ALTER TABLE invoices
    -- A return's draft that waits for its original: which, what about it, since when.
    ADD COLUMN waiting_for text,
    ADD COLUMN waiting_reason text COLLATE "C",
    ADD COLUMN waiting_since timestamptz,
    DROP CONSTRAINT invoices_cause_check,
    ADD CONSTRAINT invoices_cause_check CHECK (
        cause IN ('unfit', 'refused', 'suspect', 'kills_worker', 'authority_holds_other', 'contradiction', 'original_unknown'))
        NOT VALID,
    ADD CONSTRAINT invoices_waiting_check CHECK (
        CASE WHEN waiting_since IS NULL THEN waiting_for IS NULL AND waiting_reason IS NULL
        ELSE waiting_for IS NOT NULL AND waiting_reason IN ('unknown', 'open', 'rejected', 'dead_lettered')
            AND state = 'draft' AND xml IS NULL END)
        NOT VALID;

-- What each document version of a return takes back, as it names it.
CREATE TABLE returns (
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    uuid uuid NOT NULL,
    document integer NOT NULL CHECK (document >= 1),
    tax_number text COLLATE "C" NOT NULL,
    -- Its UUID in its one spelling, or any other text: live ones are no valid UUIDs. Decides alone where it is given.
    original_uuid text COLLATE "C",
    original_number text COLLATE "C",
    PRIMARY KEY (environment, uuid, document)
);

-- Whoever waits for an invoice that has just settled is found here.
CREATE INDEX returns_by_uuid ON returns (original_uuid, tax_number, environment) WHERE original_uuid IS NOT NULL;
CREATE INDEX returns_by_number ON returns (original_number, tax_number, environment) WHERE original_uuid IS NULL;
SELECT fawtara_guard('returns');

-- What each return has taken back, written with its bytes. Nothing is ever struck off: whether it counts follows from where
-- the return stands (not once it is abandoned or amended; again when it is cleared late).
CREATE TABLE reservations (
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    -- The return.
    uuid uuid NOT NULL,
    document integer NOT NULL CHECK (document >= 1),
    -- The stream's version when its bytes were fixed: the last one of a document version counts.
    version integer NOT NULL CHECK (version >= 1),
    -- The original, ours or not: seller, and UUID in its one spelling or any other text.
    tax_number text COLLATE "C" NOT NULL,
    original text COLLATE "C" NOT NULL,
    -- By line number: quantity, discount, special tax.
    lines json NOT NULL,
    PRIMARY KEY (environment, uuid, document, version)
);

CREATE INDEX reservations_by_original ON reservations (original, tax_number, environment);
SELECT fawtara_guard('reservations');

-- Originals from before this ledger's time, by the word of the first return of each.
CREATE TABLE outside_originals (
    environment smallint NOT NULL CHECK (environment BETWEEN 0 AND 2),
    tax_number text COLLATE "C" NOT NULL,
    original text COLLATE "C" NOT NULL,
    -- As the return names it, and of which income source: for those that name the number alone.
    number text COLLATE "C",
    income_source text COLLATE "C" NOT NULL,
    -- As the encoder wrote it. Only while no other return rests on it may it be told anew.
    description json NOT NULL,
    PRIMARY KEY (environment, tax_number, original)
);

CREATE INDEX outside_originals_number ON outside_originals (number, tax_number, environment);

DO $$
DECLARE
    me CONSTANT text := 'fawtara_app';
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = me) THEN
        EXECUTE format('GRANT SELECT, INSERT ON returns, reservations TO %I', me);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE (number, income_source, description) ON outside_originals TO %I', me);
    END IF;
END
$$;
