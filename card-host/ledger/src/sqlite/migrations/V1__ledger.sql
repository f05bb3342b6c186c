-- The tables of docs/ledger.md, section 4. Wide rows that are only added stand in the order in which they came; all others in the
-- order of their keys, which saves one tree for each.

PRAGMA application_id = 1162300487; -- "EGLG"

CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    company INTEGER NOT NULL CHECK (company BETWEEN 0 AND 65535),
    environment TEXT NOT NULL CHECK (environment IN ('test', 'production')),
    epoch INTEGER NOT NULL CHECK (epoch BETWEEN 0 AND 4294967295)
) STRICT;

CREATE TABLE entry (
    point TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    month INTEGER NOT NULL CHECK (month >= 0),
    time INTEGER NOT NULL CHECK (time >= 0),
    kind TEXT NOT NULL,
    party TEXT NOT NULL,
    request TEXT NOT NULL,
    step INTEGER NOT NULL CHECK (step BETWEEN 1 AND 4),
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    meter BLOB CHECK (length(meter) = 8),
    binding INTEGER CHECK (binding >= 0),
    card BLOB CHECK (length(card) = 8),
    account INTEGER NOT NULL, -- 64 bits, of which the highest is not a sign
    amount INTEGER NOT NULL CHECK (amount >= 0),
    sequence INTEGER NOT NULL CHECK (sequence >= 0),
    total_credit INTEGER NOT NULL CHECK (total_credit BETWEEN 0 AND 4611686018427387904),
    total_debited INTEGER NOT NULL CHECK (total_debited BETWEEN 0 AND 4611686018427387904),
    policy INTEGER NOT NULL CHECK (policy >= 0),
    payload BLOB NOT NULL,
    previous BLOB NOT NULL CHECK (length(previous) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (point, number),
    CHECK ((meter IS NULL) = (binding IS NULL))
) STRICT;

CREATE INDEX entry_by_binding ON entry (meter, binding, time) WHERE meter IS NOT NULL;

CREATE TABLE transfer (
    point TEXT NOT NULL,
    number INTEGER NOT NULL,
    line INTEGER NOT NULL CHECK (line BETWEEN 1 AND 32),
    month INTEGER NOT NULL,
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    PRIMARY KEY (point, number, line),
    FOREIGN KEY (point, number) REFERENCES entry (point, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE request (
    party TEXT NOT NULL,
    id TEXT NOT NULL,
    step INTEGER NOT NULL CHECK (step BETWEEN 1 AND 4),
    point TEXT NOT NULL,
    number INTEGER NOT NULL,
    month INTEGER NOT NULL,
    PRIMARY KEY (party, id, step),
    FOREIGN KEY (point, number) REFERENCES entry (point, number)
) STRICT, WITHOUT ROWID;

-- The first steps of requests that wait for another one. It follows from the two tables above; it is here because a worker asks
-- for what waits every few seconds, and must not look through all that was ever announced.
CREATE TABLE waiting (
    party TEXT NOT NULL,
    id TEXT NOT NULL,
    point TEXT NOT NULL,
    number INTEGER NOT NULL,
    month INTEGER NOT NULL,
    PRIMARY KEY (party, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX waiting_point ON waiting (point, party, id);

CREATE TABLE point (
    code TEXT NOT NULL PRIMARY KEY,
    party TEXT NOT NULL,
    open INTEGER NOT NULL CHECK (open IN (0, 1)),
    number INTEGER NOT NULL CHECK (number >= 0),
    head BLOB NOT NULL CHECK (length(head) = 32),
    time INTEGER NOT NULL CHECK (time >= 0),
    cash INTEGER NOT NULL,
    day INTEGER NOT NULL CHECK (day >= 0),
    sold INTEGER NOT NULL CHECK (sold >= 0),
    most_cash INTEGER CHECK (most_cash >= 0),
    most_daily INTEGER CHECK (most_daily >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE binding (
    meter BLOB NOT NULL CHECK (length(meter) = 8),
    number INTEGER NOT NULL CHECK (number >= 0),
    account INTEGER NOT NULL, -- as in entry
    card BLOB NOT NULL CHECK (length(card) = 8),
    generation INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 65535),
    load_key INTEGER NOT NULL CHECK (load_key BETWEEN 0 AND 255),
    credit_key INTEGER NOT NULL CHECK (credit_key BETWEEN 0 AND 255),
    parameter_keys INTEGER NOT NULL CHECK (parameter_keys BETWEEN 0 AND 255),
    sequence INTEGER NOT NULL CHECK (sequence >= 0),
    total_credit INTEGER NOT NULL CHECK (total_credit BETWEEN 0 AND 4611686018427387904),
    total_debited INTEGER NOT NULL CHECK (total_debited BETWEEN 0 AND 4611686018427387904),
    opening_time INTEGER NOT NULL CHECK (opening_time >= 0),
    status TEXT NOT NULL CHECK (status IN ('open', 'superseded', 'closed')),
    blocked INTEGER NOT NULL CHECK (blocked IN (0, 1)),
    epoch INTEGER NOT NULL CHECK (epoch >= 0),
    voucher BLOB NOT NULL,
    card_sequence INTEGER NOT NULL CHECK (card_sequence >= 0),
    applied_credit INTEGER NOT NULL CHECK (applied_credit >= 0),
    applied_debited INTEGER NOT NULL CHECK (applied_debited >= 0),
    heard INTEGER NOT NULL CHECK (heard >= 0),
    PRIMARY KEY (meter, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX binding_open_card ON binding (card) WHERE status = 'open';
CREATE INDEX binding_card ON binding (card);
CREATE INDEX binding_account ON binding (account);

CREATE TABLE card (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 8),
    generation INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 65535),
    meter BLOB NOT NULL CHECK (length(meter) = 8),
    binding INTEGER NOT NULL CHECK (binding >= 0),
    load_key INTEGER NOT NULL CHECK (load_key BETWEEN 0 AND 255),
    used TEXT NOT NULL CHECK (used IN ('customer', 'replaced', 'engineering'))
) STRICT, WITHOUT ROWID;

CREATE TABLE customer (
    account INTEGER PRIMARY KEY, -- as in entry
    debt INTEGER NOT NULL CHECK (debt >= 0),
    phone TEXT NOT NULL,
    arabic INTEGER NOT NULL CHECK (arabic IN (0, 1))
) STRICT;

-- Those who owe something are few, and looked for in the order of their accounts.
CREATE INDEX customer_debt ON customer (account) WHERE debt <> 0;

CREATE TABLE party (
    code TEXT NOT NULL PRIMARY KEY,
    channel TEXT NOT NULL CHECK (channel IN ('branch', 'kiosk', 'bank', 'wallet', 'network')),
    open INTEGER NOT NULL CHECK (open IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    party TEXT NOT NULL,
    actor TEXT NOT NULL,
    power TEXT NOT NULL CHECK (power IN ('sell', 'approve')),
    revoked INTEGER NOT NULL CHECK (revoked IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE INDEX token_party ON token (party);

CREATE TABLE link (
    party TEXT NOT NULL,
    card BLOB NOT NULL CHECK (length(card) = 8),
    customer TEXT NOT NULL,
    since INTEGER NOT NULL CHECK (since >= 0),
    PRIMARY KEY (party, card)
) STRICT, WITHOUT ROWID;

CREATE TABLE mail (
    meter BLOB NOT NULL CHECK (length(meter) = 8),
    binding INTEGER NOT NULL CHECK (binding >= 0),
    slot INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 255),
    version INTEGER NOT NULL CHECK (version >= 0),
    envelope BLOB NOT NULL,
    PRIMARY KEY (meter, binding, slot)
) STRICT;

-- A meter whose memory went back uses numbers of reports again, and says so (flag 0020) until its binding is closed. What it reports then
-- is newer than all before, whatever its numbers say; and of one number there may be more than one report.
CREATE TABLE reading (
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

CREATE TABLE policy (
    version INTEGER PRIMARY KEY CHECK (version >= 0),
    from_time INTEGER NOT NULL CHECK (from_time >= 0),
    rules TEXT NOT NULL
) STRICT;

CREATE TABLE message (
    id TEXT NOT NULL PRIMARY KEY,
    time INTEGER NOT NULL CHECK (time >= 0),
    phone TEXT NOT NULL,
    text TEXT NOT NULL,
    taken INTEGER NOT NULL CHECK (taken >= 0)
) STRICT;

CREATE INDEX message_waiting ON message (time, id) WHERE taken = 0;

CREATE TABLE signed_head (
    point TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 0),
    head BLOB NOT NULL CHECK (length(head) = 32),
    time INTEGER NOT NULL CHECK (time >= 0),
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    PRIMARY KEY (point, number)
) STRICT, WITHOUT ROWID;

-- What was written stays. The triggers on INSERT are for INSERT OR REPLACE, which deletes without asking the others.

CREATE TRIGGER entry_changed BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'entry: what was written is never changed'); END;
CREATE TRIGGER entry_deleted BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'entry: what was written is never deleted'); END;
CREATE TRIGGER entry_replaced BEFORE INSERT ON entry
WHEN EXISTS (SELECT 1 FROM entry WHERE point = NEW.point AND number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'entry: this number of the chain has been written'); END;

CREATE TRIGGER transfer_changed BEFORE UPDATE ON transfer
BEGIN SELECT RAISE(ABORT, 'transfer: what was written is never changed'); END;
CREATE TRIGGER transfer_deleted BEFORE DELETE ON transfer
BEGIN SELECT RAISE(ABORT, 'transfer: what was written is never deleted'); END;
CREATE TRIGGER transfer_replaced BEFORE INSERT ON transfer
WHEN EXISTS (SELECT 1 FROM transfer WHERE point = NEW.point AND number = NEW.number AND line = NEW.line)
BEGIN SELECT RAISE(ABORT, 'transfer: this line has been written'); END;

CREATE TRIGGER request_changed BEFORE UPDATE ON request
BEGIN SELECT RAISE(ABORT, 'request: what was written is never changed'); END;
CREATE TRIGGER request_deleted BEFORE DELETE ON request
BEGIN SELECT RAISE(ABORT, 'request: what was written is never deleted'); END;
CREATE TRIGGER request_replaced BEFORE INSERT ON request
WHEN EXISTS (SELECT 1 FROM request WHERE party = NEW.party AND id = NEW.id AND step = NEW.step)
BEGIN SELECT RAISE(ABORT, 'request: this step has been made'); END;

CREATE TRIGGER reading_changed BEFORE UPDATE ON reading
BEGIN SELECT RAISE(ABORT, 'reading: what was written is never changed'); END;
CREATE TRIGGER reading_deleted BEFORE DELETE ON reading
BEGIN SELECT RAISE(ABORT, 'reading: what was written is never deleted'); END;
CREATE TRIGGER reading_replaced BEFORE INSERT ON reading
WHEN EXISTS (SELECT 1 FROM reading WHERE meter = NEW.meter AND binding = NEW.binding AND regressed = NEW.regressed AND number = NEW.number
    AND energy = NEW.energy AND time = NEW.time AND flags = NEW.flags AND tampering = NEW.tampering)
BEGIN SELECT RAISE(ABORT, 'reading: this report has been written'); END;

CREATE TRIGGER policy_changed BEFORE UPDATE ON policy
BEGIN SELECT RAISE(ABORT, 'policy: what was written is never changed'); END;
CREATE TRIGGER policy_deleted BEFORE DELETE ON policy
BEGIN SELECT RAISE(ABORT, 'policy: what was written is never deleted'); END;
CREATE TRIGGER policy_replaced BEFORE INSERT ON policy
WHEN EXISTS (SELECT 1 FROM policy WHERE version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'policy: this version has been written'); END;

CREATE TRIGGER signed_head_changed BEFORE UPDATE ON signed_head
BEGIN SELECT RAISE(ABORT, 'signed_head: what was written is never changed'); END;
CREATE TRIGGER signed_head_deleted BEFORE DELETE ON signed_head
BEGIN SELECT RAISE(ABORT, 'signed_head: what was written is never deleted'); END;
CREATE TRIGGER signed_head_replaced BEFORE INSERT ON signed_head
WHEN EXISTS (SELECT 1 FROM signed_head WHERE point = NEW.point AND number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'signed_head: this one has been written'); END;

CREATE TRIGGER binding_lowered BEFORE UPDATE OF sequence, total_credit, total_debited ON binding
WHEN NEW.sequence < OLD.sequence OR NEW.total_credit < OLD.total_credit OR NEW.total_debited < OLD.total_debited
BEGIN SELECT RAISE(ABORT, 'binding: totals and sequence only grow'); END;
