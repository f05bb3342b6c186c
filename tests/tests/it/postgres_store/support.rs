//! A ledger with a till and a customer, and the least that can be called a sale.

use card_core::id::{Binding, CardId, CardRef, Channel, Company, Environment, MeterId, Scope};
use card_core::role::KeyVersion;
use card_core::units::{CardTime, Piastres};
use card_host::issuer::BindingAccount;
use card_ledger::{
    Ask, BindingRecord, Context, Entry, EntryId, Head, Kind, Ledger, LedgerAccount, LedgerError, Party,
    Payee, Point, PostgresLedger, RequestKey, Status, Step, Transfer, read, transact,
};
use system_tests::postgres::Postgres;

/// Some day in November 2026: month 82.
pub(crate) const NOW: CardTime = CardTime(217_500_000);
pub(crate) const SCOPE: Scope = Scope { company: Company(7), environment: Environment::Test };

/// An empty database of this name on the server that all tests share.
pub(crate) fn database(name: &str) -> String {
    Postgres::shared().create_database(name).unwrap()
}

pub(crate) fn connect(url: &str, connections: u32) -> PostgresLedger {
    PostgresLedger::connect(url, SCOPE, connections).unwrap()
}

/// A ledger with till `till`, and customers with meters 1 to `customers`, in a database of its own.
pub(crate) fn with_customers(name: &str, customers: u64) -> (String, PostgresLedger) {
    let url = database(name);
    let ledger = connect(&url, 8);
    open(&ledger, customers);
    (url, ledger)
}

/// Enters till `till` and customers with meters 1 to `customers`.
pub(crate) fn open(ledger: &PostgresLedger, customers: u64) {
    let mut heads = vec![Head::Party(Party { code: code("kiosk"), channel: Channel::Kiosk, open: true })];
    heads.extend((1..=customers).map(|meter| Head::Binding(Box::new(binding(meter, 1)))));
    let till = point("till");
    let entry = entry(&till, Kind::Settings, "setup", Step::First, NOW);
    transact(ledger, |t| t.write(&entry, &after(&till, &entry), &heads)).unwrap();
}

pub(crate) fn code<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn request(id: &str) -> RequestKey {
    RequestKey { party: code("kiosk"), id: code(id) }
}

/// A vending point without entries.
pub(crate) fn point(name: &str) -> Point {
    Point {
        code: code(name),
        party: code("kiosk"),
        open: true,
        number: 0,
        head: [0; 32],
        time: CardTime::UNSET,
        cash: Default::default(),
        day: 0,
        sold: Piastres::ZERO,
        most_cash: None,
        most_daily: None,
    }
}

/// The binding of a meter, with card and customer of the same number.
pub(crate) fn binding(meter: u64, number: u32) -> BindingRecord {
    let held = BindingAccount {
        scope: SCOPE,
        binding: Binding { meter: MeterId::from(meter), number },
        account: meter,
        card: CardRef { id: CardId::from(meter), generation: 1 },
        load_key: KeyVersion::from_byte(0x50),
        credit_key: KeyVersion::from_byte(0x70),
        parameter_keys: KeyVersion::from_byte(0x80),
        sequence: 0,
        total_credit: Piastres::ZERO,
        total_debited: Piastres::ZERO,
        opening_time: NOW,
        applied_credit: Piastres::ZERO,
        applied_debited: Piastres::ZERO,
        moved: false,
    };
    BindingRecord {
        held,
        status: Status::Open,
        blocked: false,
        epoch: 0,
        voucher: Vec::new(),
        card_sequence: 0,
        heard: CardTime::UNSET,
    }
}

/// The next entry of a vending point.
pub(crate) fn entry(point: &Point, kind: Kind, id: &str, step: Step, time: CardTime) -> Entry {
    Entry {
        id: EntryId { point: point.code.clone(), number: point.number + 1 },
        time,
        kind,
        request: request(id),
        step,
        actor: "tester".to_owned(),
        reason: String::new(),
        binding: None,
        card: None,
        account: 0,
        amount: Piastres::ZERO,
        sequence: 0,
        total_credit: Piastres::ZERO,
        total_debited: Piastres::ZERO,
        policy: 1,
        payload: Vec::new(),
        transfers: Vec::new(),
        references: None,
        previous: point.head,
        hash: [0; 32],
    }
    .sealed()
}

/// A vending point after an entry.
pub(crate) fn after(point: &Point, entry: &Entry) -> Point {
    Point { number: entry.id.number, head: entry.hash, time: entry.time, ..point.clone() }
}

pub(crate) fn meter(number: u64) -> Payee {
    Payee::Meter(MeterId::from(number))
}

/// What a sale writes, after its context.
pub(crate) fn sold(context: &Context, id: &str, amount: u64, time: CardTime) -> (Entry, Point, Vec<Head>) {
    let point = context.point.as_ref().expect("no point");
    let mut record = context.binding.clone().expect("no binding");
    record.held.sequence += 1;
    record.held.total_credit = Piastres(record.held.total_credit.0 + amount);
    record.voucher = vec![7; 110];
    let mut entry = entry(point, Kind::Sale, id, Step::First, time);
    entry.binding = Some(record.held.binding);
    entry.card = Some(record.held.card.id);
    entry.account = record.held.account;
    entry.amount = Piastres(amount);
    entry.sequence = record.held.sequence;
    entry.total_credit = record.held.total_credit;
    entry.payload.clone_from(&record.voucher);
    entry.transfers = vec![Transfer {
        debit: LedgerAccount::Cash(point.code.clone()),
        credit: LedgerAccount::Credit(record.held.binding),
        amount: Piastres(amount),
    }];
    let entry = entry.sealed();
    let point = after(point, &entry);
    (entry, point, vec![Head::Binding(Box::new(record))])
}

/// Sells, once: who asks again gets what is there. Gives the number of the entry.
pub(crate) fn sell_at(
    ledger: &PostgresLedger,
    till: &str,
    id: &str,
    payee: Payee,
    amount: u64,
    time: CardTime,
) -> Result<u64, LedgerError> {
    let (request, code) = (request(id), code(till));
    transact(ledger, |t| {
        let context = t.context(&Ask { request: &request, point: &code, payee: Some(payee) })?;
        if let Some(done) = context.steps.first() {
            return Ok(done.entry.number);
        }
        let (entry, point, heads) = sold(&context, id, amount, time);
        t.write(&entry, &point, &heads)?;
        Ok(entry.id.number)
    })
}

pub(crate) fn sell(ledger: &PostgresLedger, id: &str, payee: Payee) -> Result<u64, LedgerError> {
    sell_at(ledger, "till", id, payee, 100, NOW)
}

/// Enters further tills.
pub(crate) fn open_tills(ledger: &PostgresLedger, tills: impl Iterator<Item = String>) {
    let heads: Vec<Head> = tills.map(|till| Head::Point(point(&till))).collect();
    let (request, till) = (request("tills"), code("till"));
    transact(ledger, |t| {
        let context = t.context(&Ask { request: &request, point: &till, payee: None })?;
        let point = context.point.unwrap();
        let entry = entry(&point, Kind::Settings, "tills", Step::First, NOW);
        t.write(&entry, &after(&point, &entry), &heads)
    })
    .unwrap();
}

pub(crate) fn total(ledger: &dyn Ledger, number: u64) -> u64 {
    let record = read(ledger, |t| t.binding(meter(number))).unwrap().unwrap();
    record.held.total_credit.0
}

/// All entries of a till, with their hashes and numbers looked at.
pub(crate) fn chain(ledger: &dyn Ledger, till: &str) -> Vec<Entry> {
    let entries = read(ledger, |t| t.chain(&code(till), 0, u32::MAX)).unwrap();
    let mut previous = [0; 32];
    for (entry, number) in entries.iter().zip(1..) {
        assert_eq!(entry.id.number, number);
        assert_eq!(entry.previous, previous);
        assert_eq!(entry.hash, entry.hashed());
        previous = entry.hash;
    }
    entries
}
