//! Roles and rights, as `docs/operate.md` has them.

use card_ledger::{LedgerError, PostgresLedger, StoreError, read, transact};
use std::path::Path;
use system_tests::postgres::Postgres;

use super::support::{SCOPE, meter, open, sell, total};

/// The statements of the page, in their order.
fn statements() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operate.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.collect()
}

#[test]
fn the_roles_of_the_page_may_what_it_says() {
    let server = Postgres::shared();
    let blocks = statements();
    assert_eq!(blocks.len(), 2);
    let mut superuser = server.connect("postgres").unwrap();
    // One after the other: a database is not made within a transaction.
    for statement in blocks[0].split_inclusive(';').map(str::trim).filter(|text| !text.is_empty()) {
        superuser.batch_execute(statement).unwrap();
    }
    server.connect("ledger").unwrap().batch_execute(&blocks[1]).unwrap();
    let url = |role: &str, number: u8| {
        format!("postgresql://{role}:change-this-{number}@{}/ledger", server.address())
    };
    let [owner, seller, reader] =
        [("ledger_owner", 1), ("ledger_seller", 2), ("ledger_reader", 3)].map(|(role, n)| url(role, n));

    // Before the owner has made the tables nobody else can.
    PostgresLedger::connect(&seller, SCOPE, 2).unwrap_err();
    drop(PostgresLedger::connect(&owner, SCOPE, 2).unwrap());
    let sells = PostgresLedger::connect(&seller, SCOPE, 2).unwrap();
    open(&sells, 1);
    sell(&sells, "by-the-seller", meter(1)).unwrap();
    let reads = PostgresLedger::connect(&reader, SCOPE, 2).unwrap();
    assert_eq!(total(&reads, 1), total(&sells, 1));
    let written = transact(&reads, |t| t.touch());
    assert!(matches!(written, Err(LedgerError::Store(StoreError::Unfit(_)))), "{written:?}");
    assert_eq!(read(&reads, |t| t.epoch()).unwrap(), 0);

    // Months: the seller by the function alone, the reader not at all.
    let ask = |url: &str, sql: &str| {
        let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
        client.batch_execute(sql).map_err(|error| error.code().unwrap().code().to_owned())
    };
    let denied = Err("42501".to_owned());
    assert_eq!(ask(&seller, "SELECT ledger_month(900)"), Ok(()));
    assert_eq!(ask(&reader, "SELECT ledger_month(901)"), denied);
    for role in [&seller, &reader] {
        assert_eq!(ask(role, "CREATE TABLE mine (id INTEGER)"), denied);
        assert_eq!(ask(role, "ALTER TABLE entry ADD mine INTEGER"), denied);
        assert_eq!(ask(role, "DROP TABLE entry_900"), denied);
    }
    // An entry is for ever, whoever asks.
    for role in [&seller, &owner] {
        assert!(ask(role, "DELETE FROM entry").is_err());
        assert!(ask(role, "DELETE FROM transfer").is_err());
    }
    assert_eq!(ask(&reader, "DELETE FROM entry"), denied);
}
