-- For which accounts somebody was at a desk (docs/ledger.md, section 6). The national ID is not here: a code of it, under a key of the key store.

CREATE TABLE person (
    person  BYTEA NOT NULL CHECK (length(person) = 17),
    account BIGINT NOT NULL, -- as in entry
    PRIMARY KEY (person, account)
);

CREATE TRIGGER person_stays BEFORE UPDATE OR DELETE ON person FOR EACH ROW EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER person_whole BEFORE TRUNCATE ON person EXECUTE FUNCTION ledger_stays();
