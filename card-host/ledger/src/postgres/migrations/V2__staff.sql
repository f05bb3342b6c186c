-- Who works for the company (docs/ledger.md, section 4). The names of powers stand in one text, with commas between them.

CREATE TABLE staff (
    identity TEXT COLLATE "C" PRIMARY KEY,
    name     TEXT NOT NULL,
    may      TEXT COLLATE "C" NOT NULL,
    secret   TEXT COLLATE "C" NOT NULL,
    stopped  SMALLINT NOT NULL CHECK (stopped IN (0, 1))
);
