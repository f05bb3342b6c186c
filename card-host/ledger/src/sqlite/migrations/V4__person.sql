-- For which accounts somebody was at a desk (docs/ledger.md, section 6). The national ID is not here: a code of it, under a key of the key store.
CREATE TABLE person (
    person BLOB NOT NULL CHECK (length(person) = 17),
    account INTEGER NOT NULL, -- as in entry
    PRIMARY KEY (person, account)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER person_changed BEFORE UPDATE ON person
BEGIN SELECT RAISE(ABORT, 'person: what was written is never changed'); END;
CREATE TRIGGER person_deleted BEFORE DELETE ON person
BEGIN SELECT RAISE(ABORT, 'person: what was written is never deleted'); END;
