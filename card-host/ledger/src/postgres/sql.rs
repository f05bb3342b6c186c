//! The statements. Where a row is locked in a transaction that writes, there are two of them.

use crate::store::Table;

/// A statement that locks what it reads, and the same without.
pub(super) struct Lockable {
    pub(super) locked: &'static str,
    pub(super) plain: &'static str,
}

impl Lockable {
    pub(super) const fn sql(&self, lock: bool) -> &'static str {
        if lock { self.locked } else { self.plain }
    }
}

/// A text with `FOR UPDATE` at its end, and without.
macro_rules! lockable {
    ($($text:expr),+ $(,)?) => {
        Lockable { locked: concat!($($text,)+ " FOR UPDATE"), plain: concat!($($text,)+ "") }
    };
}

macro_rules! point {
    () => {
        "code, party, open, number, head, time, cash, day, sold, most_cash, most_daily"
    };
}
macro_rules! binding {
    () => {
        "meter, number, account, card, generation, load_key, credit_key, parameter_keys, sequence, total_credit, total_debited, \
         opening_time, status, blocked, epoch, voucher, card_sequence, applied_credit, applied_debited, heard"
    };
}
macro_rules! customer {
    () => {
        "account, debt, phone, arabic"
    };
}
macro_rules! entry {
    () => {
        "SELECT e.point, e.number, e.time, e.kind, e.party, e.request, e.step, e.actor, e.reason, e.meter, e.binding, e.card, \
         e.account, e.amount, e.sequence, e.total_credit, e.total_debited, e.policy, e.payload, e.previous, e.hash, \
         t.debits, t.credits, t.amounts "
    };
}
/// The transfers of an entry `e`, in their order.
macro_rules! transfers {
    () => {
        " CROSS JOIN LATERAL (SELECT array_agg(debit ORDER BY line) AS debits, array_agg(credit ORDER BY line) AS credits, \
         array_agg(amount ORDER BY line) AS amounts FROM transfer \
         WHERE transfer.point = e.point AND transfer.number = e.number AND transfer.month = e.month) AS t "
    };
}

pub(super) const POINT_COLUMNS: usize = 11;
pub(super) const PARTY_COLUMNS: usize = 3;
pub(super) const BINDING_COLUMNS: usize = 20;
pub(super) const CUSTOMER_COLUMNS: usize = 4;
pub(super) const STEP_COLUMNS: usize = 4;

/// All that a step needs, in one exchange. One row for each step that was made, or one row.
///
/// The point is locked first, then the binding, then the customer: a condition on what was read before says that order, which
/// PostgreSQL otherwise chooses. Whoever waits for a lock gets the row as it is after the wait; but all rows that are not locked are
/// those of the moment when the statement began. No step of this request is made during the wait: who writes has its lock
/// ([`claim`](super::connection::Connection::claim)). Without it, the key of `request` would refuse the same step a second time.
macro_rules! context {
    ($lock:literal, $binding:literal, $order:literal) => {
        concat!(
            "WITH p AS MATERIALIZED (SELECT ",
            point!(),
            " FROM point WHERE code = $1",
            $lock,
            "), b AS MATERIALIZED (SELECT ",
            binding!(),
            " FROM binding WHERE ",
            $binding,
            " AND (SELECT count(*) FROM p) >= 0",
            $order,
            $lock,
            "), c AS MATERIALIZED (SELECT ",
            customer!(),
            " FROM customer WHERE account = (SELECT account FROM b)",
            $lock,
            ") SELECT meta.epoch, p.*, party.code, party.channel, party.open, b.*, c.*, ",
            "request.step, request.point, request.number, request.month FROM meta ",
            "LEFT JOIN p ON true LEFT JOIN party ON party.code = p.party LEFT JOIN b ON true LEFT JOIN c ON true ",
            "LEFT JOIN request ON request.party = $2 AND request.id = $3 ORDER BY request.step"
        )
    };
    ($binding:literal, $order:literal) => {
        Lockable { locked: context!(" FOR UPDATE", $binding, $order), plain: context!("", $binding, $order) }
    };
}

pub(super) const CONTEXT_CARD: Lockable = context!("card = $4 AND status = 'open'", "");
pub(super) const CONTEXT_METER: Lockable = context!("meter = $4", " ORDER BY number DESC LIMIT 1");
pub(super) const CONTEXT_BINDING: Lockable = context!("meter = $4 AND number = $5", "");
/// Without a binding.
pub(super) const CONTEXT: Lockable = context!("false", "");

/// Which binding is meant. Not locked: a row that is waited for may then not be the one any more.
pub(super) const CHOOSE_CARD: &str = "SELECT meter, number FROM binding WHERE card = $1 \
    ORDER BY status = 'open' DESC, opening_time DESC, meter DESC, number DESC LIMIT 1";
pub(super) const CHOOSE_METER: &str =
    "SELECT meter, number FROM binding WHERE meter = $1 ORDER BY number DESC LIMIT 1";
pub(super) const BINDING: Lockable =
    lockable!("SELECT ", binding!(), " FROM binding WHERE meter = $1 AND number = $2");
pub(super) const BINDINGS: &str = concat!(
    "SELECT ",
    binding!(),
    " FROM binding WHERE (meter, number) > ($1, $2) ORDER BY meter, number LIMIT $3"
);
pub(super) const BINDINGS_OF: &str =
    concat!("SELECT ", binding!(), " FROM binding WHERE account = $1 ORDER BY meter, number");

pub(super) const POINT: Lockable = lockable!("SELECT ", point!(), " FROM point WHERE code = $1");
pub(super) const POINTS: &str =
    concat!("SELECT ", point!(), " FROM point WHERE code > $1 ORDER BY code LIMIT $2");
pub(super) const DEBTORS: &str = concat!(
    "SELECT ",
    customer!(),
    " FROM customer WHERE debt <> 0 AND account >= $1 ORDER BY account LIMIT $2"
);
pub(super) const CUSTOMER: Lockable = lockable!("SELECT ", customer!(), " FROM customer WHERE account = $1");

pub(super) const STEPS: &str =
    "SELECT step, point, number, month FROM request WHERE party = $1 AND id = $2 ORDER BY step";
/// With the month, where it is known: one table is looked at, and not that of each month.
pub(super) const ENTRY_OF_MONTH: &str =
    concat!(entry!(), "FROM entry e", transfers!(), "WHERE e.point = $1 AND e.number = $2 AND e.month = $3");
pub(super) const ENTRY: &str =
    concat!(entry!(), "FROM entry e", transfers!(), "WHERE e.point = $1 AND e.number = $2");
pub(super) const CHAIN: &str = concat!(
    entry!(),
    "FROM (SELECT * FROM entry WHERE point = $1 AND number > $2 ORDER BY number LIMIT $3) e",
    transfers!(),
    "ORDER BY e.number"
);
/// All entries from the second on in which the last one wanted is: their order within a second is not the store's.
pub(super) const HISTORY: &str = concat!(
    entry!(),
    "FROM (SELECT * FROM entry WHERE meter = $1 AND binding = $2 AND time >= coalesce((SELECT time FROM entry ",
    "WHERE meter = $1 AND binding = $2 ORDER BY time DESC LIMIT 1 OFFSET $3), 0)) e",
    transfers!()
);
pub(super) const RECOVERED: &str = concat!(
    entry!(),
    "FROM (SELECT * FROM entry WHERE kind = 'recover' AND (point, number) > ($1, $2) ORDER BY point, number LIMIT $3) e",
    transfers!(),
    "ORDER BY e.point, e.number"
);
macro_rules! waiting {
    ($point:literal) => {
        concat!(
            entry!(),
            "FROM (SELECT * FROM waiting WHERE (party, id) > ($1, $2)",
            $point,
            " ORDER BY party, id LIMIT $3) w JOIN entry e ON e.point = w.point AND e.number = w.number \
             AND e.month = w.month AND e.party = w.party AND e.request = w.id",
            transfers!(),
            "ORDER BY w.party, w.id"
        )
    };
}
pub(super) const WAITING: &str = waiting!("");
pub(super) const WAITING_AT: &str = waiting!(" AND point = $4");

pub(super) const PARTY: &str = "SELECT code, channel, open FROM party WHERE code = $1";
pub(super) const TOKEN: &str = "SELECT hash, party, actor, power, revoked FROM token WHERE hash = $1";
pub(super) const STAFF: &str = "SELECT identity, name, may, secret, stopped FROM staff ORDER BY identity";
pub(super) const PERSONS: &str = "SELECT person, account FROM person WHERE person = $1";
pub(super) const TOKENS: Lockable =
    lockable!("SELECT hash, party, actor, power, revoked FROM token WHERE party = $1 ORDER BY hash");
pub(super) const CARD: Lockable =
    lockable!("SELECT id, generation, meter, binding, load_key, used FROM card WHERE id = $1");
pub(super) const LINK: &str = "SELECT party, card, customer, since FROM link WHERE party = $1 AND card = $2";
pub(super) const MAIL: &str = "SELECT meter, binding, slot, version, envelope FROM mail WHERE meter = $1 AND binding = $2 ORDER BY slot";
pub(super) const MAIL_IN: Lockable = lockable!(
    "SELECT meter, binding, slot, version, envelope FROM mail WHERE meter = $1 AND binding = $2 AND slot = $3"
);
/// Of many bindings in one exchange.
pub(super) const READINGS: &str = "SELECT r.meter, r.binding, r.number, r.time, r.applied_credit, r.applied_debited, r.balance, r.energy, \
    r.flags, r.tampering FROM unnest($1::BYTEA[], $2::BIGINT[]) WITH ORDINALITY AS wanted (meter, binding, place) \
    CROSS JOIN LATERAL (SELECT * FROM reading WHERE meter = wanted.meter AND binding = wanted.binding \
    ORDER BY regressed DESC, number DESC, energy DESC, time DESC, flags DESC, tampering DESC LIMIT $3) AS r \
    ORDER BY place, r.regressed DESC, r.number DESC, r.energy DESC, r.time DESC, r.flags DESC, r.tampering DESC";
/// The latest one of each of many bindings.
pub(super) const LATEST: &str = "SELECT r.meter, r.binding, r.number, r.time, r.applied_credit, r.applied_debited, r.balance, r.energy, \
    r.flags, r.tampering FROM unnest($1::BYTEA[], $2::BIGINT[]) WITH ORDINALITY AS wanted (meter, binding, place) \
    CROSS JOIN LATERAL (SELECT * FROM reading WHERE meter = wanted.meter AND binding = wanted.binding AND regressed = 0 \
    ORDER BY time DESC, number DESC, energy DESC, flags DESC, tampering DESC LIMIT 1) AS r ORDER BY place";
pub(super) const POLICIES: &str = "SELECT version, from_time, rules FROM policy ORDER BY version";
pub(super) const MESSAGES: &str =
    "SELECT id, time, phone, text, taken FROM message WHERE taken = 0 ORDER BY time, id LIMIT $1";
pub(super) const MESSAGE: Lockable =
    lockable!("SELECT id, time, phone, text, taken FROM message WHERE id = $1");
pub(super) const SIGNED_HEAD: &str = "SELECT point, number, head, time, signature FROM signed_head \
    WHERE point = $1 AND number <= $2 ORDER BY number DESC LIMIT 1";
/// Sums of 64 bits each can be longer than 64 bits, so they come as texts.
pub(super) const BALANCES: &str = "SELECT account, sum(debits)::TEXT, sum(credits)::TEXT FROM (\
    SELECT debit AS account, sum(amount) AS debits, 0 AS credits FROM transfer GROUP BY debit \
    UNION ALL SELECT credit, 0, sum(amount) FROM transfer GROUP BY credit) AS sums GROUP BY account ORDER BY account";
pub(super) const SECRET: &str = "SELECT bytes FROM secret WHERE id = 1";
pub(super) const EPOCH: &str = "SELECT epoch FROM meta WHERE id = 1";
pub(super) const CLOCK: &str = "SELECT extract(epoch FROM clock_timestamp())::BIGINT";
pub(super) const LAST_TIME: &str = "SELECT coalesce(max(time), 0) FROM point";

/// An entry, its transfers, its step, the vending point after it, and the heads that almost every entry has, in one exchange. The
/// values of a head that is not there are NULL, and its row is then not found.
///
/// The point is changed only where its chain ends before this entry: whoever did not lock it is told so.
pub(super) const WRITE: &str = "\
    WITH e AS (INSERT INTO entry (point, number, month, time, kind, party, request, step, actor, reason, meter, binding, card, \
        account, amount, sequence, total_credit, total_debited, policy, payload, previous, hash) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)), \
    t AS (INSERT INTO transfer (point, number, line, month, debit, credit, amount) \
        SELECT $1, $2, line, $3, debit, credit, amount \
        FROM unnest($23::TEXT[], $24::TEXT[], $25::BIGINT[]) WITH ORDINALITY AS lines (debit, credit, amount, line)), \
    r AS (INSERT INTO request (party, id, step, point, number, month) VALUES ($6, $7, $8, $1, $2, $3)), \
    p AS (UPDATE point SET party = $26, open = $27, number = $28, head = $29, time = $30, cash = $31, day = $32, sold = $33, \
        most_cash = $34, most_daily = $35 WHERE code = $1 AND number = $2 - 1 AND head = $21 RETURNING 1), \
    b AS (UPDATE binding SET account = $38, card = $39, generation = $40, load_key = $41, credit_key = $42, \
        parameter_keys = $43, sequence = $44, total_credit = $45, total_debited = $46, opening_time = $47, status = $48, \
        blocked = $49, epoch = $50, voucher = $51, card_sequence = $52, applied_credit = $53, applied_debited = $54, heard = $55 \
        WHERE meter = $36 AND number = $37 RETURNING 1), \
    c AS (UPDATE customer SET debt = $57, phone = $58, arabic = $59 WHERE account = $56 RETURNING 1) \
    SELECT (SELECT count(*) FROM p), (SELECT count(*) FROM b), (SELECT count(*) FROM c)";

pub(super) const NEW_WAITING: &str =
    "INSERT INTO waiting (party, id, point, number, month) VALUES ($1, $2, $3, $4, $5)";
pub(super) const NO_LONGER_WAITING: &str = "DELETE FROM waiting WHERE party = $1 AND id = $2";

pub(super) const NEW_POINT: &str =
    concat!("INSERT INTO point (", point!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
/// Never one that has gone on meanwhile.
pub(super) const CHANGE_POINT: &str = "UPDATE point SET party = $2, open = $3, time = $6, cash = $7, day = $8, sold = $9, \
    most_cash = $10, most_daily = $11 WHERE code = $1 AND number = $4 AND head = $5";
pub(super) const NEW_BINDING: &str = concat!(
    "INSERT INTO binding (",
    binding!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)"
);
pub(super) const CHANGE_BINDING: &str = "UPDATE binding SET account = $3, card = $4, generation = $5, load_key = $6, \
    credit_key = $7, parameter_keys = $8, sequence = $9, total_credit = $10, total_debited = $11, opening_time = $12, \
    status = $13, blocked = $14, epoch = $15, voucher = $16, card_sequence = $17, applied_credit = $18, applied_debited = $19, \
    heard = $20 WHERE meter = $1 AND number = $2";
pub(super) const NEW_CUSTOMER: &str =
    concat!("INSERT INTO customer (", customer!(), ") VALUES ($1, $2, $3, $4)");
pub(super) const CHANGE_CUSTOMER: &str =
    "UPDATE customer SET debt = $2, phone = $3, arabic = $4 WHERE account = $1";
/// A row that is new where it was looked for and not there, and else takes the place of what was.
pub(super) struct Insert {
    new: &'static str,
    set: &'static str,
}

impl Insert {
    pub(super) const fn sql(&self, new: bool) -> &'static str {
        if new { self.new } else { self.set }
    }
}

macro_rules! insert {
    ($row:literal, $else:literal) => {
        Insert { new: $row, set: concat!($row, " ON CONFLICT ", $else) }
    };
}

pub(super) const CARD_ROW: Insert = insert!(
    "INSERT INTO card (id, generation, meter, binding, load_key, used) VALUES ($1, $2, $3, $4, $5, $6)",
    "(id) DO UPDATE SET generation = EXCLUDED.generation, meter = EXCLUDED.meter, binding = EXCLUDED.binding, \
     load_key = EXCLUDED.load_key, used = EXCLUDED.used"
);
pub(super) const PARTY_ROW: Insert = insert!(
    "INSERT INTO party (code, channel, open) VALUES ($1, $2, $3)",
    "(code) DO UPDATE SET channel = EXCLUDED.channel, open = EXCLUDED.open"
);
pub(super) const TOKEN_ROW: Insert = insert!(
    "INSERT INTO token (hash, party, actor, power, revoked) VALUES ($1, $2, $3, $4, $5)",
    "(hash) DO UPDATE SET party = EXCLUDED.party, actor = EXCLUDED.actor, power = EXCLUDED.power, \
     revoked = EXCLUDED.revoked"
);
pub(super) const STAFF_ROW: Insert = insert!(
    "INSERT INTO staff (identity, name, may, secret, stopped) VALUES ($1, $2, $3, $4, $5)",
    "(identity) DO UPDATE SET name = EXCLUDED.name, may = EXCLUDED.may, secret = EXCLUDED.secret, \
     stopped = EXCLUDED.stopped"
);
pub(super) const LINK_ROW: Insert = insert!(
    "INSERT INTO link (party, card, customer, since) VALUES ($1, $2, $3, $4)",
    "(party, card) DO UPDATE SET customer = EXCLUDED.customer, since = EXCLUDED.since"
);
pub(super) const MAIL_ROW: Insert = insert!(
    "INSERT INTO mail (meter, binding, slot, version, envelope) VALUES ($1, $2, $3, $4, $5)",
    "(meter, binding, slot) DO UPDATE SET version = EXCLUDED.version, envelope = EXCLUDED.envelope"
);
pub(super) const MESSAGE_ROW: Insert = insert!(
    "INSERT INTO message (id, time, phone, text, taken) VALUES ($1, $2, $3, $4, $5)",
    "(id) DO UPDATE SET taken = EXCLUDED.taken WHERE EXCLUDED.taken <> 0"
);
pub(super) const NEW_READING: &str = "INSERT INTO reading (meter, binding, number, time, applied_credit, applied_debited, \
    balance, energy, flags, tampering) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
pub(super) const NEW_PERSON: &str =
    "INSERT INTO person (person, account) VALUES ($1, $2) ON CONFLICT DO NOTHING";
pub(super) const NEW_POLICY: &str =
    "INSERT INTO policy (version, from_time, rules) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
pub(super) const NEW_SIGNED_HEAD: &str = "INSERT INTO signed_head (point, number, head, time, signature) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
pub(super) const SAME_SIGNED_HEAD: &str =
    "SELECT 1 FROM signed_head WHERE point = $1 AND number = $2 AND head = $3";

/// How the rows of a table are gone through: a cursor is made, gives a page at a time, and is closed.
pub(super) const fn rows(table: Table) -> (&'static str, [&'static str; 3]) {
    macro_rules! cursor {
        ($name:literal, $columns:expr) => {
            (
                $name,
                [
                    concat!(
                        "DECLARE rows_of_",
                        $name,
                        " NO SCROLL CURSOR FOR SELECT ",
                        $columns,
                        " FROM ",
                        $name
                    ),
                    concat!("FETCH FORWARD 1000 FROM rows_of_", $name),
                    concat!("CLOSE rows_of_", $name),
                ],
            )
        };
    }
    match table {
        Table::Entry => cursor!("entry", "point, number, 0::SMALLINT, month"),
        Table::Transfer => cursor!("transfer", "point, number, line, month"),
        Table::Request => cursor!("request", "party, id, step, point, number, month"),
        Table::Waiting => cursor!("waiting", "party, id, point, number, month"),
        Table::Party => cursor!("party", "code, channel, open"),
        Table::Token => cursor!("token", "hash, party, actor, power, revoked"),
        Table::Staff => cursor!("staff", "identity, name, may, secret, stopped"),
        Table::Person => cursor!("person", "person, account"),
        Table::Link => cursor!("link", "party, card, customer, since"),
        Table::Card => cursor!("card", "id, generation, meter, binding, load_key, used"),
        Table::Customer => cursor!("customer", customer!()),
        Table::Mail => cursor!("mail", "meter, binding, slot, version, envelope"),
        Table::Reading => cursor!(
            "reading",
            "meter, binding, number, time, applied_credit, applied_debited, balance, energy, \
             CASE WHEN regressed = (flags >> 5) & 1 THEN flags ELSE -1 END, tampering"
        ),
    }
}
/// A row is written as it stands.
pub(super) const TOUCH: &str = "UPDATE meta SET epoch = epoch WHERE id = 1";
/// It only grows: of two who declare a restore at once, the second one counts on from the first.
pub(super) const SET_EPOCH: &str = "UPDATE meta SET epoch = $1 WHERE id = 1 AND epoch < $1";
