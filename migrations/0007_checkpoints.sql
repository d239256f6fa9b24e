-- Checkpoints: each seals the heads of the streams that changed, and the checkpoint before it.
-- Locks: none that anybody waits for; it only creates tables.

CREATE TABLE checkpoints (
    number bigint PRIMARY KEY CHECK (number >= 1),
    at timestamptz NOT NULL,
    streams bigint NOT NULL CHECK (streams >= 1),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32)
);

SELECT fawtara_guard('checkpoints');

CREATE TABLE checkpoint_heads (
    number bigint NOT NULL,
    environment smallint NOT NULL,
    uuid uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (number, environment, uuid)
);

SELECT fawtara_guard('checkpoint_heads');
