-- The ledger's own secret (docs/ledger.md, section 4). It is made with the tables, so every copy of the ledger has it.

CREATE TABLE secret (
    id    SMALLINT PRIMARY KEY CHECK (id = 1),
    bytes BYTEA NOT NULL CHECK (octet_length(bytes) = 32)
);

-- 244 random bits, by the server's strong generator: PostgreSQL has no other one without an extension.
INSERT INTO secret (id, bytes) VALUES (1, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
