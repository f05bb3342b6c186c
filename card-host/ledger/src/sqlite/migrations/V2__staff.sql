-- Who works for the company (docs/ledger.md, section 4). The names of powers stand in one text, with commas between them.

CREATE TABLE staff (
    identity TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    may TEXT NOT NULL,
    secret TEXT NOT NULL,
    stopped INTEGER NOT NULL CHECK (stopped IN (0, 1))
) STRICT, WITHOUT ROWID;
