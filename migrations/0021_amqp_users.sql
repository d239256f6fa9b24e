-- API keys by which a user of the broker publishes: whose messages are taken from the intake queue, for which taxpayers.
-- Locks: ACCESS EXCLUSIVE on api_keys for as long as its few rows are read once; producers ask for them every two seconds and wait.

ALTER TABLE api_keys
    -- As RabbitMQ knows them; a message's property user_id has 255 bytes at most. None: the key is for HTTP alone.
    ADD COLUMN amqp_user text COLLATE "C" CHECK (octet_length(amqp_user) BETWEEN 1 AND 255);
