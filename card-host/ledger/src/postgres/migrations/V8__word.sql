-- Who, why and whose, in words: entries have references to them, which stay; these may be taken away (docs/ledger.md, section 4).

CREATE TABLE word (
    reference TEXT COLLATE "C" PRIMARY KEY,
    text      TEXT NOT NULL
);

-- What may be taken away with a customer.
CREATE INDEX entry_reason ON entry (account) WHERE reason <> '';

-- Of who was at a desk the account may be taken away: a reference is below zero here.
DROP TRIGGER person_stays ON person;
CREATE TRIGGER person_stays BEFORE DELETE ON person FOR EACH ROW EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER person_same BEFORE UPDATE ON person FOR EACH ROW
    WHEN (NEW.person <> OLD.person OR NEW.account >= 0) EXECUTE FUNCTION ledger_stays();
