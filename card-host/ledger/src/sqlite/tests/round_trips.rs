//! What is written is read as it was written, to the last value of each type.
// Long: every kind of row, there and back.

use card_core::message::{MeterFlags, Slot};
use card_core::role::KeyVersion;
use card_core::units::Energy;
use rusqlite::Connection;

use super::*;
use crate::{
    AccountBalance, Ask, CardRecord, CardUse, Customer, Link, MailRecord, Message, Payee, PolicyRecord,
    Power, Reading, References, Refusal, SignedHead, StoreError, Token, read,
};
use card_host::issuer::LAST_TOTAL;

const MOST: Piastres = Piastres(i64::MAX.unsigned_abs());
const EARLY: CardTime = CardTime(1);
const LATE: CardTime = CardTime(u32::MAX);

/// A ledger in a file, so that what is read comes from another connection than what is written.
fn ledger() -> (tempfile::TempDir, SqliteLedger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(&folder.path().join("ledger"), SCOPE).unwrap();
    (folder, ledger)
}

#[test]
fn a_sale() {
    let (_folder, ledger) = ledger();
    furnish(&ledger, 1);
    let of = request("sale-1");
    let code = "kiosk-0".parse().unwrap();
    let ask = Ask { request: &of, point: &code, payee: Some(Payee::Card(CardId::from(0))) };
    let (entry, point, held) = transact(&ledger, |transaction| {
        let context = transaction.context(&ask)?;
        assert_eq!((context.steps.len(), context.epoch, context.customer), (0, 0, None));
        assert_eq!(context.party.unwrap().channel, Channel::Kiosk);
        let written = sale(&context.point.unwrap(), &context.binding.unwrap(), &of, 5000);
        transaction.write(&written.0, &written.1, &[Head::Binding(Box::new(written.2.clone()))])?;
        Ok(written)
    })
    .unwrap();
    let customer = Customer { account: 4711, debt: Piastres(7), phone: "+20100".to_owned(), arabic: true };
    put(&ledger, "customer", &[Head::Customer(customer.clone()), Head::Epoch(3)]).unwrap();
    read(&ledger, |transaction| {
        let context = transaction.context(&ask)?;
        assert_eq!(context.steps, transaction.steps(&of)?);
        assert_eq!((context.steps.len(), context.steps[0].step), (1, Step::First));
        assert_eq!(context.steps[0].entry, entry.id);
        assert_eq!((context.point.as_ref(), context.binding.as_ref()), (Some(&point), Some(&held)));
        assert_eq!((context.customer.as_ref(), context.epoch), (Some(&customer), 3));
        let read = transaction.entry(&entry.id)?.unwrap();
        assert_eq!(read, entry);
        assert_eq!(read.hashed(), entry.hash);
        assert_eq!(transaction.chain(&code, 0, 9)?, std::slice::from_ref(&entry));
        assert_eq!(transaction.chain(&code, u64::MAX, 9)?, []);
        assert_eq!(transaction.history(held.binding(), 9)?, std::slice::from_ref(&entry));
        let unknown = EntryId { number: u64::MAX, ..entry.id.clone() };
        assert_eq!(transaction.entry(&unknown)?, None);
        let balance = |account: &str, debits, credits| AccountBalance {
            account: account.parse().unwrap(),
            debits: Piastres(debits),
            credits: Piastres(credits),
        };
        let expected = [
            balance("cash:kiosk-0", 5000, 0),
            balance("credit:0000000000000000/1", 0, 4998),
            balance("fee:service", 0, 1),
            balance("levy:cleaning", 0, 1),
        ];
        assert_eq!(transaction.balances()?, expected);
        assert!(transaction.last_time()? >= entry.time);
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_entry_with_the_last_values_of_all_fields() {
    let (_folder, ledger) = ledger();
    let long = |length| "z".repeat(length);
    let accounts = [
        LedgerAccount::Cash(long(32).parse().unwrap()),
        LedgerAccount::Bank,
        LedgerAccount::Paid(long(32).parse().unwrap()),
        LedgerAccount::Credit(Binding { meter: MeterId([0xFF; 8]), number: u32::MAX }),
        LedgerAccount::Fee(long(24).parse().unwrap()),
        LedgerAccount::Levy(long(24).parse().unwrap()),
        LedgerAccount::Debt(u64::MAX),
        LedgerAccount::Moves,
        LedgerAccount::Consumed,
        LedgerAccount::Opening,
        LedgerAccount::Corrections,
        LedgerAccount::Recovered,
        LedgerAccount::Differences(long(32).parse().unwrap()),
    ];
    let mut before = point(&long(32));
    for (index, (kind, step)) in Kind::ALL.iter().zip(Step::ALL.iter().cycle()).enumerate() {
        let (entry, _) = next(&before, &request(&format!("{index}-{}", long(60))), LATE.0);
        let transfers = (0..Entry::TRANSFERS).map(|line| Transfer {
            debit: accounts[line % accounts.len()].clone(),
            credit: accounts[(line + 1) % accounts.len()].clone(),
            amount: if line == 0 && index == 0 { Piastres(1 << 50) } else { Piastres(1) },
        });
        let (actor, reason) = ("منى\0\u{10FFFF}'\"".to_owned(), "x".repeat(10_000));
        let entry = Entry {
            kind: *kind,
            step: *step,
            // What is stored in their place: here, themselves.
            references: Some(References { actor: actor.clone(), reason: reason.clone(), account: u64::MAX }),
            actor,
            reason,
            binding: Some(Binding { meter: MeterId([0xFF; 8]), number: u32::MAX }),
            card: Some(CardId([0; 8])),
            account: u64::MAX,
            amount: MOST,
            sequence: u32::MAX,
            total_credit: LAST_TOTAL,
            total_debited: LAST_TOTAL,
            policy: u32::MAX,
            payload: vec![0xFF; 100_000],
            transfers: transfers.collect(),
            ..entry
        };
        let (entry, mut after) = seal(entry, &before);
        after.cash = Balance(if index % 2 == 0 { i64::MIN } else { i64::MAX });
        (after.day, after.sold) = (u32::MAX, MOST);
        (after.most_cash, after.most_daily) = (Some(MOST), Some(Piastres(0)));
        transact(&ledger, |transaction| transaction.write(&entry, &after, &[])).unwrap();
        read(&ledger, |transaction| {
            assert_eq!(transaction.entry(&entry.id)?.as_ref(), Some(&entry));
            assert_eq!(transaction.point(&after.code)?.as_ref(), Some(&after));
            assert_eq!(transaction.last_time()?, LATE);
            Ok(())
        })
        .unwrap();
        before = after;
    }
    let transaction = |after, most| read(&ledger, |t| t.chain(&before.code, after, most)).unwrap();
    let all = transaction(0, u32::MAX);
    assert_eq!(all.len(), Kind::ALL.len());
    assert!(all.windows(2).all(|pair| pair[0].hash == pair[1].previous));
    assert_eq!(transaction(3, 2), all[3..5]);
    let binding = Binding { meter: MeterId([0xFF; 8]), number: u32::MAX };
    let newest = read(&ledger, |t| t.history(binding, 3)).unwrap();
    let expected: Vec<_> = all.iter().rev().take(3).cloned().collect();
    assert_eq!(newest, expected);
}

#[test]
fn what_stands_with_the_last_values_of_all_fields() {
    let (_folder, ledger) = ledger();
    let late = Binding { meter: MeterId([0xFF; 8]), number: u32::MAX };
    let mut record = binding(u64::MAX, u32::MAX, 0);
    record.held = BindingAccount {
        account: u64::MAX,
        card: CardRef { id: CardId([0xFF; 8]), generation: u16::MAX },
        load_key: KeyVersion::from_byte(u8::MAX),
        credit_key: KeyVersion::from_byte(0),
        parameter_keys: KeyVersion::from_byte(u8::MAX),
        sequence: u32::MAX,
        total_credit: LAST_TOTAL,
        total_debited: LAST_TOTAL,
        applied_credit: MOST,
        applied_debited: MOST,
        opening_time: LATE,
        ..record.held
    };
    let record = BindingRecord {
        blocked: true,
        epoch: u32::MAX,
        voucher: vec![0; 110],
        card_sequence: u32::MAX,
        heard: LATE,
        ..record
    };
    let customer = Customer { account: u64::MAX, debt: MOST, phone: "+٢٠".to_owned(), arabic: true };
    let card = CardRecord {
        card: CardRef { id: CardId([0xFF; 8]), generation: u16::MAX },
        binding: late,
        load_key: KeyVersion::from_byte(u8::MAX),
        used: CardUse::Engineering,
    };
    let token = Token {
        hash: [0xFF; 32],
        party: "cib".parse().unwrap(),
        actor: "application".to_owned(),
        power: Power::Approve,
        revoked: true,
    };
    let link = Link {
        party: "cib".parse().unwrap(),
        card: CardId([0xFF; 8]),
        customer: "c".repeat(1000),
        since: LATE,
    };
    let mails: Vec<_> = Slot::ALL
        .iter()
        .map(|slot| MailRecord {
            binding: late,
            slot: *slot,
            version: u32::MAX,
            envelope: vec![slot.number(); 9000],
        })
        .collect();
    let reading = |number, balance| Reading {
        binding: late,
        number,
        time: LATE,
        applied_credit: MOST,
        applied_debited: MOST,
        balance: Balance(balance),
        energy: Energy(u32::MAX),
        flags: MeterFlags(u16::MAX),
        tampering: u8::MAX,
    };
    let early = Reading { binding: Binding { meter: MeterId::from(1), number: 1 }, ..reading(1, 0) };
    let policy = |version, from| PolicyRecord { version, from, rules: "{}".to_owned() };
    let message = |id: &str, time| Message {
        id: id.to_owned(),
        time,
        phone: "+20".to_owned(),
        text: "رصيدك".to_owned(),
        taken: CardTime::UNSET,
    };
    let signed = |number, byte| SignedHead {
        id: EntryId { point: "office".parse().unwrap(), number },
        head: [byte; 32],
        time: LATE,
        signature: [byte; 64],
    };
    let mut heads = vec![
        Head::Binding(Box::new(record.clone())),
        Head::Customer(customer.clone()),
        Head::Customer(Customer { account: 5, debt: Piastres(1), ..customer.clone() }),
        Head::Customer(Customer { account: 6, debt: Piastres(0), ..customer.clone() }),
        Head::Card(card),
        Head::Token(token.clone()),
        Head::Link(link.clone()),
        Head::Reading(reading(u32::MAX, i64::MIN)),
        Head::Reading(reading(0, i64::MAX)),
        Head::Reading(early),
        Head::Policy(policy(u32::MAX, LATE)),
        Head::Policy(policy(0, CardTime::UNSET)),
        Head::Message(message("low/2", LATE)),
        Head::Message(message("low/1", LATE)),
        Head::Message(message("low/0", EARLY)),
        Head::Signed(signed(1, 0x11)),
        Head::Signed(signed(MOST.0, 0xFF)),
        Head::Epoch(u32::MAX),
    ];
    heads.extend(mails.iter().cloned().map(Head::Mail));
    for (code, channel) in ["a", "b", "c", "d", "e"].into_iter().zip((1..).filter_map(Channel::from_code)) {
        heads.push(Head::Party(Party {
            code: code.parse().unwrap(),
            channel,
            open: channel != Channel::Bank,
        }));
    }
    put(&ledger, "all", &heads).unwrap();
    // The same once more, as far as it may be: nothing changes.
    let again: Vec<_> = heads.iter().filter(|head| !matches!(head, Head::Policy(_))).cloned().collect();
    put(&ledger, "again", &again).unwrap();
    read(&ledger, |transaction| {
        for payee in [Payee::Binding(late), Payee::Meter(late.meter), Payee::Card(record.held.card.id)] {
            assert_eq!(transaction.binding(payee)?.as_ref(), Some(&record));
        }
        assert_eq!(transaction.bindings(None, 9)?, std::slice::from_ref(&record));
        assert_eq!(transaction.bindings(Some(late), 9)?, []);
        assert_eq!(transaction.bindings_of(u64::MAX)?, std::slice::from_ref(&record));
        assert_eq!(transaction.customer(u64::MAX)?.as_ref(), Some(&customer));
        // In the order in which the store keeps accounts.
        let mut debtors = transaction.debtors(None, 1)?;
        assert_eq!(debtors, std::slice::from_ref(&customer));
        debtors.extend(transaction.debtors(Some(u64::MAX), 9)?);
        assert_eq!(debtors.iter().map(|debtor| debtor.account).collect::<Vec<_>>(), [u64::MAX, 5]);
        assert_eq!(transaction.debtors(Some(5), 9)?, []);
        assert_eq!(transaction.card(card.card.id)?, Some(card));
        assert_eq!(transaction.token(&[0xFF; 32])?.as_ref(), Some(&token));
        assert_eq!(transaction.tokens(&token.party)?, std::slice::from_ref(&token));
        assert_eq!(transaction.link(&link.party, link.card)?.as_ref(), Some(&link));
        assert_eq!(transaction.mail(late)?, mails);
        assert_eq!(transaction.mail_in(late, mails[15].slot)?.as_ref(), Some(&mails[15]));
        let readings = [reading(u32::MAX, i64::MIN), reading(0, i64::MAX)];
        assert_eq!(transaction.readings(&[late], 9)?, readings);
        assert_eq!(transaction.readings(&[late], 1)?, readings[..1]);
        let [other, nobody] = [1, 2].map(|meter| Binding { meter: MeterId::from(meter), number: 1 });
        let both = [early, readings[0]];
        assert_eq!(transaction.readings(&[other, nobody, late], 1)?, both);
        assert_eq!(transaction.readings(&[late, other], 1)?, [both[1], both[0]]);
        assert_eq!(transaction.policies()?, [policy(0, CardTime::UNSET), policy(u32::MAX, LATE)]);
        let messages = [message("low/0", EARLY), message("low/1", LATE), message("low/2", LATE)];
        assert_eq!(transaction.messages(9)?, messages);
        assert_eq!(transaction.message("low/2")?.as_ref(), Some(&messages[2]));
        let office = "office".parse().unwrap();
        assert_eq!(transaction.signed_head(&office, u64::MAX)?, Some(signed(MOST.0, 0xFF)));
        assert_eq!(transaction.signed_head(&office, 5)?, Some(signed(1, 0x11)));
        assert_eq!(transaction.signed_head(&office, 0)?, None);
        assert_eq!(transaction.epoch()?, u32::MAX);
        for head in &heads {
            if let Head::Party(party) = head {
                assert_eq!(transaction.party(&party.code)?.as_ref(), Some(party));
            }
        }
        Ok(())
    })
    .unwrap();
    assert!(read(&ledger, |t| t.party(&"nobody".parse().unwrap())).unwrap().is_none());
}

#[test]
fn what_is_there_already() {
    let (_folder, ledger) = ledger();
    let first = Reading {
        binding: Binding { meter: MeterId::from(1), number: 1 },
        number: 1,
        time: EARLY,
        applied_credit: Piastres(5),
        applied_debited: Piastres(0),
        balance: Balance(5),
        energy: Energy(0),
        flags: MeterFlags(0),
        tampering: 1,
    };
    let message = Message {
        id: "low".to_owned(),
        time: EARLY,
        phone: "1".to_owned(),
        text: "first".to_owned(),
        taken: CardTime::UNSET,
    };
    let policy = PolicyRecord { version: 1, from: EARLY, rules: "first".to_owned() };
    put(
        &ledger,
        "1",
        &[Head::Reading(first), Head::Message(message.clone()), Head::Policy(policy.clone()), Head::Epoch(4)],
    )
    .unwrap();
    put(
        &ledger,
        "2",
        &[
            Head::Reading(Reading { balance: Balance(1), ..first }),
            Head::Message(Message { taken: LATE, text: "second".to_owned(), ..message.clone() }),
        ],
    )
    .unwrap();
    // Queued anew, after it was taken: it is not sent twice.
    put(&ledger, "3", &[Head::Message(message.clone())]).unwrap();
    read(&ledger, |transaction| {
        assert_eq!(transaction.readings(&[first.binding], 9)?, [first]);
        assert_eq!(transaction.message("low")?, Some(Message { taken: LATE, ..message.clone() }));
        assert_eq!(transaction.messages(9)?, []);
        Ok(())
    })
    .unwrap();
    let other = PolicyRecord { rules: "second".to_owned(), ..policy.clone() };
    let refused = put(&ledger, "4", &[Head::Policy(other)]).unwrap_err();
    assert!(matches!(refused, LedgerError::Refused(Refusal::Invalid(_))), "{refused}");
    assert!(matches!(put(&ledger, "5", &[Head::Epoch(3)]), Err(LedgerError::Store(StoreError::Corrupt(_)))));
    assert_eq!(read(&ledger, |t| t.policies()).unwrap(), [policy]);
}

#[test]
fn which_binding_serves_a_card_or_a_meter() {
    let (_folder, ledger) = ledger();
    let opened = |record: BindingRecord, time| {
        let held = BindingAccount { opening_time: CardTime(time), ..record.held };
        BindingRecord { held, ..record }
    };
    let closed = |record: BindingRecord| BindingRecord {
        held: BindingAccount { moved: true, ..record.held },
        status: Status::Closed,
        ..record
    };
    let old = BindingRecord { status: Status::Superseded, ..opened(binding(9, 1, 5), 10) };
    let older = closed(opened(binding(9, 3, 5), 5));
    put(&ledger, "1", &[Head::Binding(Box::new(old.clone())), Head::Binding(Box::new(older))]).unwrap();
    let of = |payee| read(&ledger, |t| t.binding(payee)).unwrap().map(|record| record.binding());
    let card = Payee::Card(CardId::from(5));
    assert_eq!(of(card), Some(old.binding()), "none is open: the newest");
    // The card goes from an open binding to a new one in one entry, in whatever order.
    let first = opened(binding(2, 1, 5), 1);
    put(&ledger, "2", &[Head::Binding(Box::new(first.clone()))]).unwrap();
    assert_eq!(of(card), Some(first.binding()), "the open one, though it is older");
    let second = opened(binding(3, 1, 5), 2);
    let gone = BindingRecord { status: Status::Superseded, ..first };
    put(&ledger, "3", &[Head::Binding(Box::new(second.clone())), Head::Binding(Box::new(gone))]).unwrap();
    assert_eq!(of(card), Some(second.binding()));
    assert_eq!(of(Payee::Meter(MeterId::from(9))).map(|binding| binding.number), Some(3), "the highest");
    assert_eq!(of(Payee::Card(CardId::from(6))), None);
    let third = binding(4, 1, 5);
    let twice = put(&ledger, "4", &[Head::Binding(Box::new(third))]).unwrap_err();
    assert!(
        matches!(twice, LedgerError::Store(StoreError::Corrupt(_))),
        "one card, two open bindings: {twice}"
    );
    let numbers: Vec<_> = read(&ledger, |t| t.bindings(None, 9)).unwrap();
    let sorted: Vec<_> = numbers.iter().map(BindingRecord::binding).collect();
    assert_eq!(sorted.len(), 4);
    assert!(sorted.is_sorted());
    let after = read(&ledger, |t| t.bindings(Some(sorted[1]), 1)).unwrap();
    assert_eq!(after[0].binding(), sorted[2]);
}

#[test]
fn what_waits() {
    let (_folder, ledger) = ledger();
    let step = |at: &str, id: &str, kind, step| {
        transact(&ledger, |transaction| {
            let before = transaction.point(&at.parse().unwrap())?.unwrap_or_else(|| point(at));
            let (entry, _) = next(&before, &request(id), before.time.0 + 1);
            let (entry, after) = seal(Entry { kind, step, ..entry }, &before);
            transaction.write(&entry, &after, &[])?;
            Ok(entry)
        })
        .unwrap()
    };
    let waiting = |at: Option<&str>, after: Option<&str>, most| {
        let (at, after) = (at.map(|at| at.parse().unwrap()), after.map(request));
        let entries = read(&ledger, |t| t.waiting(at.as_ref(), after.as_ref(), most)).unwrap();
        assert!(entries.iter().all(|entry| entry.step == Step::First));
        entries.into_iter().map(|entry| entry.request.id.to_string()).collect::<Vec<_>>()
    };
    for id in ["a", "b", "c", "d", "e"] {
        step(if id == "b" { "two" } else { "one" }, id, Kind::Reserve, Step::First);
    }
    step("one", "p", Kind::Propose, Step::First);
    step("one", "q", Kind::Propose, Step::First);
    step("one", "s", Kind::Sale, Step::First);
    assert_eq!(waiting(None, None, 99), ["a", "b", "c", "d", "e", "p", "q"]);
    step("one", "a", Kind::Cancel, Step::Decision);
    step("two", "b", Kind::Confirm, Step::Decision);
    step("one", "c", Kind::Approve, Step::Approval);
    step("one", "d", Kind::Confirm, Step::Decision);
    assert_eq!(waiting(None, None, 99), ["b", "c", "d", "e", "p", "q"]);
    // Settled from elsewhere.
    step("two", "d", Kind::Certify, Step::Settled);
    step("one", "b", Kind::Refund, Step::Settled);
    step("one", "p", Kind::Debit, Step::Settled);
    step("one", "q", Kind::Cancel, Step::Decision);
    assert_eq!(waiting(None, None, 99), ["c", "e"]);
    assert_eq!(waiting(None, None, 1), ["c"]);
    assert_eq!(waiting(None, Some("c"), 99), ["e"]);
    step("two", "z", Kind::Reserve, Step::First);
    assert_eq!(waiting(Some("two"), None, 99), ["z"]);
    assert_eq!(waiting(Some("one"), Some("c"), 99), ["e"]);
}

#[test]
fn vending_points_page_by_page() {
    let (_folder, ledger) = ledger();
    furnish(&ledger, 3);
    let codes = |after: Option<&str>, most| {
        let after = after.map(|after| after.parse().unwrap());
        let points = read(&ledger, |t| t.points(after.as_ref(), most)).unwrap();
        points.into_iter().map(|point| point.code.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(codes(None, 2), ["kiosk-0", "kiosk-1"]);
    assert_eq!(codes(Some("kiosk-1"), 9), ["kiosk-2", "office"]);
}

/// Numbers that fit 64 bits and not SQLite's 63 are refused, and the transaction with them.
#[test]
fn what_is_too_large_is_refused() {
    let (_folder, ledger) = ledger();
    let large = Piastres(1 << 63);
    let mut applied = binding(1, 1, 1);
    applied.held.applied_credit = large;
    let heads: [(&str, Head); 3] = [
        ("debt", Head::Customer(Customer { debt: large, ..Customer::default() })),
        ("applied", Head::Binding(Box::new(applied))),
        ("limit", Head::Point(Point { most_cash: Some(large), ..point("kiosk-0") })),
    ];
    for (what, head) in heads {
        let error = put(&ledger, what, &[head]).unwrap_err();
        assert!(matches!(error, LedgerError::Refused(Refusal::Invalid(_))), "{what}: {error}");
    }
    // What breaks a rule of the tables is a mistake of whoever wrote it.
    let mut high = binding(1, 1, 1);
    high.held.total_credit = Piastres(LAST_TOTAL.0 + 1);
    let error = put(&ledger, "total", &[Head::Binding(Box::new(high))]).unwrap_err();
    assert!(
        matches!(&error, LedgerError::Store(StoreError::Corrupt(text)) if text.contains("total_credit")),
        "{error}"
    );
    assert!(read(&ledger, |t| t.points(None, 9)).unwrap().is_empty(), "nothing of it stayed");
}

/// A chain goes on where it ended.
#[test]
fn an_entry_that_does_not_follow_is_not_written() {
    let (_folder, ledger) = ledger();
    furnish(&ledger, 1);
    let write = |entry: &Entry, after: &Point| transact(&ledger, |t| t.write(entry, after, &[]));
    let office = read(&ledger, |t| t.point(&"office".parse().unwrap())).unwrap().unwrap();
    let corrupt = |result: Result<(), LedgerError>| {
        assert!(matches!(result, Err(LedgerError::Store(StoreError::Corrupt(_)))), "{result:?}");
    };
    for number in [0, 1, 3] {
        let (entry, after) =
            next(&Point { number: number - u64::from(number > 0), ..office.clone() }, &request("x"), 9);
        let id = EntryId { number, ..entry.id.clone() };
        let (entry, after) = seal(Entry { id, ..entry }, &after);
        corrupt(write(&entry, &after));
    }
    // The same step of a request twice.
    let (entry, after) = next(&office, &request("furnish"), 9);
    corrupt(write(&entry, &after));
    let (entry, after) = next(&office, &request("fine"), 9);
    let other = write(&entry, &Point { number: 7, ..after.clone() });
    assert!(matches!(other, Err(LedgerError::Refused(Refusal::Invalid(_)))), "{other:?}");
    write(&entry, &after).unwrap();
    // Another point's settings may change, its chain may not.
    let kiosk = Point { most_cash: Some(Piastres(1)), ..point("kiosk-0") };
    put(&ledger, "limit", &[Head::Point(kiosk.clone())]).unwrap();
    assert_eq!(read(&ledger, |t| t.point(&kiosk.code)).unwrap(), Some(kiosk.clone()));
    assert!(put(&ledger, "chain", &[Head::Point(Point { number: 5, ..kiosk })]).is_err());
    // Nor may totals and sequence fall.
    let mut high = binding(7, 1, 7);
    (high.held.total_credit, high.held.total_debited, high.held.sequence) = (Piastres(9), Piastres(9), 9);
    put(&ledger, "high", &[Head::Binding(Box::new(high.clone()))]).unwrap();
    let lower: [fn(&mut BindingAccount); 3] =
        [|held| held.total_credit.0 -= 1, |held| held.total_debited.0 -= 1, |held| held.sequence -= 1];
    for (index, lower) in lower.iter().enumerate() {
        for card in [7, 8] {
            let mut low = high.clone();
            lower(&mut low.held);
            low.held.card.id = CardId::from(card);
            let error =
                put(&ledger, &format!("low-{index}-{card}"), &[Head::Binding(Box::new(low))]).unwrap_err();
            assert!(error.to_string().contains("only grow"), "{error}");
        }
    }
    let mut strange = high;
    strange.held.scope.company = Company(9);
    assert!(put(&ledger, "strange", &[Head::Binding(Box::new(strange))]).is_err());
}

/// Another program with the same file cannot change what was written, by any statement.
#[test]
fn what_was_written_stays() {
    let (folder, ledger) = ledger();
    furnish(&ledger, 1);
    let of = request("sale-1");
    transact(&ledger, |transaction| {
        let context = transaction.context(&Ask {
            request: &of,
            point: &"kiosk-0".parse().unwrap(),
            payee: Some(Payee::Meter(MeterId::from(0))),
        })?;
        let (entry, point, held) = sale(&context.point.unwrap(), &context.binding.unwrap(), &of, 5000);
        transaction.write(&entry, &point, &[Head::Binding(Box::new(held))])
    })
    .unwrap();
    let reading = Reading {
        binding: Binding { meter: MeterId::from(0), number: 1 },
        number: 1,
        time: EARLY,
        applied_credit: Piastres(1),
        applied_debited: Piastres(0),
        balance: Balance(1),
        energy: Energy(1),
        flags: MeterFlags(0),
        tampering: 0,
    };
    put(
        &ledger,
        "more",
        &[
            Head::Reading(reading),
            Head::Policy(PolicyRecord { version: 1, from: EARLY, rules: "{}".to_owned() }),
            Head::Signed(SignedHead {
                id: EntryId { point: "office".parse().unwrap(), number: 1 },
                head: [0; 32],
                time: EARLY,
                signature: [0; 64],
            }),
        ],
    )
    .unwrap();
    let raw = Connection::open(folder.path().join("ledger")).unwrap();
    for (table, column) in [
        ("entry", "reason"),
        ("transfer", "amount"),
        ("request", "number"),
        ("reading", "balance"),
        ("policy", "rules"),
        ("signed_head", "time"),
    ] {
        let rows: i64 =
            raw.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert!(rows > 0, "{table}");
        for sql in [
            format!("UPDATE {table} SET {column} = {column}"),
            format!("UPDATE OR REPLACE {table} SET {column} = {column}"),
            format!("DELETE FROM {table}"),
            format!("REPLACE INTO {table} SELECT * FROM {table}"),
            format!("INSERT OR IGNORE INTO {table} SELECT * FROM {table}"),
        ] {
            let error = raw.execute(&sql, []).expect_err(&sql);
            assert_eq!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::ConstraintViolation),
                "{sql}: {error}"
            );
            assert!(error.to_string().starts_with(&format!("{table}: ")), "{sql}: {error}");
        }
    }
    raw.execute("UPDATE binding SET total_credit = total_credit - 1", []).expect_err("a lower total");
    raw.execute("UPDATE binding SET total_credit = total_credit + 1", []).unwrap();
}

/// A row that is none of ours is told by its table and column.
#[test]
fn a_row_that_cannot_be_read() {
    for (sql, expected) in [
        ("UPDATE binding SET status = 'lost'", "table binding, column status"),
        ("UPDATE binding SET card = x'00'", "table binding, column card"),
        ("UPDATE binding SET generation = 70000", "table binding, column generation"),
        ("UPDATE binding SET sequence = -1", "table binding, column sequence"),
        ("UPDATE binding SET heard = 1", "table binding, column heard"),
        ("UPDATE binding SET blocked = 2", "table binding, column blocked"),
        ("UPDATE point SET code = 'Kiosk-0' WHERE code = 'kiosk-0'", "table point, column code"),
        ("UPDATE point SET head = x'' WHERE code = 'kiosk-0'", "table point, column head"),
        ("UPDATE point SET sold = -1 WHERE code = 'kiosk-0'", "table point, column sold"),
        ("UPDATE party SET channel = 'radio'", "table party, column channel"),
        ("UPDATE meta SET epoch = 4294967296", "table meta, column epoch"),
        ("UPDATE request SET step = 5", "table request, column step"),
        ("UPDATE entry SET kind = 'gift'", "table entry, column kind"),
        ("UPDATE entry SET hash = x'00'", "table entry, column hash"),
        ("UPDATE transfer SET debit = 'pocket'", "table transfer, column debit"),
        ("DELETE FROM meta", "table meta"),
    ] {
        let (folder, ledger) = ledger();
        furnish(&ledger, 1);
        let of = request("sale-1");
        let code = "kiosk-0".parse().unwrap();
        let ask = Ask { request: &of, point: &code, payee: Some(Payee::Card(CardId::from(0))) };
        transact(&ledger, |transaction| {
            let context = transaction.context(&ask)?;
            let (entry, point, held) = sale(&context.point.unwrap(), &context.binding.unwrap(), &of, 5000);
            transaction.write(&entry, &point, &[Head::Binding(Box::new(held))])
        })
        .unwrap();
        let raw = Connection::open(folder.path().join("ledger")).unwrap();
        let triggers =
            "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema WHERE type = 'trigger'";
        let drop: String = raw.query_row(triggers, [], |row| row.get(0)).unwrap();
        raw.execute_batch(&format!("{drop}; PRAGMA ignore_check_constraints = ON; {sql}")).expect(sql);
        // With one that reads, and with the one that writes.
        let look = |transaction: &mut dyn Transaction| {
            for kiosk in [&code, &"Kiosk-0".parse().unwrap_or_else(|_| code.clone())] {
                transaction.context(&Ask { point: kiosk, ..ask })?;
            }
            transaction.points(None, 9)?;
            transaction.bindings(None, 9)?;
            transaction.chain(&code, 0, 9)?;
            Ok(())
        };
        for error in [read(&ledger, look).expect_err(sql), transact(&ledger, look).expect_err(sql)] {
            match error {
                LedgerError::Store(StoreError::Corrupt(text)) => {
                    assert!(text.contains(expected), "{sql}: {text}")
                }
                other => panic!("{sql}: {other}"),
            }
        }
    }
}
