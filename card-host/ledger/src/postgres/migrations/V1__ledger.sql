-- The ledger's tables (docs/ledger.md, section 4).
--
-- Texts that are keys compare byte by byte (COLLATE "C"), so that lists have the same order on every server. Account numbers are
-- 64 bits without a sign and stand here as the signed number with the same bits.

CREATE TABLE meta (
    id          SMALLINT PRIMARY KEY CHECK (id = 1),
    company     INTEGER NOT NULL CHECK (company BETWEEN 0 AND 65535),
    environment TEXT NOT NULL CHECK (environment IN ('test', 'production')),
    epoch       BIGINT NOT NULL CHECK (epoch BETWEEN 0 AND 4294967295)
);

CREATE TABLE entry (
    point         TEXT COLLATE "C" NOT NULL,
    number        BIGINT NOT NULL CHECK (number > 0),
    month         INTEGER NOT NULL,
    time          BIGINT NOT NULL CHECK (time >= 0),
    kind          TEXT COLLATE "C" NOT NULL,
    party         TEXT COLLATE "C" NOT NULL,
    request       TEXT COLLATE "C" NOT NULL,
    step          SMALLINT NOT NULL CHECK (step BETWEEN 1 AND 4),
    actor         TEXT NOT NULL,
    reason        TEXT NOT NULL,
    meter         BYTEA CHECK (octet_length(meter) = 8),
    binding       BIGINT,
    card          BYTEA CHECK (octet_length(card) = 8),
    account       BIGINT NOT NULL,
    amount        BIGINT NOT NULL CHECK (amount >= 0),
    sequence      BIGINT NOT NULL CHECK (sequence >= 0),
    total_credit  BIGINT NOT NULL CHECK (total_credit BETWEEN 0 AND 4611686018427387904),
    total_debited BIGINT NOT NULL CHECK (total_debited BETWEEN 0 AND 4611686018427387904),
    policy        BIGINT NOT NULL CHECK (policy >= 0),
    payload       BYTEA NOT NULL,
    previous      BYTEA NOT NULL CHECK (octet_length(previous) = 32),
    hash          BYTEA NOT NULL CHECK (octet_length(hash) = 32),
    CHECK ((meter IS NULL) = (binding IS NULL)),
    PRIMARY KEY (point, number, month)
) PARTITION BY RANGE (month);

CREATE INDEX entry_binding ON entry (meter, binding, time);

CREATE TABLE transfer (
    point  TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    line   SMALLINT NOT NULL CHECK (line BETWEEN 1 AND 32),
    month  INTEGER NOT NULL,
    debit  TEXT COLLATE "C" NOT NULL,
    credit TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    PRIMARY KEY (point, number, line, month)
) PARTITION BY RANGE (month);

-- Makes everything happen once, over all months: that is why it is not partitioned.
CREATE TABLE request (
    party  TEXT COLLATE "C" NOT NULL,
    id     TEXT COLLATE "C" NOT NULL,
    step   SMALLINT NOT NULL CHECK (step BETWEEN 1 AND 4),
    point  TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    month  INTEGER NOT NULL,
    PRIMARY KEY (party, id, step)
);

-- The first steps of requests that wait for another one. It follows from `request` and `entry`; it is here because a worker asks for
-- what waits every few seconds, and must not look through all that was ever announced.
CREATE TABLE waiting (
    party  TEXT COLLATE "C" NOT NULL,
    id     TEXT COLLATE "C" NOT NULL,
    point  TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    month  INTEGER NOT NULL,
    PRIMARY KEY (party, id)
);

CREATE INDEX waiting_point ON waiting (point, party, id);

-- Updated by each entry, so pages are left half empty: the new row stands beside the old one and no index changes.
CREATE TABLE point (
    code       TEXT COLLATE "C" PRIMARY KEY,
    party      TEXT COLLATE "C" NOT NULL,
    open       SMALLINT NOT NULL CHECK (open IN (0, 1)),
    number     BIGINT NOT NULL CHECK (number >= 0),
    head       BYTEA NOT NULL CHECK (octet_length(head) = 32),
    time       BIGINT NOT NULL CHECK (time >= 0),
    cash       BIGINT NOT NULL,
    day        BIGINT NOT NULL CHECK (day >= 0),
    sold       BIGINT NOT NULL CHECK (sold >= 0),
    most_cash  BIGINT CHECK (most_cash >= 0),
    most_daily BIGINT CHECK (most_daily >= 0)
) WITH (fillfactor = 50);

CREATE TABLE binding (
    meter           BYTEA NOT NULL CHECK (octet_length(meter) = 8),
    number          BIGINT NOT NULL CHECK (number BETWEEN 0 AND 4294967295),
    account         BIGINT NOT NULL,
    card            BYTEA NOT NULL CHECK (octet_length(card) = 8),
    generation      INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 65535),
    load_key        SMALLINT NOT NULL CHECK (load_key BETWEEN 0 AND 255),
    credit_key      SMALLINT NOT NULL CHECK (credit_key BETWEEN 0 AND 255),
    parameter_keys  SMALLINT NOT NULL CHECK (parameter_keys BETWEEN 0 AND 255),
    sequence        BIGINT NOT NULL CHECK (sequence BETWEEN 0 AND 4294967295),
    total_credit    BIGINT NOT NULL CHECK (total_credit BETWEEN 0 AND 4611686018427387904),
    total_debited   BIGINT NOT NULL CHECK (total_debited BETWEEN 0 AND 4611686018427387904),
    opening_time    BIGINT NOT NULL CHECK (opening_time >= 0),
    status          TEXT COLLATE "C" NOT NULL CHECK (status IN ('open', 'superseded', 'closed')),
    blocked         SMALLINT NOT NULL CHECK (blocked IN (0, 1)),
    epoch           BIGINT NOT NULL CHECK (epoch >= 0),
    voucher         BYTEA NOT NULL,
    card_sequence   BIGINT NOT NULL CHECK (card_sequence >= 0),
    applied_credit  BIGINT NOT NULL CHECK (applied_credit >= 0),
    applied_debited BIGINT NOT NULL CHECK (applied_debited >= 0),
    heard           BIGINT NOT NULL CHECK (heard >= 0),
    PRIMARY KEY (meter, number)
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX binding_open_card ON binding (card) WHERE status = 'open';
CREATE INDEX binding_card ON binding (card);
CREATE INDEX binding_account ON binding (account);

CREATE TABLE card (
    id         BYTEA PRIMARY KEY CHECK (octet_length(id) = 8),
    generation INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 65535),
    meter      BYTEA NOT NULL CHECK (octet_length(meter) = 8),
    binding    BIGINT NOT NULL,
    load_key   SMALLINT NOT NULL CHECK (load_key BETWEEN 0 AND 255),
    used       TEXT COLLATE "C" NOT NULL CHECK (used IN ('customer', 'replaced', 'engineering'))
);

CREATE TABLE customer (
    account BIGINT PRIMARY KEY,
    debt    BIGINT NOT NULL CHECK (debt >= 0),
    phone   TEXT NOT NULL,
    arabic  SMALLINT NOT NULL CHECK (arabic IN (0, 1))
) WITH (fillfactor = 80);

-- Those who owe something are few, and looked for in the order of their accounts.
CREATE INDEX customer_debt ON customer (account) WHERE debt <> 0;

CREATE TABLE party (
    code    TEXT COLLATE "C" PRIMARY KEY,
    channel TEXT COLLATE "C" NOT NULL CHECK (channel IN ('branch', 'kiosk', 'bank', 'wallet', 'network')),
    open    SMALLINT NOT NULL CHECK (open IN (0, 1))
);

CREATE TABLE token (
    hash    BYTEA PRIMARY KEY CHECK (octet_length(hash) = 32),
    party   TEXT COLLATE "C" NOT NULL,
    actor   TEXT NOT NULL,
    power   TEXT COLLATE "C" NOT NULL CHECK (power IN ('sell', 'approve')),
    revoked SMALLINT NOT NULL CHECK (revoked IN (0, 1))
);

CREATE INDEX token_party ON token (party);

CREATE TABLE link (
    party    TEXT COLLATE "C" NOT NULL,
    card     BYTEA NOT NULL CHECK (octet_length(card) = 8),
    customer TEXT NOT NULL,
    since    BIGINT NOT NULL CHECK (since >= 0),
    PRIMARY KEY (party, card)
);

CREATE TABLE mail (
    meter    BYTEA NOT NULL CHECK (octet_length(meter) = 8),
    binding  BIGINT NOT NULL,
    slot     SMALLINT NOT NULL CHECK (slot BETWEEN 0 AND 11 OR slot BETWEEN 16 AND 19),
    version  BIGINT NOT NULL CHECK (version >= 0),
    envelope BYTEA NOT NULL,
    PRIMARY KEY (meter, binding, slot)
);

-- A meter whose memory went back uses numbers of reports again, and says so (flag 0020) until its binding is closed. What it reports then
-- is newer than all before, whatever its numbers say; and of one number there may be more than one report.
CREATE TABLE reading (
    meter           BYTEA NOT NULL CHECK (octet_length(meter) = 8),
    binding         BIGINT NOT NULL,
    number          BIGINT NOT NULL CHECK (number >= 0),
    time            BIGINT NOT NULL CHECK (time >= 0),
    applied_credit  BIGINT NOT NULL CHECK (applied_credit >= 0),
    applied_debited BIGINT NOT NULL CHECK (applied_debited >= 0),
    balance         BIGINT NOT NULL,
    energy          BIGINT NOT NULL CHECK (energy >= 0),
    flags           INTEGER NOT NULL CHECK (flags BETWEEN 0 AND 65535),
    tampering       SMALLINT NOT NULL CHECK (tampering BETWEEN 0 AND 255),
    regressed       SMALLINT NOT NULL GENERATED ALWAYS AS (((flags >> 5) & 1)::SMALLINT) STORED,
    PRIMARY KEY (meter, binding, regressed, number, energy, time, flags, tampering)
);

CREATE TABLE policy (
    version   BIGINT PRIMARY KEY CHECK (version >= 0),
    from_time BIGINT NOT NULL CHECK (from_time >= 0),
    rules     TEXT NOT NULL
);

CREATE TABLE message (
    id    TEXT COLLATE "C" PRIMARY KEY,
    time  BIGINT NOT NULL CHECK (time >= 0),
    phone TEXT NOT NULL,
    text  TEXT NOT NULL,
    taken BIGINT NOT NULL CHECK (taken >= 0)
);

CREATE INDEX message_waiting ON message (time, id) WHERE taken = 0;

CREATE TABLE signed_head (
    point     TEXT COLLATE "C" NOT NULL,
    number    BIGINT NOT NULL CHECK (number > 0),
    head      BYTEA NOT NULL CHECK (octet_length(head) = 32),
    time      BIGINT NOT NULL CHECK (time >= 0),
    signature BYTEA NOT NULL CHECK (octet_length(signature) = 64),
    PRIMARY KEY (point, number)
);

-- What is written stays. A trigger that is asked only for changes costs an insert nothing.
CREATE FUNCTION ledger_stays() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % refused: what is in the ledger stays', TG_OP, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE FUNCTION ledger_grows() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'totals and sequence of a binding only grow: % to %, % to %, % to % refused',
        OLD.total_credit, NEW.total_credit, OLD.total_debited, NEW.total_debited, OLD.sequence, NEW.sequence
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TRIGGER entry_stays BEFORE UPDATE OR DELETE ON entry FOR EACH ROW EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER transfer_stays BEFORE UPDATE OR DELETE ON transfer FOR EACH ROW EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER request_stays BEFORE UPDATE OR DELETE ON request FOR EACH ROW EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER reading_stays BEFORE UPDATE OR DELETE ON reading FOR EACH ROW EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER policy_stays BEFORE UPDATE OR DELETE ON policy FOR EACH ROW EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER signed_head_stays BEFORE UPDATE OR DELETE ON signed_head FOR EACH ROW EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER entry_whole BEFORE TRUNCATE ON entry EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER transfer_whole BEFORE TRUNCATE ON transfer EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER request_whole BEFORE TRUNCATE ON request EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER reading_whole BEFORE TRUNCATE ON reading EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER policy_whole BEFORE TRUNCATE ON policy EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER signed_head_whole BEFORE TRUNCATE ON signed_head EXECUTE FUNCTION ledger_stays();

-- The condition is looked at without a call of the function, which runs only to refuse.
CREATE TRIGGER binding_grows BEFORE UPDATE ON binding FOR EACH ROW
    WHEN (NEW.total_credit < OLD.total_credit OR NEW.total_debited < OLD.total_debited OR NEW.sequence < OLD.sequence)
    EXECUTE FUNCTION ledger_grows();

-- Makes the tables of a month, where they are not there yet.
--
-- A table is made by itself and attached then: that lets everybody read and write meanwhile, where CREATE TABLE ... PARTITION OF
-- would wait for each long reader, and each sale for it. No default partition: rows in it would keep the right one from being made.
-- It runs with the rights of the owner of the tables: a seller may make no tables, and makes those of the next months.
CREATE FUNCTION ledger_month(month INTEGER) RETURNS VOID LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    parent TEXT;
    part TEXT;
BEGIN
    -- Two sellers at the turn of a month: the second one waits, and finds the tables made.
    PERFORM pg_advisory_xact_lock(7236837430148164720);
    FOREACH parent IN ARRAY ARRAY['entry', 'transfer'] LOOP
        part := parent || '_' || month;
        IF to_regclass(quote_ident(part)) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, parent);
            EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I EXECUTE FUNCTION ledger_stays()', part || '_whole', part);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', parent, part, month, month + 1);
        END IF;
    END LOOP;
END
$$;

-- And finds the tables of this schema, whatever the caller's path says.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION ledger_month(INTEGER) SET search_path = %I, pg_temp', current_schema());
END
$$;
