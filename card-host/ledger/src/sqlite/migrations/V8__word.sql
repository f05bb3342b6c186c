-- Who, why and whose, in words: entries have references to them, which stay; these may be taken away (docs/ledger.md, section 4).

CREATE TABLE word (
    reference TEXT NOT NULL PRIMARY KEY,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What may be taken away with a customer.
CREATE INDEX entry_reason ON entry (account) WHERE reason <> '';

-- Of who was at a desk the account may be taken away: a reference is below zero here.
DROP TRIGGER person_changed;
CREATE TRIGGER person_changed BEFORE UPDATE ON person WHEN NEW.person <> OLD.person OR NEW.account >= 0
BEGIN SELECT RAISE(ABORT, 'person: what was written is never changed'); END;
