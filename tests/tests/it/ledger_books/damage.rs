//! Whatever is changed in the tables behind the ledger's back, the audit finds it: each table that the store has, each column, rows that are
//! gone and rows that nobody has entered.

use super::books::{Report, receipt};
use card_host::card_core::id::CardId;
use card_host::card_core::message::Slot;
use card_host::card_core::units::Piastres;
use card_host::card_work::development_scope;
use card_ledger::{
    AuditFinding, AuditKey, CardStep, Head, Ledger, Message, Payee, PostgresLedger, Power, SqliteLedger,
    sign_heads, transact, verify,
};
use std::sync::Arc;
use system_tests::postgres::Postgres;
use system_tests::world::{World, bank, kiosk, wallet};

/// What the audit does not compare, and why. `*`: the whole table.
const LEFT_OUT: [(&str, &str, &str); 5] = [
    ("message", "*", "an outbox is no part of the books"),
    ("signed_head", "*", "heads prove nothing that only the ledger stores: the auditor has them"),
    ("refinery_schema_history", "*", "the version of the tables: another one is not opened"),
    ("customer", "phone", "no entry names it: only that there is one"),
    ("word", "reference", "words may be taken away: what is there is compared"),
];

fn left_out(table: &str, column: &str) -> bool {
    LEFT_OUT.iter().any(|(of, what, _)| *of == table && (*what == "*" || *what == column))
}

/// A store behind the ledger's back.
trait Behind {
    /// The rows of a statement, as texts.
    fn rows(&mut self, sql: &str) -> Vec<Vec<String>>;
    fn run(&mut self, sql: &str) -> Result<(), String>;
    /// All tables, in whatever the store keeps them.
    fn tables(&mut self) -> Vec<String>;
    /// Columns of a table: name, whether it holds a number, a text or bytes, and whether it is in the key.
    fn columns(&mut self, table: &str) -> Vec<(String, Holds, bool)>;
    /// A value as SQL.
    fn literal(&self, column: &str) -> String;
    /// Another value than that of a column.
    fn other(&self, column: &str, holds: Holds) -> String;
    /// The ledger, opened anew.
    fn open(&self) -> Result<Arc<dyn Ledger>, String>;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Number,
    Text,
    Bytes,
}

impl Holds {
    fn of(sql_type: &str) -> Self {
        match sql_type.to_ascii_lowercase().as_str() {
            "text" => Self::Text,
            "blob" | "bytea" => Self::Bytes,
            _ => Self::Number,
        }
    }
}

struct File(rusqlite::Connection, std::path::PathBuf);

impl Behind for File {
    fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        let mut statement = self.0.prepare(sql).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect();
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    }

    fn run(&mut self, sql: &str) -> Result<(), String> {
        self.0.execute_batch(sql).map_err(|error| error.to_string())
    }

    fn tables(&mut self) -> Vec<String> {
        self.rows("SELECT name FROM sqlite_master WHERE type = 'table'").concat()
    }

    fn columns(&mut self, table: &str) -> Vec<(String, Holds, bool)> {
        let sql = format!("SELECT name, type, CAST(pk > 0 AS TEXT) FROM pragma_table_info('{table}')");
        self.rows(&sql).into_iter().map(|row| (row[0].clone(), Holds::of(&row[1]), row[2] == "1")).collect()
    }

    fn literal(&self, column: &str) -> String {
        format!("quote({column})")
    }

    fn other(&self, column: &str, holds: Holds) -> String {
        match holds {
            // A month that has its tables; all else beside whatever stands there.
            Holds::Number if column == "month" => "month + 1".to_owned(),
            Holds::Number => format!("coalesce({column}, 0) + 1000"),
            Holds::Text => format!("{column} || 'x'"),
            Holds::Bytes => format!("randomblob(max(coalesce(length({column}), 8), 1))"),
        }
    }

    fn open(&self) -> Result<Arc<dyn Ledger>, String> {
        let ledger = SqliteLedger::open(&self.1, development_scope()).map_err(|error| error.to_string())?;
        Ok(Arc::new(ledger))
    }
}

struct Database(postgres::Client, String);

impl Behind for Database {
    fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        let rows = self.0.query(sql, &[]).unwrap();
        rows.iter().map(|row| (0..row.len()).map(|at| row.get(at)).collect()).collect()
    }

    fn run(&mut self, sql: &str) -> Result<(), String> {
        self.0.batch_execute(sql).map_err(|error| format!("{error:?}"))
    }

    fn tables(&mut self) -> Vec<String> {
        let sql = "SELECT relname::TEXT FROM pg_class WHERE relnamespace = 'public'::regnamespace \
                   AND relkind IN ('r', 'p') AND NOT relispartition";
        self.rows(sql).concat()
    }

    fn columns(&mut self, table: &str) -> Vec<(String, Holds, bool)> {
        let sql = format!(
            "SELECT attname::TEXT, format_type(atttypid, NULL), (EXISTS (SELECT 1 FROM pg_index \
             WHERE indrelid = attrelid AND indisprimary AND attnum = ANY (indkey)))::TEXT \
             FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND attgenerated = ''"
        );
        self.rows(&sql)
            .into_iter()
            .map(|row| (row[0].clone(), Holds::of(&row[1]), row[2] == "true"))
            .collect()
    }

    fn literal(&self, column: &str) -> String {
        format!("quote_nullable({column})")
    }

    fn other(&self, column: &str, holds: Holds) -> String {
        match holds {
            // A month that has its tables; all else beside whatever stands there.
            Holds::Number if column == "month" => "month + 1".to_owned(),
            Holds::Number => format!("coalesce({column}, 0) + 1000"),
            Holds::Text => format!("{column} || 'x'"),
            Holds::Bytes => format!(
                "CASE WHEN coalesce(octet_length({column}), 0) = 0 THEN '\\x0102030405060708'::BYTEA \
                 ELSE set_byte({column}, 0, 255 - get_byte({column}, 0)) END"
            ),
        }
    }

    fn open(&self) -> Result<Arc<dyn Ledger>, String> {
        let ledger = PostgresLedger::connect(&self.1, development_scope(), 2);
        Ok(Arc::new(ledger.map_err(|error| error.to_string())?))
    }
}

/// A world in which something stands in every table.
fn busy(world: &World, auditor: &AuditKey) {
    let (office, boss, id) = (&world.office, world.boss(), || world.id());
    for number in 1..=4 {
        world.customer(number);
        world.sell(number, 10_000 * number);
    }
    let order = world.order(wallet(), 1, 7_000);
    office.reserve(&order).unwrap();
    office.confirm(&wallet(), &order.id, None).unwrap();
    office.reserve(&world.order(wallet(), 2, 5_000)).unwrap();
    office.debt(&boss, &id(), 3, Piastres(9_000), "from the old books").unwrap();
    world.sell(3, 20_000);
    office.set_customer(&boss, &id(), 1, "0100", true).unwrap();
    office.add_token(&boss, &id(), &"fawry".parse().unwrap(), "till 1", Power::Sell).unwrap();
    office.add_token(&boss, &id(), &"fawry".parse().unwrap(), "till 2", Power::Approve).unwrap();
    office.revoke_tokens(&boss, &id(), &"fawry".parse().unwrap(), "till 1").unwrap();
    office.link(&bank(), &id(), CardId::from(2), "a customer", "consent-1").unwrap();
    office.mail(&boss, &id(), CardId::from(1), Slot::LIMITS, &[1, 2, 3]).unwrap();
    office.block(&boss, &id(), Payee::Card(CardId::from(3)), true, "stolen").unwrap();
    office.replace_card(&boss, &id(), Payee::Card(CardId::from(2)), CardId::from(22), "broken").unwrap();
    let cards = crate::ledger::desks::rules(
        r#"{"steps": {"found": {"documents": ["national-id"], "fee": {"amount": 500, "paid": "debt"}}}}"#,
    );
    office.set_cards(&boss, &id(), None, &cards).unwrap();
    let found = id();
    crate::ledger::desks::shows_national_id(world, &found, CardStep::Found, 3);
    office.block(&boss, &found, Payee::Card(CardId::from(3)), false, "found").unwrap();
    let report = Report { number: 1, applied: 10_000, balance: 4_000, energy: 500, flags: 0 };
    office.hand_in(&kiosk(), &receipt(world, &world.record(1), &report)).unwrap();
    world.restored("a rehearsal");
    let report = Report { number: 2, applied: 10_000, balance: 3_000, energy: 600, flags: 0 };
    office.hand_in(&kiosk(), &receipt(world, &world.record(1), &report)).unwrap();
    world.sell(1, 5_000);
    let (phone, text) = ("0100".to_owned(), "low".to_owned());
    let message = Message {
        id: "low/1".to_owned(),
        time: office.now().unwrap(),
        phone,
        text,
        taken: office.now().unwrap(),
    };
    transact(&*world.ledger, |t| t.keep(&[Head::Message(message.clone())])).unwrap();
    sign_heads(&*world.ledger, auditor, office.now().unwrap()).unwrap();
}

fn findings(store: &dyn Behind, auditor: &AuditKey) -> Result<Vec<AuditFinding>, String> {
    let ledger = store.open()?;
    let report = verify(&*ledger, &auditor.public(), &[], &mut |_| {}).map_err(|error| error.to_string())?;
    Ok(report.findings)
}

/// The rows of a table that are damaged, as conditions: at most three.
fn some(store: &mut dyn Behind, table: &str, keys: &[String]) -> Vec<String> {
    let literals: Vec<_> = keys.iter().map(|key| store.literal(key)).collect();
    let all =
        store.rows(&format!("SELECT {} FROM {table} ORDER BY {}", literals.join(", "), keys.join(", ")));
    let places = [0, all.len() / 2, all.len().saturating_sub(1)];
    let mut conditions: Vec<String> = places
        .into_iter()
        .filter_map(|place| all.get(place))
        .map(|row| {
            let equal: Vec<_> = keys.iter().zip(row).map(|(key, value)| format!("{key} = {value}")).collect();
            equal.join(" AND ")
        })
        .collect();
    conditions.dedup();
    conditions
}

fn damaged(store: &mut dyn Behind, auditor: &AuditKey) {
    assert_eq!(findings(store, auditor), Ok(Vec::new()), "nothing is damaged yet");
    let (mut unfound, mut damages) = (Vec::new(), 0);
    for table in store.tables() {
        if left_out(&table, "*") {
            continue;
        }
        let columns = store.columns(&table);
        let keys: Vec<_> = columns.iter().filter(|(.., key)| *key).map(|(name, ..)| name.clone()).collect();
        let rows = some(store, &table, &keys);
        assert!(
            !rows.is_empty(),
            "nothing stands in {table}: enter something, so that its damage can be looked for"
        );
        store.run(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).unwrap();
        let mut tried: Vec<(String, String)> = Vec::new();
        for row in &rows {
            if table != "word" {
                tried.push((format!("{table}: deleted {row}"), format!("DELETE FROM {table} WHERE {row}")));
            }
            let names: Vec<_> = columns.iter().map(|(name, ..)| name.clone()).collect();
            let values: Vec<_> = columns
                .iter()
                .map(
                    |(name, holds, _)| {
                        if *name == keys[0] { store.other(name, *holds) } else { name.clone() }
                    },
                )
                .collect();
            let insert = format!(
                "INSERT INTO {table} ({}) SELECT {} FROM {table} WHERE {row}",
                names.join(", "),
                values.join(", ")
            );
            // There is one row of what the ledger is, and the others are not read.
            if !["meta", "secret", "word"].contains(&table.as_str()) {
                tried.push((format!("{table}: added beside {row}"), insert));
            }
            for (column, holds, _) in columns.iter().filter(|(column, ..)| !left_out(&table, column)) {
                let other = store.other(column, *holds);
                let update = format!("UPDATE {table} SET {column} = {other} WHERE {row}");
                tried.push((format!("{table}.{column} of {row}"), update));
            }
        }
        for (what, sql) in tried {
            store.run(&sql).unwrap_or_else(|error| panic!("{what}: {error}"));
            // A store that does not open any more, or cannot be read, has told, too.
            if findings(store, auditor).is_ok_and(|found| found.is_empty()) {
                unfound.push(what);
            }
            damages += 1;
            let all: Vec<_> = columns.iter().map(|(name, ..)| name.as_str()).collect();
            let all = all.join(", ");
            let back =
                format!("DELETE FROM {table}; INSERT INTO {table} ({all}) SELECT {all} FROM kept_{table}");
            store.run(&back).unwrap_or_else(|error| panic!("{table} is not put back: {error}"));
        }
        store.run(&format!("DROP TABLE kept_{table}")).unwrap();
    }
    assert!(unfound.is_empty(), "{} of {damages} were not found: {unfound:#?}", unfound.len());
    assert_eq!(findings(store, auditor), Ok(Vec::new()), "all of it was put back");
}

#[test]
fn every_damage_of_a_file_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.sqlite");
    let auditor = AuditKey::generate().unwrap();
    let world = World::with_staff(Arc::new(SqliteLedger::create(&path, development_scope()).unwrap()));
    busy(&world, &auditor);
    let mut file = File(rusqlite::Connection::open(&path).unwrap(), path);
    for trigger in file.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'").concat() {
        file.run(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    file.run("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; DROP INDEX binding_open_card")
        .unwrap();
    damaged(&mut file, &auditor);
}

#[test]
fn every_damage_of_a_database_is_found() {
    let server = Postgres::shared();
    let url = server.create_database("damaged").unwrap();
    let auditor = AuditKey::generate().unwrap();
    let world = World::with_staff(Arc::new(PostgresLedger::connect(&url, development_scope(), 4).unwrap()));
    busy(&world, &auditor);
    let mut database = Database(server.connect("damaged").unwrap(), url);
    // Whoever owns a database can take its constraints away.
    let checks = "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint \
                  WHERE contype = 'c' AND conislocal AND connamespace = 'public'::regnamespace";
    for drop in database.rows(checks).concat() {
        database.run(&drop).unwrap();
    }
    let months = "SELECT ledger_month(month + 1)::TEXT FROM (SELECT DISTINCT month FROM entry) AS months";
    database.run(months).unwrap();
    database.run("SET session_replication_role = replica; DROP INDEX binding_open_card").unwrap();
    damaged(&mut database, &auditor);
}
