//! The table of docs/ledger.md, section 6: every way to credit, or cash, without a payment.

use super::books::{Books, Report};
use card_host::card_core::id::{Binding, CardId, CardRef, MeterId};
use card_host::card_core::units::{CardTime, Piastres};
use card_host::issuer::{AccountError, BindingAccount, IssuerError};
use card_ledger::{
    AuditFinding, BindingRecord, DebitOrder, DebitTo, EndReason, Evidence, GiveBack, GiveTo, Kind,
    LedgerError, MoveOrder, OpenOrder, Payee, Policy, ReconcileOptions, Refusal, RequestId, ShownCard,
    reconcile,
};
use std::collections::BTreeSet;
use system_tests::world::{World, kiosk, refused, who};

const LEDGER: &str = include_str!("../../../../docs/ledger.md");

/// The rows of the table: way, bound, persons, alarm.
fn table() -> Vec<[String; 4]> {
    let head = "| way | bound | persons | alarm in `reconcile` |";
    let (_, after) = LEDGER.split_once(head).expect("the table is there");
    let rows = after.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        cells.try_into().expect("four cells")
    })
    .collect()
}

/// The first word of a cell that is code.
fn code(cell: &str) -> &str {
    cell.split('`').nth(1).expect("a word in code")
}

/// A way, made ready in books of its own: does it under an id for an amount; what is proposed says so by [`Refusal::SecondPerson`].
struct Way {
    books: Books,
    act: fn(&World, &RequestId, u64) -> Result<(), LedgerError>,
    /// The most, and the most for one person.
    most: Option<u64>,
    alone: u64,
    /// Whether the second person's approval does it.
    approval_does_it: bool,
    kind: Kind,
}

fn proposed(id: &RequestId, done: Result<(), LedgerError>) -> Result<(), LedgerError> {
    done.and_then(|()| Err(Refusal::SecondPerson(id.clone()).into()))
}

fn adopted(world: &World, amount: u64) -> BindingAccount {
    BindingAccount {
        binding: Binding { meter: MeterId::from(70), number: 3 },
        account: 70,
        card: CardRef { id: CardId::from(70), generation: 1 },
        sequence: 9,
        total_credit: Piastres(amount),
        ..world.record(1).held
    }
}

fn lost(world: &World, amount: u64) -> ShownCard {
    let known = world.record(1);
    let held = BindingAccount {
        binding: Binding { meter: MeterId::from(80), number: 1 },
        account: 80,
        card: CardRef { id: CardId::from(80), generation: 1 },
        sequence: 5,
        total_credit: Piastres(amount),
        opening_time: CardTime(known.held.opening_time.0 + 7),
        ..known.held
    };
    let record = BindingRecord { held, ..known };
    let (binding, certificate) = world.office.certificates(&record).unwrap();
    ShownCard { card: held.card, load_key: held.load_key, binding, certificate }
}

fn cash(amount: u64, id: &RequestId, world: &World) -> DebitOrder {
    let (payee, amount) = (Payee::Card(CardId::from(1)), Piastres(amount));
    DebitOrder { who: world.boss(), id: id.clone(), payee, amount, to: DebitTo::Cash, reason: WHY.to_owned() }
}

/// Whether it was refused for being too much.
fn bounded(done: &Result<(), LedgerError>) -> bool {
    match done {
        Err(LedgerError::Refused(refusal)) => {
            matches!(refusal, Refusal::MoreThanAllowed { .. } | Refusal::MoreThanLeft { .. })
        }
        Err(LedgerError::Issuer(IssuerError::Account(error))) => *error == AccountError::MoreThanCertified,
        _ => false,
    }
}

const WHY: &str = "looked at by two";

fn way(name: &str) -> Way {
    let books = Books::new();
    let world = &books.world;
    world.customer(1);
    world.sell(1, 300_000);
    let plain = Way {
        books,
        act: |_, _, _| Ok(()),
        most: None,
        alone: 0,
        approval_does_it: false,
        kind: Kind::Restore,
    };
    match name {
        "estimate" => {
            let world = &plain.books.world;
            world.office.open(&world.opening(2, 1, 2)).unwrap();
            let from = world.record(1).binding();
            let other = OpenOrder { closes_former: true, ..world.opening(1, 9, 9) };
            world.office.open(&other).unwrap();
            let certified = world.binding(from).held.total_credit.0;
            let act = |world: &World, id: &RequestId, amount: u64| {
                let from = Binding { meter: MeterId::from(1), number: 1 };
                let to = Binding { meter: MeterId::from(2), number: 1 };
                let order = MoveOrder::estimated(from, to, amount.cast_signed());
                proposed(id, world.office.propose_move(&world.boss(), id, &order, WHY))
            };
            Way { act, most: Some(certified), approval_does_it: true, kind: Kind::Move, ..plain }
        }
        "adopt" => {
            let act = |world: &World, id: &RequestId, amount: u64| {
                world.office.adopt(&world.boss(), id, &adopted(world, amount), WHY).map(drop)
            };
            Way { act, most: Some(10_000_000), kind: Kind::Adopt, ..plain }
        }
        "recover-card" => {
            plain.books.world.restored("the disk died");
            let act = |world: &World, id: &RequestId, amount: u64| {
                world.office.recover(&world.boss(), id, &lost(world, amount), WHY).map(drop)
            };
            Way { act, most: Some(10_000_000), kind: Kind::Recover, ..plain }
        }
        "restored" => {
            let act = |world: &World, id: &RequestId, _: u64| {
                world.office.declare_restored(&world.boss(), id, WHY).map(drop)
            };
            Way { act, ..plain }
        }
        "cash-back" => {
            // 3,000 EGP were certified and applied, and 2,000 are left.
            let record = plain.books.world.record(1);
            let applied = record.held.total_credit.0;
            plain
                .books
                .report(&record, &Report { number: 1, applied, balance: 200_000, energy: 9, flags: 0 });
            let act = |world: &World, id: &RequestId, amount: u64| {
                let order = cash(amount, id, world);
                match world.office.debit(&order) {
                    // Asked again, it is there already, and not as what one person does alone.
                    Err(LedgerError::Refused(Refusal::ApprovalNeeded { .. } | Refusal::OtherRequest(_))) => {
                        proposed(id, world.office.propose(&order))
                    }
                    done => done.map(drop),
                }
            };
            Way {
                act,
                most: Some(200_000),
                alone: 100_000,
                approval_does_it: true,
                kind: Kind::Debit,
                ..plain
            }
        }
        "give-back" => {
            // By an estimate; what a final report says was left, one person gives back, up to a limit.
            let world = &plain.books.world;
            let certified = world.record(1).held.total_credit.0;
            world.office.end(&world.boss(), &world.id(), MeterId::from(1), EndReason::MovedOut, "").unwrap();
            let act = |world: &World, id: &RequestId, amount: u64| {
                let of = Binding { meter: MeterId::from(1), number: 1 };
                let order = GiveBack::new(of, GiveTo::Cash, Some(amount.cast_signed()));
                proposed(id, world.office.propose_give_back(&world.boss(), id, &order, WHY))
            };
            Way {
                act,
                most: Some(certified),
                alone: 100_000,
                approval_does_it: true,
                kind: Kind::GiveBack,
                ..plain
            }
        }
        "shortage" => {
            let act = |world: &World, id: &RequestId, amount: u64| {
                let point = "fawry-1".parse().unwrap();
                let counted = Piastres(300_000 - amount);
                world.office.close_day(&world.boss(), id, &point, counted, WHY, None).map(drop)
            };
            Way { act, alone: 100_000, kind: Kind::Close, ..plain }
        }
        other => panic!("{other} is in the table of docs/ledger.md, and nobody tries it here"),
    }
}

#[test]
fn every_way_to_credit_without_a_payment_has_a_bound_and_a_second_person() {
    let rows = table();
    assert!(rows.len() >= 6, "{rows:?}");
    for [name, bound, persons, alarm] in &rows {
        let name = code(name);
        let Way { books, act, most, alone, approval_does_it, kind } = way(name);
        let world = &books.world;
        let entered = || world.entries().into_iter().filter(|entry| entry.kind == kind).count();
        let (before, told) = (entered(), told(&books));
        // Above the bound nothing is entered at all.
        if let Some(most) = most {
            let written = world.entries().len();
            for amount in [most + 1, 1 << 50] {
                let done = act(world, &world.id(), amount);
                assert!(bounded(&done), "{name}, {bound}: {done:?}");
            }
            assert_eq!(world.entries().len(), written, "{name}: nothing was written");
        }
        // What one may do alone, where one may.
        assert_eq!(persons == "2", alone == 0, "{name}: {persons}");
        // One person is not enough, nor another spelling of the name.
        let (id, amount) = (world.id(), most.unwrap_or(150_000));
        assert_eq!(refused(act(world, &id, amount)), Refusal::SecondPerson(id.clone()), "{name}");
        assert_eq!(refused(act(world, &id, amount)), Refusal::SecondPerson(id.clone()), "{name}");
        let request = world.boss().request(&id);
        for same in ["mona", " Mona", "MONA", "M\u{f3}na", "\u{ff4d}ona", "mo\u{200b}na"] {
            let second = who("company", "office", same);
            let refusal = refused(world.office.approve(&second, &request));
            assert!(matches!(refusal, Refusal::NotSecondPerson { .. }), "{name}, {same:?}: {refusal:?}");
        }
        let stranger = refused(world.office.approve(&kiosk(), &request));
        assert!(matches!(stranger, Refusal::NoRequest(_)), "{name}: {stranger:?}");
        assert_eq!(entered(), before, "{name}: not yet");
        // Two do it, once.
        world.office.approve(&world.second(), &request).unwrap();
        if !approval_does_it {
            act(world, &id, amount).unwrap_or_else(|error| panic!("{name}: {error}"));
            let after = entered();
            act(world, &id, amount).unwrap_or_else(|error| panic!("{name}, again: {error}"));
            assert_eq!(entered(), after, "{name}: once");
        }
        assert!(entered() > before, "{name}: done");
        // It is seen.
        let alarm = code(alarm);
        let shown = told_of(&books, alarm);
        assert!(shown > told.get(alarm).copied().unwrap_or(0), "{name}: {alarm} in reconcile");
        assert_eq!(books.findings(&[]), [], "{name}: the books are right");
    }
}

/// How many exceptions there are of each kind.
fn told(books: &Books) -> std::collections::BTreeMap<String, u64> {
    let options = ReconcileOptions::at(books.world.office.now().unwrap());
    let found = reconcile(&*books.world.ledger, None, &options, &mut |_| {}).unwrap();
    found.summary.into_iter().map(|(kind, sums)| (kind.code().to_owned(), sums.count)).collect()
}

fn told_of(books: &Books, alarm: &str) -> u64 {
    told(books).get(alarm).copied().unwrap_or(0)
}

/// What a channel hands in is shown like what the company does: it is credit all the same.
#[test]
fn what_a_channel_recovers_is_shown() {
    let books = Books::busy();
    let world = &books.world;
    world.restored("the disk died");
    let before = told_of(&books, "without-payment");
    let known = world.record(1);
    let (sequence, total) = (known.held.sequence + 1, Piastres(known.held.total_credit.0 + 7_000));
    let held = BindingAccount { sequence, total_credit: total, ..known.held };
    let (_, certificate) = world.office.certificates(&BindingRecord { held, ..known }).unwrap();
    let evidence = Evidence::Certificate(certificate.emit().to_vec());
    world.office.hand_in(&kiosk(), &evidence).unwrap();
    assert_eq!(told_of(&books, "without-payment"), before + 1);
    books.days(31);
    assert_eq!(told_of(&books, "without-payment"), 0);
}

#[test]
fn an_estimated_debt_has_the_bound_of_the_rules() {
    let Way { books, act, .. } = way("estimate");
    let (world, id) = (&books.world, books.world.id());
    let most = world.office.policy().unwrap().1.without_payment.estimate_most.cast_signed();
    let above = act(world, &world.id(), (-most - 1).cast_unsigned());
    assert!(matches!(refused(above), Refusal::MoreThanAllowed { .. }));
    assert_eq!(refused(act(world, &id, (-most).cast_unsigned())), Refusal::SecondPerson(id.clone()));
}

#[test]
fn missing_cash_has_a_reason_and_above_a_limit_a_second_person() {
    let books = Books::busy();
    let world = &books.world;
    let fawry = "fawry-1".parse().unwrap();
    let close = |id: &RequestId, counted, reason: &str| {
        world.office.close_day(&kiosk(), id, &fawry, Piastres(counted), reason, None)
    };
    assert_eq!(refused(close(&world.id(), 79_000, "")), Refusal::NoReason);
    assert_eq!(told_of(&books, "cash-short"), 0);
    close(&world.id(), 79_000, "a note was torn").unwrap();
    assert_eq!(told_of(&books, "cash-short"), 1);
    // Too much is no shortage.
    close(&world.id(), 79_500, "").unwrap();
    assert_eq!(told_of(&books, "cash-short"), 1);
    world.sell(1, 200_000);
    let id = world.id();
    assert_eq!(refused(close(&id, 100_000, "robbed")), Refusal::SecondPerson(id.clone()));
    // Between being asked and done more has come in: what is missing is more than was agreed to.
    let request = kiosk().request(&id);
    let approve = |actor: &str| world.office.approve(&who("fawry", "fawry-1", actor), &request);
    assert!(matches!(refused(approve("Till-1")), Refusal::NotSecondPerson { .. }));
    approve("the owner").unwrap();
    world.sell(2, 1_000);
    assert_eq!(refused(close(&id, 100_000, "robbed")), Refusal::OtherRequest(id.clone()));
    let id = world.id();
    let _ = close(&id, 101_000, "robbed").unwrap_err();
    world.office.approve(&who("fawry", "fawry-1", "the owner"), &kiosk().request(&id)).unwrap();
    let statement = close(&id, 101_000, "robbed").unwrap();
    assert_eq!(statement.difference, -179_500);
    assert_eq!(close(&id, 101_000, "robbed").unwrap(), statement);
    assert_eq!(told_of(&books, "cash-short"), 2);
    assert_eq!(books.findings(&[]), []);
}

/// What takes two people takes them in parts, too.
#[test]
fn what_one_does_alone_adds_up() {
    let Way { books, .. } = way("cash-back");
    let world = &books.world;
    let back = |amount| world.office.debit(&cash(amount, &world.id(), world)).map(drop);
    back(60_000).unwrap();
    let needed = |amount| Refusal::ApprovalNeeded { amount: Piastres(amount) };
    assert_eq!(refused(back(40_001)), needed(40_001));
    back(40_000).unwrap();
    assert_eq!(refused(back(1)), needed(1));
    // What is corrected without cash is nobody's gain.
    let order = DebitOrder { to: DebitTo::Correction, ..cash(90_000, &world.id(), world) };
    world.office.debit(&order).unwrap();
    books.days(31);
    back(1).unwrap();

    let Way { books, .. } = way("shortage");
    let world = &books.world;
    let close = |id: &RequestId, counted| {
        let point = "fawry-1".parse().unwrap();
        world.office.close_day(&world.boss(), id, &point, Piastres(counted), WHY, None).map(drop)
    };
    close(&world.id(), 240_000).unwrap();
    let id = world.id();
    assert_eq!(refused(close(&id, 199_999)), Refusal::SecondPerson(id.clone()));
    close(&world.id(), 200_000).unwrap();
    let id = world.id();
    assert_eq!(refused(close(&id, 199_999)), Refusal::SecondPerson(id));
    books.days(1);
    world.clock.pass(1);
    close(&world.id(), 199_999).unwrap();
    assert_eq!(books.findings(&[]), []);
}

/// Also by whoever can make the hashes fit.
#[test]
fn more_than_one_may_do_alone_is_found() {
    let Way { books, .. } = way("cash-back");
    let world = &books.world;
    world.office.debit(&cash(60_000, &world.id(), world)).unwrap();
    let point = "fawry-1".parse().unwrap();
    world.office.close_day(&world.boss(), &world.id(), &point, Piastres(240_000), WHY, None).unwrap();
    assert_eq!(books.findings(&[]), []);
    books.tamper("UPDATE entry SET amount = 100001 WHERE kind IN ('debit', 'close')");
    let alone = books.findings(&[]).into_iter().filter_map(|finding| match finding {
        AuditFinding::Misfit { kind, what, .. } if what.contains("second person") => Some(kind),
        _ => None,
    });
    assert_eq!(alone.collect::<BTreeSet<_>>(), BTreeSet::from([Kind::Debit, Kind::Close]));
}

#[test]
fn what_one_can_do_alone_is_raised_by_two() {
    let books = Books::new();
    let (world, id) = (&books.world, books.world.id());
    let rules = Policy { correction_approval_above: 200_000, ..system_tests::world::rules() };
    let set = || world.office.set_policy(&world.boss(), &id, None, &rules);
    assert_eq!(refused(set()), Refusal::SecondPerson(id.clone()));
    world.office.approve(&world.second(), &world.boss().request(&id)).unwrap();
    set().unwrap();
    assert_eq!(books.findings(&[]), [], "two people have made them");
}
