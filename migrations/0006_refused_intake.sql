-- What could not be taken: a record of its own with the reason.
-- Locks: none that anybody waits for; it only creates a table.

CREATE TABLE refused_intake (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    via text NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    -- Text, not json: this is where everything must fit that fits nowhere else.
    faults text,
    uuid uuid,
    number text,
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    body bytea NOT NULL,
    resolved_at timestamptz,
    resolved_by text,
    resolved_reason text
);

CREATE INDEX refused_intake_open ON refused_intake (at, id) WHERE resolved_at IS NULL;
SELECT fawtara_compress('refused_intake', 'body');
