//! Every record there and back, at the ends of what it can hold.

use card_core::id::{Binding, CardId, CardRef, Channel, MeterId};
use card_core::message::{MeterFlags, Slot};
use card_core::role::KeyVersion;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use card_ledger::{
    AccountBalance, Ask, CardRecord, CardUse, Context, Customer, Entry, EntryId, Head, Kind, LedgerAccount,
    Link, MailRecord, Message, Party, Payee, Point, PolicyRecord, Power, Reading, References, SignedHead,
    Status, Step, Token, Transaction, Transfer, read, transact,
};
use std::slice::from_ref;

use super::support::{NOW, SCOPE, after, binding, chain, code, connect, database, entry, point, request};

/// The largest amount, and the largest total.
const MOST: Piastres = Piastres(i64::MAX as u64);
const MOST_TOTAL: Piastres = Piastres(1 << 62);

fn extreme_entry(till: &Point) -> Entry {
    let accounts = [
        LedgerAccount::Cash(code("a")),
        LedgerAccount::Paid(code(&"p".repeat(32))),
        LedgerAccount::Credit(Binding { meter: MeterId([0xFF; 8]), number: u32::MAX }),
        LedgerAccount::Debt(u64::MAX),
        LedgerAccount::Fee(code(&"f".repeat(24))),
        LedgerAccount::Levy(code("cleaning")),
        LedgerAccount::Bank,
        LedgerAccount::Moves,
        LedgerAccount::Consumed,
        LedgerAccount::Opening,
        LedgerAccount::Corrections,
        LedgerAccount::Recovered,
        LedgerAccount::Differences(code("a")),
    ];
    let transfers = (0..Entry::TRANSFERS).map(|line| Transfer {
        debit: accounts[line % accounts.len()].clone(),
        credit: accounts[(line + 1) % accounts.len()].clone(),
        amount: if line == 0 { MOST } else { Piastres(line as u64) },
    });
    let mut entry = entry(till, Kind::Debit, &"Z".repeat(64), Step::Settled, CardTime(u32::MAX));
    entry.actor = "مندوب 'الفرع' \\ \" \u{10FFFF}".to_owned();
    entry.reason = "r".repeat(10_000);
    // What is stored in their place: here, themselves.
    let (actor, reason) = (entry.actor.clone(), entry.reason.clone());
    entry.references = Some(References { actor, reason, account: u64::MAX });
    entry.binding = Some(Binding { meter: MeterId([0xFF; 8]), number: u32::MAX });
    entry.card = Some(CardId([0x80; 8]));
    entry.account = u64::MAX;
    entry.amount = MOST;
    entry.sequence = u32::MAX;
    entry.total_credit = MOST_TOTAL;
    entry.total_debited = MOST_TOTAL;
    entry.policy = u32::MAX;
    entry.payload = (0..=255).cycle().take(100_000).collect();
    entry.transfers = transfers.collect();
    entry.sealed()
}

const HIGHEST: KeyVersion = KeyVersion::from_byte(u8::MAX);

#[test]
fn entries_and_vending_points() {
    let ledger = connect(&database("entries_and_vending_points"), 2);
    let till = Point {
        cash: Balance(i64::MIN),
        day: u32::MAX,
        sold: MOST,
        most_cash: Some(MOST),
        most_daily: Some(Piastres::ZERO),
        ..point(&"a".repeat(32))
    };
    let first = entry(&till, Kind::Restore, "0", Step::First, CardTime::UNSET);
    let till = Point { open: false, ..after(&till, &first) };
    transact(&ledger, |t| t.write(&first, &till, &[])).unwrap();
    assert_eq!(read(&ledger, |t| t.point(&till.code)).unwrap().as_ref(), Some(&till));
    let second = extreme_entry(&till);
    let till = Point { cash: Balance(i64::MAX), most_cash: None, ..after(&till, &second) };
    transact(&ledger, |t| t.write(&second, &till, &[])).unwrap();
    // The tables of the months 0 and 1633 were made on the way.
    assert_eq!(chain(&ledger, till.code.as_str()), [first.clone(), second.clone()]);
    let see = |t: &mut dyn Transaction| {
        assert_eq!(t.point(&till.code)?.as_ref(), Some(&till));
        assert_eq!(t.points(None, 5)?, from_ref(&till));
        assert_eq!(t.points(Some(&till.code), 5)?, []);
        assert_eq!(t.point(&code("none"))?, None);
        assert_eq!(t.entry(&second.id)?.as_ref(), Some(&second));
        assert_eq!(t.entry(&EntryId { number: u64::MAX, ..second.id.clone() })?, None);
        let steps = t.steps(&second.request)?;
        assert_eq!((steps.len(), steps[0].step), (1, Step::Settled));
        // Now that its month is known.
        assert_eq!(t.entry(&steps[0].entry)?.as_ref(), Some(&second));
        assert_eq!(t.steps(&request("none"))?, []);
        assert_eq!(t.chain(&till.code, 1, 9)?, from_ref(&second));
        assert_eq!(t.chain(&till.code, u64::MAX, 9)?, []);
        assert_eq!(t.history(second.binding.unwrap(), 9)?, from_ref(&second));
        assert_eq!(t.last_time()?, CardTime(u32::MAX));
        Ok(())
    };
    read(&ledger, see).unwrap();
    transact(&ledger, see).unwrap();
}

#[test]
fn histories_and_balances() {
    let ledger = connect(&database("histories_and_balances"), 2);
    assert_eq!(read(&ledger, |t| t.balances()).unwrap(), []);
    assert_eq!(read(&ledger, |t| t.last_time()).unwrap(), CardTime::UNSET);
    let mut tills = [point("a"), point("b")];
    let about = Binding { meter: MeterId::from(1), number: 1 };
    let mut written = Vec::new();
    for number in 0..12_u32 {
        let till = &mut tills[number as usize % 2];
        // Two entries in each second; over several months.
        let time = CardTime(NOW.0 + number / 4 * 3_000_000);
        let mut entry = entry(till, Kind::Sale, &format!("{number}"), Step::First, time);
        (entry.binding, entry.sequence) = (Some(about), number + 1);
        // More than 64 bits together.
        let (debit, credit) = (LedgerAccount::Cash(till.code.clone()), LedgerAccount::Credit(about));
        entry.transfers = vec![Transfer { debit, credit, amount: Piastres(1 << 60) }];
        let entry = entry.sealed();
        *till = after(till, &entry);
        transact(&ledger, |t| t.write(&entry, till, &[])).unwrap();
        written.insert(0, entry);
    }
    assert_eq!(read(&ledger, |t| t.history(about, 100)).unwrap(), written);
    assert_eq!(read(&ledger, |t| t.history(about, 5)).unwrap(), written[..5]);
    let expected = |account, debits, credits| AccountBalance {
        account,
        debits: Piastres(debits),
        credits: Piastres(credits),
    };
    let balances = [
        expected(LedgerAccount::Cash(code("a")), 6 << 60, 0),
        expected(LedgerAccount::Cash(code("b")), 6 << 60, 0),
        expected(LedgerAccount::Credit(about), 0, 12 << 60),
    ];
    assert_eq!(read(&ledger, |t| t.balances()).unwrap(), balances);
    assert_eq!(transact(&ledger, |t| t.balances()).unwrap(), balances);
}

#[test]
fn bindings() {
    let ledger = connect(&database("bindings"), 2);
    let mut old = binding(u64::MAX, 1);
    (old.status, old.held.moved) = (Status::Closed, true);
    let mut most = binding(u64::MAX, u32::MAX);
    most.held.account = u64::MAX;
    most.held.card = CardRef { id: CardId([0xFF; 8]), generation: u16::MAX };
    (most.held.load_key, most.held.credit_key, most.held.parameter_keys) = (HIGHEST, HIGHEST, HIGHEST);
    (most.held.sequence, most.held.opening_time) = (u32::MAX, CardTime(u32::MAX));
    (most.held.total_credit, most.held.total_debited) = (MOST_TOTAL, MOST_TOTAL);
    (most.blocked, most.epoch, most.voucher, most.card_sequence) = (true, u32::MAX, vec![255; 110], u32::MAX);
    (most.held.applied_credit, most.held.applied_debited, most.heard) = (MOST, MOST, CardTime(u32::MAX));
    let mut moved = binding(3, 1);
    moved.held.card = binding(9, 1).held.card;
    (moved.status, moved.held.opening_time) = (Status::Superseded, CardTime(NOW.0 + 1));
    let all = [binding(3, 2), moved.clone(), binding(9, 1), old.clone(), most.clone()];
    let heads = all.iter().map(|record| Head::Binding(Box::new(record.clone()))).collect::<Vec<_>>();
    let till = point("till");
    let entry = entry(&till, Kind::Open, "1", Step::First, NOW);
    let till = after(&till, &entry);
    transact(&ledger, |t| t.write(&entry, &till, &heads)).unwrap();
    let see = |t: &mut dyn Transaction| {
        let mut sorted = all.to_vec();
        sorted.sort_by_key(|record| record.binding());
        assert_eq!(t.bindings(None, 9)?, sorted);
        assert_eq!(t.bindings(Some(sorted[1].binding()), 2)?, sorted[2..4]);
        assert_eq!(t.bindings(Some(most.binding()), 2)?, []);
        assert_eq!(t.bindings_of(u64::MAX)?, [old.clone(), most.clone()]);
        assert_eq!(t.bindings_of(3)?, [moved.clone(), binding(3, 2)]);
        assert_eq!(t.bindings_of(0)?, []);
        let cases = [
            (Payee::Meter(MeterId::from(3)), Some(binding(3, 2))),
            (Payee::Meter(MeterId([255; 8])), Some(most.clone())),
            (Payee::Meter(MeterId::from(4)), None),
            (Payee::Binding(old.binding()), Some(old.clone())),
            (Payee::Binding(Binding { number: 2, ..old.binding() }), None),
            // The one that is open, though another one with that card is newer.
            (Payee::Card(CardId::from(9)), Some(binding(9, 1))),
            (Payee::Card(CardId([255; 8])), Some(most.clone())),
            (Payee::Card(CardId::from(4)), None),
        ];
        for (payee, expected) in cases {
            assert_eq!(t.binding(payee)?, expected, "{payee:?}");
            let ask = Ask { request: &entry.request, point: &till.code, payee: Some(payee) };
            let context = t.context(&ask)?;
            assert_eq!(context.binding, expected, "{payee:?}");
            assert_eq!((context.point.as_ref(), context.steps.len()), (Some(&till), 1), "{payee:?}");
        }
        Ok(())
    };
    read(&ledger, see).unwrap();
    transact(&ledger, see).unwrap();

    // Without an open one, the newest.
    let mut first = binding(9, 1);
    first.status = Status::Superseded;
    let next = super::support::entry(&till, Kind::Block, "2", Step::First, NOW);
    transact(&ledger, |t| t.write(&next, &after(&till, &next), &[Head::Binding(Box::new(first.clone()))]))
        .unwrap();
    let newest = read(&ledger, |t| t.binding(Payee::Card(CardId::from(9)))).unwrap();
    assert_eq!(newest, Some(moved));
}

#[test]
fn everything_else() {
    let ledger = connect(&database("everything_else"), 2);
    let about = Binding { meter: MeterId([255; 8]), number: u32::MAX };
    let card = CardRecord {
        card: CardRef { id: CardId([255; 8]), generation: u16::MAX },
        binding: about,
        load_key: HIGHEST,
        used: CardUse::Engineering,
    };
    let party = Party { code: code(&"x".repeat(24)), channel: Channel::Network, open: false };
    let token = Token {
        hash: [255; 32],
        party: party.code.clone(),
        actor: "موظف".to_owned(),
        power: Power::Approve,
        revoked: true,
    };
    let customer = Customer { account: u64::MAX, debt: MOST, phone: "+20 100".to_owned(), arabic: true };
    let link = Link {
        party: party.code.clone(),
        card: card.card.id,
        customer: "c".repeat(500),
        since: CardTime(u32::MAX),
    };
    let mail = |slot, version| MailRecord {
        binding: about,
        slot: Slot::new(slot).unwrap(),
        version,
        envelope: vec![slot; 180],
    };
    let reading = |number, balance| Reading {
        binding: about,
        number,
        time: CardTime(u32::MAX),
        applied_credit: MOST,
        applied_debited: MOST,
        balance: Balance(balance),
        energy: Energy(u32::MAX),
        flags: MeterFlags(u16::MAX),
        tampering: u8::MAX,
    };
    let policy = |version| PolicyRecord { version, from: CardTime(u32::MAX), rules: "{}".to_owned() };
    let message = |id: &str, time, taken| Message {
        id: id.to_owned(),
        time: CardTime(time),
        phone: "+20".to_owned(),
        text: "رصيدك".to_owned(),
        taken: CardTime(taken),
    };
    let other = Point { open: false, most_daily: Some(MOST), ..point("other") };
    let till = point("till");
    let entry = entry(&till, Kind::Settings, "1", Step::First, NOW);
    let till = after(&till, &entry);
    let head = |number| SignedHead {
        id: EntryId { point: till.code.clone(), number },
        head: [3; 32],
        time: NOW,
        signature: [255; 64],
    };
    let early = Reading { binding: Binding { meter: MeterId::from(1), number: 1 }, ..reading(1, 0) };
    let heads = [
        Head::Customer(customer.clone()),
        Head::Customer(Customer { account: 5, debt: Piastres(1), ..customer.clone() }),
        Head::Customer(Customer { account: 6, debt: Piastres(0), ..customer.clone() }),
        Head::Reading(early),
        Head::Card(card),
        Head::Point(other.clone()),
        Head::Party(party.clone()),
        Head::Token(token.clone()),
        Head::Link(link.clone()),
        Head::Mail(mail(0x13, u32::MAX)),
        Head::Mail(mail(0, 0)),
        Head::Reading(reading(0, i64::MIN)),
        Head::Reading(reading(u32::MAX, i64::MAX)),
        Head::Policy(policy(u32::MAX)),
        Head::Policy(policy(1)),
        Head::Message(message("late", 9, 0)),
        Head::Message(message("early", 8, 0)),
        Head::Message(message("gone", 7, 1)),
        Head::Signed(head(1)),
        Head::Signed(head(MOST.0)),
        Head::Epoch(u32::MAX),
    ];
    transact(&ledger, |t| t.write(&entry, &till, &heads)).unwrap();
    let see = |t: &mut dyn Transaction| {
        assert_eq!(t.customer(u64::MAX)?.as_ref(), Some(&customer));
        assert_eq!(t.customer(0)?, None);
        // In the order in which the store keeps accounts.
        let mut debtors = t.debtors(None, 1)?;
        assert_eq!(debtors, from_ref(&customer));
        debtors.extend(t.debtors(Some(u64::MAX), 9)?);
        assert_eq!(debtors.iter().map(|debtor| debtor.account).collect::<Vec<_>>(), [u64::MAX, 5]);
        assert_eq!(t.debtors(Some(5), 9)?, []);
        assert_eq!(t.card(card.card.id)?, Some(card));
        assert_eq!(t.card(CardId::from(1))?, None);
        assert_eq!(t.point(&other.code)?.as_ref(), Some(&other));
        assert_eq!(t.points(None, 1)?, from_ref(&other));
        assert_eq!(t.points(Some(&other.code), 9)?, from_ref(&till));
        assert_eq!(t.party(&party.code)?.as_ref(), Some(&party));
        assert_eq!(t.party(&code("none"))?, None);
        assert_eq!(t.token(&token.hash)?.as_ref(), Some(&token));
        assert_eq!(t.token(&[0; 32])?, None);
        assert_eq!(t.tokens(&party.code)?, from_ref(&token));
        assert_eq!(t.link(&party.code, card.card.id)?.as_ref(), Some(&link));
        assert_eq!(t.link(&party.code, CardId::from(1))?, None);
        assert_eq!(t.mail(about)?, [mail(0, 0), mail(0x13, u32::MAX)]);
        assert_eq!(t.mail_in(about, Slot::AUDIT)?, Some(mail(0x13, u32::MAX)));
        assert_eq!(t.mail_in(about, Slot::READINGS)?, None);
        assert_eq!(t.readings(&[about], 9)?, [reading(u32::MAX, i64::MAX), reading(0, i64::MIN)]);
        assert_eq!(t.readings(&[about], 1)?, [reading(u32::MAX, i64::MAX)]);
        let nobody = Binding { meter: MeterId::from(2), number: 1 };
        let both = [early, reading(u32::MAX, i64::MAX)];
        assert_eq!(t.readings(&[early.binding, nobody, about], 1)?, both);
        assert_eq!(t.readings(&[about, early.binding], 1)?, [both[1], both[0]]);
        assert_eq!(t.policies()?, [policy(1), policy(u32::MAX)]);
        assert_eq!(t.messages(9)?, [message("early", 8, 0), message("late", 9, 0)]);
        assert_eq!(t.messages(1)?, [message("early", 8, 0)]);
        assert_eq!(t.message("gone")?, Some(message("gone", 7, 1)));
        assert_eq!(t.message("none")?, None);
        assert_eq!(t.signed_head(&till.code, u64::MAX)?, Some(head(MOST.0)));
        assert_eq!(t.signed_head(&till.code, 7)?, Some(head(1)));
        assert_eq!(t.signed_head(&till.code, 0)?, None);
        assert_eq!(t.epoch()?, u32::MAX);
        Ok(())
    };
    read(&ledger, see).unwrap();
    transact(&ledger, see).unwrap();

    // A second time: what may change changes, what stays stays.
    let card = CardRecord { used: CardUse::Replaced, ..card };
    let party = Party { open: true, channel: Channel::Bank, ..party };
    let token = Token { revoked: false, ..token };
    let link = Link { since: CardTime::UNSET, ..link };
    let customer = Customer { debt: Piastres(1), ..customer };
    let other = Point { open: true, ..other };
    let heads = [
        Head::Customer(customer.clone()),
        Head::Card(card),
        Head::Point(other.clone()),
        Head::Party(party.clone()),
        Head::Token(token.clone()),
        Head::Link(link.clone()),
        Head::Mail(mail(0, 1)),
        Head::Reading(reading(0, 0)),
        Head::Message(Message { text: "other".to_owned(), ..message("late", 1, 5) }),
        Head::Signed(SignedHead { signature: [4; 64], ..head(1) }),
    ];
    let next = super::support::entry(&till, Kind::Settings, "2", Step::First, NOW);
    transact(&ledger, |t| t.write(&next, &after(&till, &next), &heads)).unwrap();
    read(&ledger, |t| {
        assert_eq!(t.customer(u64::MAX)?.as_ref(), Some(&customer));
        assert_eq!(t.card(card.card.id)?, Some(card));
        assert_eq!(t.point(&other.code)?.as_ref(), Some(&other));
        assert_eq!(t.party(&party.code)?.as_ref(), Some(&party));
        assert_eq!(t.token(&token.hash)?.as_ref(), Some(&token));
        assert_eq!(t.link(&link.party, link.card)?.as_ref(), Some(&link));
        assert_eq!(t.mail(about)?, [mail(0, 1), mail(0x13, u32::MAX)]);
        assert_eq!(t.readings(&[about], 9)?, [reading(u32::MAX, i64::MAX), reading(0, i64::MIN)]);
        assert_eq!(t.message("late")?, Some(message("late", 9, 5)));
        assert_eq!(t.messages(9)?, [message("early", 8, 0)]);
        assert_eq!(t.signed_head(&till.code, 7)?, Some(head(1)));
        Ok(())
    })
    .unwrap();
}

#[test]
fn contexts() {
    let ledger = connect(&database("contexts"), 2);
    let nothing = |payee| {
        let (request, code) = (request("1"), code("till"));
        let context = read(&ledger, |t| t.context(&Ask { request: &request, point: &code, payee })).unwrap();
        assert_eq!(context, Context::default());
    };
    nothing(None);
    nothing(Some(Payee::Meter(MeterId::from(1))));
    nothing(Some(Payee::Card(CardId::from(1))));

    let party = Party { code: code("kiosk"), channel: Channel::Wallet, open: true };
    let customer = Customer { account: 1, debt: Piastres(5), phone: "1".to_owned(), arabic: false };
    let heads = [
        Head::Party(party.clone()),
        Head::Binding(Box::new(binding(1, 1))),
        Head::Customer(customer.clone()),
        Head::Epoch(3),
    ];
    let mut till = point("till");
    let steps = [Step::First, Step::Approval, Step::Decision, Step::Settled];
    for (index, step) in steps.into_iter().enumerate() {
        let entry = entry(&till, Kind::Approve, "1", step, CardTime(NOW.0 + 3_000_000 * index as u32));
        let point = after(&till, &entry);
        transact(&ledger, |t| t.write(&entry, &point, if index == 0 { &heads } else { &[] })).unwrap();
        till = point;
        let asked = request("1");
        let see = |t: &mut dyn Transaction| {
            let payee = Some(Payee::Card(CardId::from(1)));
            let context = t.context(&Ask { request: &asked, point: &till.code, payee })?;
            assert_eq!(context.steps.iter().map(|done| done.step).collect::<Vec<_>>(), steps[..=index]);
            assert_eq!(context.steps, t.steps(&asked)?);
            for (done, number) in context.steps.iter().zip(1..) {
                assert_eq!(done.entry, EntryId { point: code("till"), number });
                assert_eq!(t.entry(&done.entry)?.unwrap().step, done.step);
            }
            assert_eq!(context.point.as_ref(), Some(&till));
            assert_eq!(context.party.as_ref(), Some(&party));
            assert_eq!(context.binding, Some(binding(1, 1)));
            assert_eq!(context.binding.unwrap().held.scope, SCOPE);
            assert_eq!(context.customer.as_ref(), Some(&customer));
            assert_eq!(context.epoch, 3);
            let context = t.context(&Ask { request: &asked, point: &code("none"), payee: None })?;
            assert_eq!((context.point, context.party, context.binding), (None, None, None));
            assert_eq!((context.customer, context.steps.len()), (None, index + 1));
            Ok(())
        };
        read(&ledger, see).unwrap();
        transact(&ledger, see).unwrap();
    }
}

#[test]
fn requests_that_wait() {
    let ledger = connect(&database("requests_that_wait"), 2);
    let mut tills = [point("a"), point("b")];
    let mut add = |till: usize, kind, id: &str, step| {
        // Each in another month than the one before.
        let time = CardTime(NOW.0 + 2_700_000 * tills[till].number as u32);
        let entry = entry(&tills[till], kind, id, step, time);
        tills[till] = after(&tills[till], &entry);
        transact(&ledger, |t| t.write(&entry, &tills[till], &[])).unwrap();
        entry
    };
    let waiting = |point: Option<&str>, after: Option<&str>, most| {
        let (point, after) = (point.map(code), after.map(request));
        read(&ledger, |t| t.waiting(point.as_ref(), after.as_ref(), most)).unwrap()
    };
    let announced = add(0, Kind::Reserve, "announced", Step::First);
    let confirmed = add(0, Kind::Reserve, "confirmed", Step::First);
    add(0, Kind::Confirm, "confirmed", Step::Decision);
    let proposed = add(1, Kind::Propose, "proposed", Step::First);
    add(1, Kind::Approve, "proposed", Step::Approval);
    add(1, Kind::Sale, "sold", Step::First);
    for (id, kind, step) in
        [("cancelled", Kind::Cancel, Step::Decision), ("settled", Kind::Debit, Step::Settled)]
    {
        add(1, Kind::Propose, id, Step::First);
        add(1, kind, id, step);
    }
    for (id, kind) in [("certified", Kind::Certify), ("refunded", Kind::Refund)] {
        add(0, Kind::Reserve, id, Step::First);
        add(0, Kind::Confirm, id, Step::Decision);
        add(0, kind, id, Step::Settled);
    }
    let (announced, confirmed, proposed) = ([announced], [confirmed], [proposed]);
    let all = [&announced[..], &confirmed, &proposed].concat();
    assert_eq!(waiting(None, None, 9), all);
    assert_eq!(waiting(None, None, 2), all[..2]);
    assert_eq!(waiting(None, Some("announced"), 1), confirmed);
    assert_eq!(waiting(None, Some("proposed"), 9), []);
    assert_eq!(waiting(Some("a"), None, 9), all[..2]);
    assert_eq!(waiting(Some("b"), None, 9), proposed);
    assert_eq!(waiting(Some("a"), Some("announced"), 9), confirmed);
    add(1, Kind::Cancel, "proposed", Step::Decision);
    add(0, Kind::Certify, "confirmed", Step::Settled);
    assert_eq!(waiting(None, None, 9), announced);
}
