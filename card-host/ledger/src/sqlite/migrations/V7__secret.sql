-- The ledger's own secret (docs/ledger.md, section 4). It is made with the tables, so every copy of the ledger has it.

CREATE TABLE secret (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    bytes BLOB NOT NULL CHECK (length(bytes) = 32)
) STRICT;

INSERT INTO secret (id, bytes) VALUES (1, randomblob(32));
