//! The ledger in a file, and the limit of SQLite: one connection, since SQLite has one writer.

use card_ledger::{BindingRecord, SqliteLedger};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Statement, ToSql, params};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use crate::CLIENTS;
use crate::bare::{Shared, Till};
use crate::company::{
    ACTOR, AMOUNT, CREDIT, Company, FEE, LEVY, Loaded, PARTY, Side, TRANSFERS, card, scope, who,
};
use crate::measure::{Line, Speed, Turn, turn, turn_here};
use crate::{slow_keys, walks};

const STORE: &str = "SQLite";

pub(crate) fn run(loaded: &Loaded, directory: &Path) -> Vec<Line> {
    let path = directory.join("ledger.sqlite");
    let ledger = Arc::new(SqliteLedger::create(&path, scope()).unwrap());
    let (company, template) = Company::found(ledger.clone());
    load(&path, loaded, &template);
    loaded.say("SQLite is loaded");
    let mut limit = Limit::new(&path, loaded, &template);
    let mut sold = 0;
    let lines = loaded
        .clients
        .iter()
        .map(|&clients| {
            let line = Line::measure(STORE, clients, |number| {
                let commits = ledger.commits();
                let by_ledger = turn(tills(&company, loaded, clients, number));
                sold += by_ledger.all;
                let group = by_ledger.all * 10 / (ledger.commits() - commits).max(1);
                let by_limit = limit.turn(clients, (group + 5) / 10);
                Turn { ledger: by_ledger.speed, limit: by_limit, group: Some(group) }
            });
            loaded.say(&format!("SQLite with {clients} clients is measured"));
            line
        })
        .collect();
    limit.compare(sold, &template);
    pages(loaded, &company, &mut limit);
    Connection::open(&path).unwrap().execute_batch(walks::REPORTS).unwrap();
    walks::run(STORE, loaded, &company, || bindings(&path));
    slow_keys::run(STORE, 8, loaded, &company);
    lines
}

/// Reads all bindings in pages, with all their columns.
fn bindings(path: &Path) -> u64 {
    let connection = Connection::open(path).unwrap();
    let mut page = connection.prepare(&walks::statement("?1", "?2")).unwrap();
    let columns = page.column_count();
    let (mut count, mut last) = (0, (Vec::new(), 0_i64));
    loop {
        let mut rows = page.query(params![last.0, last.1]).unwrap();
        let before = count;
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                black_box(row.get_ref(column).unwrap());
            }
            last = (row.get(0).unwrap(), row.get(1).unwrap());
            count += 1;
        }
        if count == before {
            return count;
        }
    }
}

/// What the tills of the ledger do.
pub(crate) fn tills<'a>(
    company: &'a Company,
    loaded: &'a Loaded,
    clients: usize,
    turn: usize,
) -> Vec<impl FnMut() -> u64 + Send + 'a> {
    let till = |client| {
        let till = who(PARTY, &Side::Ledger.point(client));
        let mut dice = fastrand::Rng::with_seed((turn * 100 + client) as u64);
        move || {
            company.sell(&till, loaded.customer(Side::Ledger, dice.u64(..)));
            1
        }
    };
    (0..clients).map(till).collect()
}

/// Copies the first customer a million times.
fn load(path: &Path, loaded: &Loaded, template: &BindingRecord) {
    let mut connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "cache_size", -1_000_000).unwrap();
    let transaction = connection.transaction().unwrap();
    // An index that is made over all rows at once takes a part of the time.
    let indexes: Vec<(String, String)> = transaction
        .prepare(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'binding' AND sql <> ''",
        )
        .and_then(|mut found| found.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .unwrap();
    for (name, _) in &indexes {
        transaction.execute_batch(&format!("DROP INDEX {name}")).unwrap();
    }
    {
        let mut binding = transaction
            .prepare(
                "INSERT INTO binding SELECT ?1, number, ?2, ?3, generation, load_key, credit_key, parameter_keys, sequence, \
                 total_credit, total_debited, opening_time, status, blocked, epoch, ?4, card_sequence, applied_credit, \
                 applied_debited, heard FROM binding WHERE meter = ?5",
            )
            .unwrap();
        let mut customer =
            transaction.prepare("INSERT INTO customer VALUES (?, 0, '+201000000000', 1)").unwrap();
        for number in 1..=loaded.bindings {
            let account = i64::try_from(number).unwrap();
            let (meter, card) = (number.to_be_bytes(), card(number).0);
            binding
                .execute(params![meter, account, card, template.voucher, template.held.binding.meter.0])
                .unwrap();
            customer.execute([account]).unwrap();
        }
    }
    for (_, sql) in &indexes {
        transaction.execute_batch(sql).unwrap();
    }
    transaction.commit().unwrap();
    connection.execute_batch("ANALYZE").unwrap();
    checkpoint(&connection);
}

/// Moves the log to its place, and cuts it.
fn checkpoint(connection: &Connection) {
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
    assert_eq!(busy, 0);
}

struct Limit {
    connection: Connection,
    tills: Vec<Till>,
    month: i64,
    sold: u64,
}

impl Limit {
    fn new(path: &Path, loaded: &Loaded, template: &BindingRecord) -> Self {
        let connection = Connection::open(path).unwrap();
        // As the ledger's own connection has it.
        let settings = [
            ("synchronous", "FULL"),
            ("fullfsync", "ON"),
            ("checkpoint_fullfsync", "ON"),
            ("wal_autocheckpoint", "4096"),
            ("journal_size_limit", "67108864"),
            ("foreign_keys", "ON"),
            ("recursive_triggers", "ON"),
            ("cell_size_check", "ON"),
            ("temp_store", "MEMORY"),
            ("cache_size", "-32768"),
            ("mmap_size", "0"),
        ];
        for (name, value) in settings {
            connection.pragma_update(None, name, value).unwrap();
        }
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
        let month = connection.query_row("SELECT max(month) FROM entry", [], |row| row.get(0)).unwrap();
        let shared = Shared::new(loaded, template);
        let clients = CLIENTS.into_iter().max().unwrap();
        let tills = (0..clients).map(|client| Till::new(&shared, client)).collect();
        Self { connection, tills, month, sold: 0 }
    }

    fn turn(&mut self, clients: usize, group: u64) -> Speed {
        let group = usize::try_from(group.max(1)).unwrap();
        let mut next = 0;
        let mut prepared = Prepared::new(&self.connection);
        let sold = turn_here(|| {
            prepared.sell(self.month, &mut self.tills[..clients], &mut next, group);
            group as u64
        });
        self.sold += sold.all;
        sold.speed
    }

    /// Both sides have written as many rows for each sale.
    fn compare(&self, sold: u64, template: &BindingRecord) {
        let count = |sql: &str, side: Side| -> u64 {
            let points = side.point(0).replace("00", "%");
            let count: i64 = self.connection.query_row(sql, [points], |row| row.get(0)).unwrap();
            count.try_into().unwrap()
        };
        for (side, sold) in [(Side::Ledger, sold), (Side::Limit, self.sold)] {
            assert_eq!(count("SELECT count(*) FROM entry WHERE point LIKE ?", side), sold);
            assert_eq!(count("SELECT count(*) FROM transfer WHERE point LIKE ?", side), TRANSFERS * sold);
            assert_eq!(count("SELECT count(*) FROM request WHERE point LIKE ?", side), sold);
            assert_eq!(count("SELECT sum(number) FROM point WHERE code LIKE ?", side), sold);
            let sql = format!(
                "SELECT sum(sequence - {}) FROM binding WHERE (account + 1) % 2 = {} AND account > 0 AND ? <> ''",
                template.held.sequence, side as u64
            );
            assert_eq!(count(&sql, side), sold, "sequences");
            let sql = "SELECT sum(length(e.payload) + length(b.voucher)) FROM entry e JOIN binding b USING (meter) \
                       WHERE e.point LIKE ?";
            assert_eq!(count(sql, side), 2 * 110 * sold, "vouchers");
        }
    }
}

/// What a turn has prepared.
struct Prepared<'c> {
    begin: Statement<'c>,
    commit: Statement<'c>,
    point: Statement<'c>,
    entry: Statement<'c>,
    transfer: Statement<'c>,
    request: Statement<'c>,
    binding: Statement<'c>,
}

impl<'c> Prepared<'c> {
    fn new(connection: &'c Connection) -> Self {
        let prepare = |sql| connection.prepare(sql).unwrap();
        Self {
            begin: prepare("BEGIN IMMEDIATE"),
            commit: prepare("COMMIT"),
            point: prepare(POINT),
            entry: prepare(ENTRY),
            transfer: prepare(TRANSFER),
            request: prepare(REQUEST),
            binding: prepare(BINDING),
        }
    }

    /// Makes one group of sales.
    fn sell(&mut self, month: i64, tills: &mut [Till], next: &mut usize, group: usize) {
        self.begin.execute([]).unwrap();
        for _ in 0..group {
            *next = (*next + 1) % tills.len();
            self.sell_one(month, &mut tills[*next]);
        }
        self.commit.execute([]).unwrap();
    }

    fn sell_one(&mut self, month: i64, till: &mut Till) {
        let run = |statement: &mut Statement<'_>, values: &[&dyn ToSql]| {
            assert_eq!(statement.execute(values).unwrap(), 1);
        };
        let rows = till.next();
        let values = params![till.point, till.number, rows.hash, rows.time, till.cash, rows.day];
        run(&mut self.point, values);
        let values = params![
            till.point,
            till.number,
            month,
            rows.time,
            "sale",
            PARTY,
            rows.request,
            1,
            ACTOR,
            "",
            rows.meter,
            1,
            rows.card,
            rows.account,
            AMOUNT,
            rows.sequence,
            rows.total_credit,
            0,
            1,
            rows.voucher,
            rows.previous,
            rows.hash,
        ];
        run(&mut self.entry, values);
        let transfers = [(&*rows.credit_account, CREDIT), ("fee:service", FEE), ("levy:cleaning", LEVY)];
        for (line, (account, amount)) in (1..).zip(transfers) {
            let line: u8 = line;
            let values = params![till.point, till.number, line, month, till.cash_account, account, amount];
            run(&mut self.transfer, values);
        }
        run(&mut self.request, params![PARTY, rows.request, 1, till.point, till.number, month]);
        run(&mut self.binding, params![rows.meter, 1, rows.sequence, rows.total_credit, rows.voucher]);
    }
}

const POINT: &str =
    "UPDATE point SET number = ?2, head = ?3, time = ?4, cash = ?5, day = ?6, sold = ?5 WHERE code = ?1";
const ENTRY: &str = "INSERT INTO entry (point, number, month, time, kind, party, request, step, actor, reason, meter, binding, card, \
    account, amount, sequence, total_credit, total_debited, policy, payload, previous, hash) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const TRANSFER: &str =
    "INSERT INTO transfer (point, number, line, month, debit, credit, amount) VALUES (?, ?, ?, ?, ?, ?, ?)";
const REQUEST: &str = "INSERT INTO request (party, id, step, point, number, month) VALUES (?, ?, ?, ?, ?, ?)";
const BINDING: &str =
    "UPDATE binding SET sequence = ?3, total_credit = ?4, voucher = ?5 WHERE meter = ?1 AND number = ?2";

/// What does not depend on the machine: how much a sale writes into the log when it is made alone.
fn pages(loaded: &Loaded, company: &Company, limit: &mut Limit) {
    const SALES: u64 = 100;
    let log = limit.connection.path().unwrap().to_owned() + "-wal";
    let mut grown = |sell: &mut dyn FnMut(&mut Limit)| {
        checkpoint(&limit.connection);
        for _ in 0..SALES {
            sell(limit);
        }
        std::fs::metadata(&log).unwrap().len() / SALES
    };
    let mut tills = tills(company, loaded, 1, 1_000);
    let ledger = grown(&mut |_| assert_eq!(tills[0](), 1));
    let bare = grown(&mut |limit| {
        Prepared::new(&limit.connection).sell(limit.month, &mut limit.tills[..1], &mut 0, 1);
    });
    loaded.say(&format!("SQLite, log of a sale by itself: ledger {ledger} bytes, limit {bare} bytes"));
}
