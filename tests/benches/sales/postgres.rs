//! The ledger in a server of its own, and the limit of PostgreSQL: as many connections as there are clients, each in a loop.

use card_ledger::{BindingRecord, PostgresLedger};
use postgres::types::ToSql;
use postgres::{Client, Statement};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use system_tests::postgres::Postgres;

use crate::CLIENTS;
use crate::bare::{Shared, Till};
use crate::company::{
    ACTOR, AMOUNT, CREDIT, Company, FEE, LEVY, Loaded, PARTY, Side, TRANSFERS, card, scope,
};
use crate::measure::{Line, Turn, turn};
use crate::sqlite::tills;
use crate::{slow_keys, walks};

const STORE: &str = "PostgreSQL";
const DATABASE: &str = "ledger";

/// What a server for a million customers has. A checkpoint that falls into one side's turn would be luck, so there is none.
const SETTINGS: [(&str, &str); 3] =
    [("shared_buffers", "256MB"), ("max_wal_size", "8GB"), ("checkpoint_timeout", "1h")];

pub(crate) fn run(loaded: &Loaded, directory: &Path) -> Vec<Line> {
    let server = Postgres::start_in(directory, &SETTINGS).unwrap();
    let url = server.create_database(DATABASE).unwrap();
    let most = CLIENTS.into_iter().max().unwrap();
    let ledger = PostgresLedger::connect(&url, scope(), u32::try_from(most).unwrap()).unwrap();
    let (company, template) = Company::found(Arc::new(ledger));
    let mut client = server.connect(DATABASE).unwrap();
    load(&mut client, loaded, &template);
    loaded.say("PostgreSQL is loaded");
    let shared = Shared::new(loaded, &template);
    let mut limits: Vec<_> = (0..most)
        .map(|client| Limit::new(server.connect(DATABASE).unwrap(), Till::new(&shared, client)))
        .collect();
    let (mut sold, mut sold_bare) = (0, 0);
    let lines = loaded
        .clients
        .iter()
        .map(|&clients| {
            let line = Line::measure(STORE, clients, |number| {
                let by_ledger = turn(tills(&company, loaded, clients, number));
                let bare = limits[..clients].iter_mut().map(|limit| {
                    limit.till.among(clients);
                    || {
                        limit.sell();
                        1
                    }
                });
                let by_limit = turn(bare.collect());
                sold += by_ledger.all;
                sold_bare += by_limit.all;
                Turn { ledger: by_ledger.speed, limit: by_limit.speed, group: None }
            });
            loaded.say(&format!("PostgreSQL with {clients} clients is measured"));
            line
        })
        .collect();
    compare(&mut client, [(Side::Ledger, sold), (Side::Limit, sold_bare)], &template);
    log(loaded, &company, &mut client, &mut limits[0]);
    client.batch_execute(walks::REPORTS).unwrap();
    client.batch_execute("VACUUM ANALYZE reading").unwrap();
    walks::run(STORE, loaded, &company, || bindings(&mut client));
    slow_keys::run(STORE, 20, loaded, &company);
    lines
}

/// Reads all bindings in pages, with all their columns.
fn bindings(client: &mut Client) -> u64 {
    let page = client.prepare(&walks::statement("$1", "$2")).unwrap();
    let (mut count, mut last) = (0, (Vec::<u8>::new(), 0_i64));
    loop {
        let rows = client.query(&page, &[&last.0, &last.1]).unwrap();
        let Some(row) = rows.last() else { return count };
        last = (row.get(0), row.get(1));
        count += rows.len() as u64;
    }
}

/// Copies the first customer a million times.
fn load(client: &mut Client, loaded: &Loaded, template: &BindingRecord) {
    client.batch_execute("CREATE TEMPORARY TABLE customers (account BIGINT, card BYTEA)").unwrap();
    let mut writer = client.copy_in("COPY customers FROM STDIN").unwrap();
    for number in 1..=loaded.bindings {
        writeln!(writer, "{number}\t\\\\x{}", hex::encode(card(number).0)).unwrap();
    }
    writer.finish().unwrap();
    // An index that is made over all rows at once takes a part of the time.
    let indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'binding' AND indexname <> 'binding_pkey'";
    let indexes = client.query(indexes, &[]).unwrap();
    for index in &indexes {
        client.batch_execute(&format!("DROP INDEX {}", index.get::<_, &str>(0))).unwrap();
    }
    let first = template.held.binding.meter.0;
    let binding = "INSERT INTO binding SELECT int8send(c.account), b.number, c.account, c.card, generation, load_key, credit_key, \
        parameter_keys, sequence, total_credit, total_debited, opening_time, status, blocked, epoch, $2, card_sequence, \
        applied_credit, applied_debited, heard FROM customers c, binding b WHERE b.meter = $1";
    client.execute(binding, &[&&first[..], &&template.voucher[..]]).unwrap();
    let rest =
        "INSERT INTO customer SELECT account, 0, '+201000000000', 1 FROM customers; DROP TABLE customers";
    client.batch_execute(rest).unwrap();
    for index in &indexes {
        client.batch_execute(index.get(1)).unwrap();
    }
    client.batch_execute("VACUUM ANALYZE").unwrap();
    client.batch_execute("CHECKPOINT").unwrap();
}

/// A connection and what it has prepared.
struct Limit {
    client: Client,
    till: Till,
    month: i32,
    statements: [Statement; 5],
}

const POINT: &str =
    "UPDATE point SET number = $2, head = $3, time = $4, cash = $5, day = $6, sold = $5 WHERE code = $1";
const ENTRY: &str = "INSERT INTO entry (point, number, month, time, kind, party, request, step, actor, reason, meter, binding, \
    card, account, amount, sequence, total_credit, total_debited, policy, payload, previous, hash) \
    VALUES ($1, $2, $3, $4, 'sale', $5, $6, 1, $7, '', $8, 1, $9, $10, $11, $12, $13, 0, 1, $14, $15, $16)";
const TRANSFER: &str = "INSERT INTO transfer (point, number, line, month, debit, credit, amount) \
    VALUES ($1, $2, 1, $3, $4, $5, $6), ($1, $2, 2, $3, $4, $7, $8), ($1, $2, 3, $3, $4, $9, $10)";
const REQUEST: &str =
    "INSERT INTO request (party, id, step, point, number, month) VALUES ($1, $2, 1, $3, $4, $5)";
const BINDING: &str =
    "UPDATE binding SET sequence = $2, total_credit = $3, voucher = $4 WHERE meter = $1 AND number = 1";

impl Limit {
    fn new(mut client: Client, till: Till) -> Self {
        client.batch_execute("SET plan_cache_mode = force_generic_plan").unwrap();
        let statements = [POINT, ENTRY, TRANSFER, REQUEST, BINDING].map(|sql| client.prepare(sql).unwrap());
        let month = client.query_one("SELECT max(month) FROM entry", &[]).unwrap().get(0);
        Self { client, till, month, statements }
    }

    fn sell(&mut self) {
        let rows = self.till.next();
        let till = &self.till;

        let mut transaction = self.client.transaction().unwrap();
        let [point, entry, transfer, request, binding] = &self.statements;
        let mut run = |statement: &Statement, values: &[&(dyn ToSql + Sync)], count| {
            assert_eq!(transaction.execute(statement, values).unwrap(), count);
        };
        run(point, &[&till.point, &till.number, &&rows.hash[..], &rows.time, &till.cash, &rows.day], 1);
        let values: [&(dyn ToSql + Sync); 16] = [
            &till.point,
            &till.number,
            &self.month,
            &rows.time,
            &PARTY,
            &rows.request,
            &ACTOR,
            &&rows.meter[..],
            &&rows.card[..],
            &rows.account,
            &AMOUNT,
            &rows.sequence,
            &rows.total_credit,
            &&rows.voucher[..],
            &&rows.previous[..],
            &&rows.hash[..],
        ];
        run(entry, &values, 1);
        let values: [&(dyn ToSql + Sync); 10] = [
            &till.point,
            &till.number,
            &self.month,
            &till.cash_account,
            &rows.credit_account,
            &CREDIT,
            &"fee:service",
            &FEE,
            &"levy:cleaning",
            &LEVY,
        ];
        run(transfer, &values, TRANSFERS);
        run(request, &[&PARTY, &rows.request, &till.point, &till.number, &self.month], 1);
        run(binding, &[&&rows.meter[..], &rows.sequence, &rows.total_credit, &&rows.voucher[..]], 1);
        transaction.commit().unwrap();
    }
}

/// Both sides have written as many rows for each sale.
fn compare(client: &mut Client, sides: [(Side, u64); 2], template: &BindingRecord) {
    let mut count = |sql: &str, side: Side| -> u64 {
        let points = side.point(0).replace("00", "%");
        let count: i64 = client.query_one(sql, &[&points]).unwrap().get(0);
        count.try_into().unwrap()
    };
    for (side, sold) in sides {
        assert_eq!(count("SELECT count(*) FROM entry WHERE point LIKE $1", side), sold);
        assert_eq!(count("SELECT count(*) FROM transfer WHERE point LIKE $1", side), TRANSFERS * sold);
        assert_eq!(count("SELECT count(*) FROM request WHERE point LIKE $1", side), sold);
        assert_eq!(count("SELECT sum(number)::BIGINT FROM point WHERE code LIKE $1", side), sold);
        let sql = format!(
            "SELECT sum(sequence - {})::BIGINT FROM binding WHERE (account + 1) % 2 = {} AND account > 0 AND $1 <> ''",
            template.held.sequence, side as u64
        );
        assert_eq!(count(&sql, side), sold, "sequences");
        let sql = "SELECT sum(octet_length(e.payload) + octet_length(b.voucher)) FROM entry e JOIN binding b USING (meter) \
                   WHERE e.point LIKE $1";
        assert_eq!(count(sql, side), 2 * 110 * sold, "vouchers");
    }
}

/// How much a sale writes into the log when it is made alone, with the images of pages that are changed for the first time.
fn log(loaded: &Loaded, company: &Company, client: &mut Client, limit: &mut Limit) {
    const SALES: u64 = 100;
    let mut grown = |sell: &mut dyn FnMut()| {
        client.batch_execute("CHECKPOINT").unwrap();
        let mut end = || -> i64 {
            client.query_one("SELECT (pg_current_wal_insert_lsn() - '0/0')::BIGINT", &[]).unwrap().get(0)
        };
        let before = end();
        for _ in 0..SALES {
            sell();
        }
        (end() - before) / i64::try_from(SALES).unwrap()
    };
    let mut tills = tills(company, loaded, 1, 1_000);
    let ledger = grown(&mut || assert_eq!(tills[0](), 1));
    let bare = grown(&mut || limit.sell());
    loaded.say(&format!("PostgreSQL, log of a sale by itself: ledger {ledger} bytes, limit {bare} bytes"));
}
