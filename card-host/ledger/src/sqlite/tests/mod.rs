#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod files;
mod groups;
mod round_trips;

use card_core::id::{Binding, CardId, CardRef, Channel, Company, Environment, MeterId, Scope};
use card_core::role::KeyVersion;
use card_core::units::{Balance, CardTime, Piastres};

use super::SqliteLedger;
use crate::{
    BindingRecord, Entry, EntryId, Head, Kind, Ledger, LedgerAccount, LedgerError, Party, Point, RequestKey,
    Status, Step, Transaction, Transfer, transact,
};
use card_host::issuer::BindingAccount;

const SCOPE: Scope = Scope { company: Company(0x0102), environment: Environment::Test };

fn request(id: &str) -> RequestKey {
    RequestKey { party: "fawry".parse().unwrap(), id: id.parse().unwrap() }
}

fn point(code: &str) -> Point {
    Point {
        code: code.parse().unwrap(),
        party: "fawry".parse().unwrap(),
        open: true,
        number: 0,
        head: [0; 32],
        time: CardTime::UNSET,
        cash: Balance(0),
        day: 0,
        sold: Piastres(0),
        most_cash: None,
        most_daily: None,
    }
}

fn binding(meter: u64, number: u32, card: u64) -> BindingRecord {
    BindingRecord {
        held: BindingAccount {
            scope: SCOPE,
            binding: Binding { meter: MeterId::from(meter), number },
            account: 4711,
            card: CardRef { id: CardId::from(card), generation: 1 },
            load_key: KeyVersion::from_byte(0x50),
            credit_key: KeyVersion::from_byte(0x70),
            parameter_keys: KeyVersion::from_byte(0x80),
            sequence: 0,
            total_credit: Piastres(0),
            total_debited: Piastres(0),
            opening_time: CardTime(1),
            applied_credit: Piastres::ZERO,
            applied_debited: Piastres::ZERO,
            moved: false,
        },
        status: Status::Open,
        blocked: false,
        epoch: 0,
        voucher: Vec::new(),
        card_sequence: 0,
        heard: CardTime::UNSET,
    }
}

/// The next entry of a vending point, of no kind in particular, and the point after it.
fn next(before: &Point, of: &RequestKey, time: u32) -> (Entry, Point) {
    let entry = Entry {
        id: EntryId { point: before.code.clone(), number: before.number + 1 },
        time: CardTime(time),
        kind: Kind::Settings,
        request: of.clone(),
        step: Step::First,
        actor: "till 7".to_owned(),
        reason: String::new(),
        binding: None,
        card: None,
        account: 0,
        amount: Piastres(0),
        sequence: 0,
        total_credit: Piastres(0),
        total_debited: Piastres(0),
        policy: 1,
        payload: Vec::new(),
        transfers: Vec::new(),
        references: None,
        previous: before.head,
        hash: [0; 32],
    };
    seal(entry, before)
}

fn seal(entry: Entry, before: &Point) -> (Entry, Point) {
    let entry = entry.sealed();
    let after = Point { number: entry.id.number, head: entry.hash, time: entry.time, ..before.clone() };
    (entry, after)
}

/// A sale of `amount` to a binding at a vending point, as it is written.
fn sale(before: &Point, held: &BindingRecord, of: &RequestKey, amount: u64) -> (Entry, Point, BindingRecord) {
    let (entry, _) = next(before, of, before.time.0 + 1);
    let mut after = held.clone();
    after.held.sequence += 1;
    after.held.total_credit.0 += amount - 2;
    after.voucher = vec![0x5A; 110];
    let transfer = |credit, amount| Transfer {
        debit: LedgerAccount::Cash(before.code.clone()),
        credit,
        amount: Piastres(amount),
    };
    let entry = Entry {
        kind: Kind::Sale,
        binding: Some(held.binding()),
        card: Some(held.held.card.id),
        account: held.held.account,
        amount: Piastres(amount),
        sequence: after.held.sequence,
        total_credit: after.held.total_credit,
        payload: after.voucher.clone(),
        transfers: vec![
            transfer(LedgerAccount::Credit(held.binding()), amount - 2),
            transfer(LedgerAccount::Fee("service".parse().unwrap()), 1),
            transfer(LedgerAccount::Levy("cleaning".parse().unwrap()), 1),
        ],
        ..entry
    };
    let (entry, mut point) = seal(entry, before);
    point.cash.0 += i64::try_from(amount).unwrap();
    point.sold.0 += amount;
    (entry, point, after)
}

/// Writes some heads with an entry of their own at the vending point `office`.
fn put(ledger: &dyn Ledger, id: &str, heads: &[Head]) -> Result<Entry, LedgerError> {
    transact(ledger, |transaction| {
        let before = transaction.point(&"office".parse().unwrap())?.unwrap_or_else(|| point("office"));
        let (entry, after) = next(&before, &request(id), before.time.0 + 1);
        transaction.write(&entry, &after, heads)?;
        Ok(entry)
    })
}

/// A ledger with a party, `points` vending points and as many bindings: `kiosk-0` sells to meter and card 0.
fn furnish(ledger: &SqliteLedger, points: u64) {
    let mut heads =
        vec![Head::Party(Party { code: "fawry".parse().unwrap(), channel: Channel::Kiosk, open: true })];
    for index in 0..points {
        heads.push(Head::Point(point(&format!("kiosk-{index}"))));
        heads.push(Head::Binding(Box::new(binding(index, 1, index))));
    }
    put(ledger, "furnish", &heads).unwrap();
}
