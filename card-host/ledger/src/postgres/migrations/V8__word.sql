-- Who, why and whose, in words: entries have references to them, which stay; these may be taken away (docs/ledger.md, section 4).

CREATE TABLE word (
    reference TEXT COLLATE "C" PRIMARY KEY,
    text      TEXT NOT NULL
);

-- What may be taken away with a customer.
CREATE INDEX entry_reason ON entry (account) WHERE reason <> '';
