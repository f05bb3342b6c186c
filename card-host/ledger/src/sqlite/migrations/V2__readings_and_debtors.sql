-- A meter whose memory went back uses numbers of reports again, and says so (flag 0020) until its binding is closed. What it reports then
-- is newer than all before, whatever its numbers say; and of one number there may be more than one report.

CREATE TABLE reading_of_v2 (
    meter BLOB NOT NULL CHECK (length(meter) = 8),
    binding INTEGER NOT NULL CHECK (binding >= 0),
    regressed INTEGER NOT NULL DEFAULT 0 CHECK (regressed = (flags >> 5) & 1),
    number INTEGER NOT NULL CHECK (number >= 0),
    energy INTEGER NOT NULL CHECK (energy >= 0),
    time INTEGER NOT NULL CHECK (time >= 0),
    flags INTEGER NOT NULL CHECK (flags BETWEEN 0 AND 65535),
    tampering INTEGER NOT NULL CHECK (tampering BETWEEN 0 AND 255),
    applied_credit INTEGER NOT NULL CHECK (applied_credit >= 0),
    applied_debited INTEGER NOT NULL CHECK (applied_debited >= 0),
    balance INTEGER NOT NULL,
    PRIMARY KEY (meter, binding, regressed, number, energy, time, flags, tampering)
) STRICT, WITHOUT ROWID;

INSERT INTO reading_of_v2 (meter, binding, regressed, number, energy, time, flags, tampering, applied_credit, applied_debited, balance)
SELECT meter, binding, (flags >> 5) & 1, number, energy, time, flags, tampering, applied_credit, applied_debited, balance FROM reading;

-- Its triggers go with it.
DROP TABLE reading;
ALTER TABLE reading_of_v2 RENAME TO reading;

CREATE TRIGGER reading_changed BEFORE UPDATE ON reading
BEGIN SELECT RAISE(ABORT, 'reading: what was written is never changed'); END;
CREATE TRIGGER reading_deleted BEFORE DELETE ON reading
BEGIN SELECT RAISE(ABORT, 'reading: what was written is never deleted'); END;
CREATE TRIGGER reading_replaced BEFORE INSERT ON reading
WHEN EXISTS (SELECT 1 FROM reading WHERE meter = NEW.meter AND binding = NEW.binding AND regressed = NEW.regressed AND number = NEW.number
    AND energy = NEW.energy AND time = NEW.time AND flags = NEW.flags AND tampering = NEW.tampering)
BEGIN SELECT RAISE(ABORT, 'reading: this report has been written'); END;

-- Those who owe something are few, and looked for in the order of their accounts.
CREATE INDEX customer_debt ON customer (account) WHERE debt <> 0;
