-- A meter whose memory went back uses numbers of reports again, and says so (flag 0020) until its binding is closed. What it reports then
-- is newer than all before, whatever its numbers say; and of one number there may be more than one report.

ALTER TABLE reading ADD COLUMN regressed SMALLINT NOT NULL GENERATED ALWAYS AS (((flags >> 5) & 1)::SMALLINT) STORED;
ALTER TABLE reading DROP CONSTRAINT reading_pkey;
ALTER TABLE reading ADD PRIMARY KEY (meter, binding, regressed, number, energy, time, flags, tampering);

-- Those who owe something are few, and looked for in the order of their accounts.
CREATE INDEX customer_debt ON customer (account) WHERE debt <> 0;
