//! What the tables refuse, whoever asks; and values that cannot be stored.

use card_core::units::Piastres;
use card_ledger::{
    Customer, Head, Kind, LedgerError, PolicyRecord, PostgresLedger, Reading, Refusal, SignedHead, Step,
    StoreError, Transfer, read, transact,
};
use postgres::Client;
use system_tests::postgres::Postgres;

use super::support::{
    NOW, after, binding, chain, code, entry, meter, sell, sell_at, sold, total, with_customers,
};

#[test]
fn what_is_written_stays() {
    let (_, ledger) = with_customers("stays", 1);
    sell(&ledger, "1", meter(1)).unwrap();
    let record = read(&ledger, |t| t.binding(meter(1))).unwrap().unwrap();
    let till = read(&ledger, |t| t.point(&code("till"))).unwrap().unwrap();
    let next = entry(&till, Kind::Evidence, "2", Step::First, NOW);
    let heads = [
        Head::Reading(Reading {
            binding: record.held.binding,
            number: 1,
            time: NOW,
            applied_credit: Piastres(1),
            applied_debited: Piastres(1),
            balance: Default::default(),
            energy: Default::default(),
            flags: Default::default(),
            tampering: 0,
        }),
        Head::Policy(PolicyRecord { version: 1, from: NOW, rules: "{}".to_owned() }),
        Head::Signed(SignedHead { id: next.id.clone(), head: next.hash, time: NOW, signature: [0; 64] }),
    ];
    transact(&ledger, |t| t.write(&next, &after(&till, &next), &heads)).unwrap();
    let mut client = Postgres::shared().connect("stays").unwrap();
    let refused = |client: &mut Client, statement: &str| {
        let error = client.batch_execute(statement).expect_err(statement);
        let message = error.as_db_error().unwrap().message().to_owned();
        assert!(message.contains("refused"), "{statement}: {message}");
    };
    let tables = ["entry", "transfer", "request", "reading", "policy", "signed_head"];
    for table in tables.into_iter().chain(["entry_82", "transfer_82"]) {
        let count = format!("SELECT count(*) FROM {table}");
        let count = |client: &mut Client| client.query_one(&count, &[]).unwrap().get::<_, i64>(0);
        let before = count(&mut client);
        assert!(before > 0, "{table} is empty");
        let column = client
            .query_one(
                "SELECT attname::TEXT FROM pg_attribute WHERE attrelid = $1::TEXT::REGCLASS AND attnum = 1",
                &[&table],
            )
            .unwrap()
            .get::<_, String>(0);
        refused(&mut client, &format!("UPDATE {table} SET {column} = {column}"));
        refused(&mut client, &format!("DELETE FROM {table}"));
        refused(&mut client, &format!("TRUNCATE {table}"));
        assert_eq!(count(&mut client), before);
    }
    for column in ["sequence", "total_credit"] {
        refused(&mut client, &format!("UPDATE binding SET {column} = {column} - 1"));
    }
    client.batch_execute("UPDATE binding SET total_debited = 5, blocked = 1").unwrap();
    refused(&mut client, "UPDATE binding SET total_debited = 4");
}

#[test]
fn totals_that_fall_are_refused() {
    let (_, ledger) = with_customers("totals_fall", 2);
    sell(&ledger, "1", meter(1)).unwrap();
    let till = read(&ledger, |t| t.point(&code("till"))).unwrap().unwrap();
    let next = entry(&till, Kind::Block, "2", Step::First, NOW);
    // As the head that is written with its entry, and as one after it.
    let first = binding(2, 1);
    for heads in [vec![binding(1, 1)], vec![first, binding(1, 1)]] {
        let heads: Vec<Head> = heads.into_iter().map(|record| Head::Binding(Box::new(record))).collect();
        let result = transact(&ledger, |t| t.write(&next, &after(&till, &next), &heads));
        let Err(LedgerError::Store(StoreError::Corrupt(text))) = result else { panic!("{result:?}") };
        assert!(text.contains("only grow"), "{text}");
    }
    assert_eq!(total(&ledger, 1), 100);
    assert_eq!(chain(&ledger, "till").len(), 2);
}

/// Writes an entry that cannot be written, and says what is said to that.
fn refusal(ledger: &PostgresLedger, change: impl Fn(&mut card_ledger::Entry, &mut Vec<Head>)) -> LedgerError {
    let till = read(ledger, |t| t.point(&code("till"))).unwrap().unwrap();
    let mut next = entry(&till, Kind::Settings, "refused", Step::First, NOW);
    let mut heads = Vec::new();
    change(&mut next, &mut heads);
    let swallowed = transact(ledger, |t| {
        let result = t.write(&next, &after(&till, &next), &heads);
        assert!(result.is_err());
        Ok(())
    });
    assert!(swallowed.is_err(), "an error that the work has swallowed");
    let error = transact(ledger, |t| t.write(&next, &after(&till, &next), &heads)).unwrap_err();
    assert_eq!(read(ledger, |t| t.point(&code("till"))).unwrap(), Some(till));
    error
}

#[test]
fn values_that_cannot_be_stored() {
    let (_, ledger) = with_customers("values", 1);
    let beyond = Piastres(i64::MAX as u64 + 1);
    let invalid = |change: &dyn Fn(&mut card_ledger::Entry, &mut Vec<Head>)| {
        let error = refusal(&ledger, change);
        assert!(matches!(error, LedgerError::Refused(Refusal::Invalid(_))), "{error}");
    };
    invalid(&|entry, _| entry.amount = beyond);
    invalid(&|entry, _| entry.total_credit = Piastres((1 << 62) + 1));
    invalid(&|entry, _| entry.actor = "with \0 in it".to_owned());
    invalid(&|_, heads| {
        heads.push(Head::Customer(Customer { account: 1, debt: beyond, ..Customer::default() }));
    });
    let transfer = |amount| Transfer {
        debit: "bank".parse().unwrap(),
        credit: "opening".parse().unwrap(),
        amount: Piastres(amount),
    };
    invalid(&|entry, _| entry.transfers = vec![transfer(1); 33]);
    let rules = |rules: &str| Head::Policy(PolicyRecord { version: 1, from: NOW, rules: rules.to_owned() });
    invalid(&|_, heads| heads.extend([rules("a"), rules("b")]));
    assert_eq!(read(&ledger, |t| t.policies()).unwrap(), []);
    // Rules of the tables.
    let error = refusal(&ledger, |entry, _| entry.transfers = vec![transfer(0)]);
    assert!(matches!(error, LedgerError::Store(StoreError::Corrupt(_))), "{error}");
    let error = refusal(&ledger, |_, heads| {
        let mut other = binding(2, 1);
        other.held.card = binding(1, 1).held.card;
        heads.push(Head::Binding(Box::new(other)));
    });
    assert!(
        matches!(&error, LedgerError::Store(StoreError::Corrupt(text)) if text.contains("binding_open_card")),
        "{error}"
    );
    // A chain with a gap, and one that does not follow.
    let error = refusal(&ledger, |entry, _| entry.previous = [9; 32]);
    assert!(matches!(error, LedgerError::Store(StoreError::Corrupt(_))), "{error}");
    assert_eq!(sell(&ledger, "1", meter(1)).unwrap(), 2);
}

#[test]
fn nothing_is_written_by_a_reader() {
    let (_, ledger) = with_customers("reader", 1);
    let till = read(&ledger, |t| t.point(&code("till"))).unwrap().unwrap();
    let next = entry(&till, Kind::Settings, "2", Step::First, NOW);
    let result = read(&ledger, |t| t.write(&next, &after(&till, &next), &[]));
    assert!(matches!(result, Err(LedgerError::Store(StoreError::ReadOnly))), "{result:?}");
    assert_eq!(chain(&ledger, "till").len(), 1);
}

#[test]
fn work_that_fails_leaves_nothing() {
    let (_, ledger) = with_customers("leaves_nothing", 1);
    let result: Result<(), _> = transact(&ledger, |t| {
        let (request, till) = (super::support::request("1"), code("till"));
        let context =
            t.context(&card_ledger::Ask { request: &request, point: &till, payee: Some(meter(1)) })?;
        let (entry, point, heads) = sold(&context, "1", 100, NOW);
        t.write(&entry, &point, &heads)?;
        assert_eq!(t.steps(&request)?.len(), 1);
        Err(Refusal::Invalid("no".to_owned()).into())
    });
    assert!(matches!(result, Err(LedgerError::Refused(Refusal::Invalid(_)))), "{result:?}");
    assert_eq!((chain(&ledger, "till").len(), total(&ledger, 1)), (1, 0));
    // Also where it leaves by a panic: nobody gets its connection in the middle of that, and goes on there.
    let till = read(&ledger, |t| t.point(&code("till"))).unwrap().unwrap();
    let next = entry(&till, Kind::Settings, "panics", Step::First, NOW);
    for _ in 0..10 {
        let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            transact(&ledger, |t| {
                t.write(&next, &after(&till, &next), &[])?;
                if t.steps(&next.request)?.len() == 1 { panic!("on purpose") } else { Ok(()) }
            })
        }));
        assert!(panics.is_err());
    }
    assert_eq!(sell(&ledger, "1", meter(1)).unwrap(), 2);
    assert_eq!(sell_at(&ledger, "till", "1", meter(1), 100, NOW).unwrap(), 2);
    assert_eq!(chain(&ledger, "till").len(), 2);
}

#[test]
fn rows_that_do_not_parse() {
    let (_, ledger) = with_customers("do_not_parse", 1);
    sell(&ledger, "1", meter(1)).unwrap();
    let mut client = Postgres::shared().connect("do_not_parse").unwrap();
    let corrupt = |result: Result<(), LedgerError>, what: &str| {
        let Err(LedgerError::Store(StoreError::Corrupt(text))) = result else { panic!("{what}: {result:?}") };
        assert!(text.contains(what), "{what}: {text}");
    };
    client.batch_execute("UPDATE point SET time = 5 WHERE code = 'till'").unwrap();
    corrupt(read(&ledger, |t| t.point(&code("till")).map(drop)), "table point, column time: 5");
    client.batch_execute("UPDATE point SET time = 0, party = 'Not a code'").unwrap();
    corrupt(read(&ledger, |t| t.point(&code("till")).map(drop)), "table point, column party");
    client
        .batch_execute(
            "ALTER TABLE binding DROP CONSTRAINT binding_status_check; UPDATE binding SET status = 'x'",
        )
        .unwrap();
    corrupt(read(&ledger, |t| t.binding(meter(1)).map(drop)), "table binding, column status: \"x\"");
    corrupt(transact(&ledger, |t| t.binding(meter(1)).map(drop)), "table binding, column status: \"x\"");
    client
        .batch_execute("ALTER TABLE entry DISABLE TRIGGER ALL; ALTER TABLE transfer DISABLE TRIGGER ALL")
        .unwrap();
    client.batch_execute("UPDATE transfer SET credit = 'nowhere'").unwrap();
    corrupt(read(&ledger, |t| t.chain(&code("till"), 0, 9).map(drop)), "nowhere");
    corrupt(read(&ledger, |t| t.balances().map(drop)), "nowhere");
    client.batch_execute("UPDATE entry SET kind = 'gift'").unwrap();
    corrupt(read(&ledger, |t| t.chain(&code("till"), 0, 9).map(drop)), "table entry, column kind: \"gift\"");
}
