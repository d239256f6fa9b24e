-- The index by which the dispatcher serves taxpayers in turn; it takes the place of the sweeper's.
-- Locks: invoices against writes while the index is built, which reads the whole table once (about 1 s for each million
-- rows); what it holds is only what is open. Let the roles stand still meanwhile.

-- What an invoice waits for: 0 its bytes, 1 its first attempt, 2 a further one. Within that by taxpayer, then income source:
-- one step down the index finds the next income source however many invoices the one before it has.
CREATE INDEX invoices_turns ON invoices (
    (CASE WHEN state <> 'draft' THEN 2 WHEN xml IS NULL THEN 0 ELSE 1 END),
    tax_number, environment, income_source, wake_at, uuid
) WHERE wake_at IS NOT NULL;

DROP INDEX invoices_wake;
