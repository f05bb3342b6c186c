//! Corrections, debts, settings, and the second person.

use card_host::card_core::id::{CardId, Channel};
use card_host::card_core::role::{KeyVersion, Role};
use card_host::card_core::units::{CardTime, Piastres};
use card_host::random::OsRandom;
use card_ledger::{
    Approved, AuditKey, DebitOrder, DebitTo, Entry, EntryId, Head, Kind, LedgerError, LimitsChange, Party,
    PartyChange, PartyCode, Payee, PointLimits, Policy, Power, Refusal, RequestId, RequestKey, SignedHead,
    StoreError, read, transact, verify,
};
use system_tests::world::{World, kiosk, refused, who};

fn debit(world: &World, amount: u64, to: DebitTo) -> DebitOrder {
    let payee = Payee::Card(CardId::from(1));
    let (who, id) = (world.boss(), world.id());
    DebitOrder { who, id, payee, amount: Piastres(amount), to, reason: "wrong card".to_owned() }
}

pub(crate) fn a_debit_takes_credit_back(world: &World) {
    world.customer(1);
    let sale = world.sell(1, 50_300);
    let credit = sale.division.credit;
    let order = debit(world, 10_000, DebitTo::Cash);
    let certified = world.office.debit(&order).unwrap();
    assert_eq!(world.office.debit(&order).unwrap(), certified);
    assert_eq!((certified.total_credit.0, certified.total_debited.0), (credit, 10_000));
    let others = [
        DebitOrder { amount: Piastres(9_999), ..order.clone() },
        DebitOrder { to: DebitTo::Correction, ..order.clone() },
        DebitOrder { payee: Payee::Card(CardId::from(2)), ..order.clone() },
    ];
    for other in others {
        assert_eq!(refused(world.office.debit(&other)), Refusal::OtherRequest(order.id.clone()));
    }
    assert_eq!(world.balance("cash:office"), -10_000);
    let too_much = debit(world, credit - 10_000 + 1, DebitTo::Correction);
    assert!(matches!(refused(world.office.debit(&too_much)), Refusal::MoreThanCertified { .. }));
    world.office.debit(&debit(world, credit - 10_000, DebitTo::Correction)).unwrap();
    let by_kiosk = DebitOrder { who: kiosk(), ..debit(world, 1, DebitTo::Cash) };
    assert!(matches!(refused(world.office.debit(&by_kiosk)), Refusal::Invalid(_)));
    world.check();
}

pub(crate) fn a_large_debit_needs_a_second_person(world: &World) {
    world.customer(1);
    world.sell(1, 900_000);
    let order = debit(world, 100_001, DebitTo::Correction);
    assert_eq!(refused(world.office.debit(&order)), Refusal::ApprovalNeeded { amount: order.amount });
    world.office.propose(&order).unwrap();
    world.office.propose(&order).unwrap();
    let smaller = DebitOrder { to: DebitTo::Cash, ..order.clone() };
    assert_eq!(refused(world.office.propose(&smaller)), Refusal::OtherRequest(order.id.clone()));
    let request = RequestKey { party: order.who.party.clone(), id: order.id.clone() };
    assert!(matches!(
        refused(world.office.approve(&world.boss(), &request)),
        Refusal::NotSecondPerson { .. }
    ));
    assert!(matches!(refused(world.office.approve(&kiosk(), &request)), Refusal::NoRequest(_)));
    assert_eq!(world.record(1).held.total_debited, Piastres::ZERO);
    let second = who("company", "office", "tarek");
    let approved = world.office.approve(&second, &request).unwrap();
    assert_eq!(world.office.approve(&second, &request).unwrap(), approved);
    let Approved::Certified(certified) = approved else { panic!("{approved:?}") };
    assert_eq!(certified.total_debited, order.amount);
    assert_eq!(
        refused(world.office.withdraw(&world.boss(), &order.id)),
        Refusal::WrongStep(order.id.clone())
    );
    // Withdrawn, it is not approved.
    let order = debit(world, 100_001, DebitTo::Correction);
    world.office.propose(&order).unwrap();
    world.office.withdraw(&world.boss(), &order.id).unwrap();
    world.office.withdraw(&world.boss(), &order.id).unwrap();
    let request = RequestKey { party: order.who.party.clone(), id: order.id.clone() };
    assert_eq!(refused(world.office.approve(&second, &request)), Refusal::Cancelled);
    assert_eq!(world.record(1).held.total_debited, Piastres(100_001));
    world.check();
}

pub(crate) fn cash_is_given_out_where_it_was_proposed(world: &World) {
    world.customer(1);
    world.sell(1, 900_000);
    world.add_point("branch-7", "company", PointLimits::default());
    let order =
        DebitOrder { who: who("company", "branch-7", "mona"), ..debit(world, 100_001, DebitTo::Cash) };
    world.office.propose(&order).unwrap();
    let request = RequestKey { party: order.who.party.clone(), id: order.id.clone() };
    let far = world.office.approve(&who("company", "office", "tarek"), &request);
    assert!(matches!(refused(far), Refusal::Invalid(_)), "the office's cash is another till's");
    world.office.approve(&who("company", "branch-7", "tarek"), &request).unwrap();
    assert_eq!((world.balance("cash:branch-7"), world.balance("cash:office")), (-100_001, 0));
    world.check();
}

pub(crate) fn debts_are_paid_by_sales_and_debits(world: &World) {
    world.customer(1);
    world.sell(1, 50_000);
    let id = world.id();
    world.office.debt(&world.boss(), &id, 1, Piastres(5_000), "arrears").unwrap();
    world.office.debt(&world.boss(), &id, 1, Piastres(5_000), "arrears").unwrap();
    assert_eq!(world.balance("debt:1"), 5_000);
    let other = world.office.debt(&world.boss(), &id, 1, Piastres(5_001), "arrears");
    assert_eq!(refused(other), Refusal::OtherRequest(id));
    assert!(matches!(refused(world.office.debit(&debit(world, 5_001, DebitTo::Debt))), Refusal::Invalid(_)));
    world.office.debit(&debit(world, 4_000, DebitTo::Debt)).unwrap();
    assert_eq!(world.sell(1, 50_000).division.debt, 1_000);
    assert_eq!(world.balance("debt:1"), 0);
    world.check();
}

pub(crate) fn settings_once_and_by_the_company_only(world: &World) {
    let party = Party { code: "aman".parse().unwrap(), channel: Channel::Kiosk, open: true };
    assert!(matches!(refused(world.office.set_party(&kiosk(), &world.id(), &party)), Refusal::Invalid(_)));
    world.office.set_party(&world.boss(), &world.id(), &party).unwrap();
    let token = |id: &str, power| {
        let id = id.parse().unwrap();
        world.office.add_token(&world.boss(), &id, &party.code, "machine 4", power)
    };
    let secret = token("t1", Power::Sell).unwrap();
    let found = world.office.token(&secret).unwrap().unwrap();
    assert_eq!(
        (found.party, found.actor.as_str(), found.power),
        (party.code.clone(), "machine 4", Power::Sell)
    );
    assert!(
        matches!(refused(token("t1", Power::Sell)), Refusal::OtherRequest(_)),
        "the secret is not given twice"
    );
    assert_eq!(world.office.token("something else").unwrap(), None);
    let stored = world
        .entries()
        .iter()
        .any(|entry| entry.payload.windows(secret.len()).any(|window| window == secret.as_bytes()));
    assert!(!stored, "the secret is kept nowhere");
    world.office.revoke_tokens(&world.boss(), &world.id(), &party.code, "machine 4").unwrap();
    assert_eq!(world.office.token(&secret).unwrap(), None);
    let now = world.office.now().unwrap();
    let (before, _) = world.office.policy().unwrap();
    let id = world.id();
    let rules = Policy { correction_approval_above: 7, ..Policy::for_development() };
    world.office.set_policy(&world.boss(), &id, Some(CardTime(now.0 + 60)), &rules).unwrap();
    assert_eq!(world.office.policy().unwrap().0, before, "not yet");
    world.clock.pass(60);
    assert_eq!(world.office.policy().unwrap(), (before + 1, rules));
    world.check();
}

pub(crate) fn settings_asked_for_again_give_the_first_answer(world: &World) {
    let (office, boss) = (&world.office, world.boss());
    let fawry = "fawry".parse().unwrap();
    let add = || office.add_token(&boss, &world.id(), &fawry, "machine 4", Power::Sell).unwrap();
    let _ = (add(), add());
    let revoke = world.id();
    let asked = |name: &str| office.revoke_tokens(&boss, &revoke, &fawry, name);
    assert_eq!(asked("machine 4").unwrap(), 2);
    let newer = add();
    assert_eq!(asked("machine 4").unwrap(), 2, "the first answer");
    assert!(office.token(&newer).unwrap().is_some(), "and nothing is done again");
    assert_eq!(refused(asked("machine 5")), Refusal::OtherRequest(revoke.clone()));

    let (before, _) = office.policy().unwrap();
    let rules = |above| Policy { correction_approval_above: above, ..Policy::for_development() };
    let (id, later) = (world.id(), world.id());
    let at_once = || office.set_policy(&boss, &id, None, &rules(9));
    assert_eq!(at_once().unwrap(), before + 1);
    world.clock.pass(60);
    assert_eq!(office.set_policy(&boss, &world.id(), None, &rules(8)).unwrap(), before + 2);
    world.clock.pass(60);
    assert_eq!(at_once().unwrap(), before + 1, "the first answer");
    assert_eq!(office.policy().unwrap(), (before + 2, rules(8)), "and nothing is done again");
    let now = office.now().unwrap();
    for (from, policy) in [(None, rules(8)), (Some(now), rules(9))] {
        let other = office.set_policy(&boss, &id, from, &policy);
        assert_eq!(refused(other), Refusal::OtherRequest(id.clone()), "{from:?}");
    }
    // With a start: the same rules from the same time under two ids are two versions.
    let start = Some(CardTime(now.0 + 60));
    for _ in 0..2 {
        assert_eq!(office.set_policy(&boss, &later, start, &rules(7)).unwrap(), before + 3);
    }
    let third = world.id();
    for _ in 0..2 {
        assert_eq!(office.set_policy(&boss, &third, start, &rules(7)).unwrap(), before + 4);
    }
    assert_eq!(
        refused(office.set_policy(&boss, &third, None, &rules(7))),
        Refusal::OtherRequest(third.clone())
    );
    world.check();
}

pub(crate) fn a_master_is_entered_before_it_is_drawn(world: &World) {
    let current = |role| world.office.keys().current(role).unwrap();
    let draw = |id: &str, role| world.office.next_master(&world.boss(), None, &id.parse().unwrap(), role);
    let first = current(Role::Credit);
    for _ in 0..2 {
        assert_eq!(draw("m-1", Role::Credit).unwrap(), KeyVersion::from_byte(first.byte() + 1));
    }
    assert!(matches!(refused(draw("m-1", Role::Report)), Refusal::OtherRequest(_)));
    world.keys.rotate(Role::Credit, &mut OsRandom).unwrap();
    assert_eq!(draw("m-1", Role::Credit).unwrap(), current(Role::Credit), "drawn already");
    assert_eq!(draw("m-2", Role::Credit).unwrap(), KeyVersion::from_byte(first.byte() + 2));
    for _ in 0..2 {
        let longest = draw(&"m".repeat(64), Role::Report).unwrap();
        assert_eq!(longest, current(Role::Report).next());
    }
    let many = || world.keys.rotate(Role::Credit, &mut OsRandom).is_ok();
    while many() {}
    assert!(matches!(draw("m-3", Role::Credit), Err(LedgerError::Issuer(_))), "there is no further one");
    world.check();
}

pub(crate) fn rules_that_raise_a_bound_take_two(world: &World) {
    let (office, boss) = (&world.office, world.boss());
    let (before, held) = office.policy().unwrap();
    // One bound after the other, each above what holds by then.
    let mut raised = vec![held.clone()];
    let bounds: [fn(&mut Policy) -> &mut u64; 5] = [
        |rules| &mut rules.correction_approval_above,
        |rules| &mut rules.without_payment.estimate_most,
        |rules| &mut rules.without_payment.adopt_most,
        |rules| &mut rules.without_payment.recover_most,
        |rules| &mut rules.without_payment.shortage_alone,
    ];
    for bound in bounds {
        let mut next = raised[raised.len() - 1].clone();
        *bound(&mut next) += 1;
        raised.push(next);
    }
    let raised = &raised[1..];
    for (rules, version) in raised.iter().zip(before + 1..) {
        let id = world.id();
        let set = || office.set_policy(&boss, &id, None, rules);
        for _ in 0..2 {
            assert_eq!(refused(set()), Refusal::SecondPerson(id.clone()));
        }
        assert_eq!(office.policy().unwrap().0, version - 1, "nothing has changed");
        let own = office.approve(&boss, &boss.request(&id));
        assert!(matches!(refused(own), Refusal::NotSecondPerson { .. }));
        office.approve(&world.second(), &boss.request(&id)).unwrap();
        assert_eq!(refused(office.set_policy(&boss, &id, None, &held)), Refusal::OtherRequest(id.clone()));
        for _ in 0..2 {
            assert_eq!(set().unwrap(), version);
        }
        assert_eq!(office.policy().unwrap(), (version, rules.clone()));
    }
    // Back down, one person does.
    assert_eq!(office.set_policy(&boss, &world.id(), None, &held).unwrap(), before + 6);
    assert_eq!(world.balance("corrections"), 0);
    world.check();
}

pub(crate) fn rules_of_a_time_that_ran_ahead_are_replaced_by_two(world: &World) {
    let (office, boss) = (&world.office, world.boss());
    let (before, held) = office.policy().unwrap();
    let right = office.now().unwrap();
    // A clock of a module that nobody doubts: a year ahead, and rules are entered.
    let year = 365 * 86_400;
    world.clock.pass(year);
    let wrong = Policy { correction_approval_above: 1, ..held.clone() };
    assert_eq!(office.set_policy(&boss, &world.id(), None, &wrong).unwrap(), before + 1);
    world.clock.set(CardTime(right.0 + 10));
    let id = world.id();
    let point = "office".parse().unwrap();
    office.propose_time(&boss, &id, &point, "the clock ran ahead").unwrap();
    office.approve(&world.second(), &boss.request(&id)).unwrap();
    assert_eq!(office.policy().unwrap(), (before, held.clone()), "the others have not begun");
    // New ones would begin before them: two people say so.
    let newer = Policy { correction_approval_above: 2, ..held };
    let id = world.id();
    let set = || office.set_policy(&boss, &id, None, &newer);
    assert_eq!(refused(set()), Refusal::SecondPerson(id.clone()));
    office.approve(&world.second(), &boss.request(&id)).unwrap();
    assert_eq!(set().unwrap(), before + 2);
    assert_eq!(office.policy().unwrap(), (before + 2, newer.clone()));
    // Those of the wrong time never hold, and one person goes on from here.
    world.clock.pass(year + 86_400);
    assert_eq!(office.policy().unwrap(), (before + 2, newer.clone()));
    let least = Policy { correction_approval_above: 1, ..newer };
    assert_eq!(office.set_policy(&boss, &world.id(), None, &least).unwrap(), before + 3);
    world.check();
}

pub(crate) fn a_statement_is_cut_in_the_order_of_the_chain(world: &World) {
    // All of it in one second; what certifies nothing is as new as what does.
    let record = world.customer(1);
    world.sell(1, 10_000);
    for _ in 0..3 {
        world.office.reserve(&world.order(kiosk(), 1, 5_000)).unwrap();
    }
    let history = |most| read(&*world.ledger, |t| t.history(record.binding(), most)).unwrap();
    let all = history(100);
    let of = |point: &str, all: &[Entry]| -> Vec<u64> {
        all.iter().filter(|entry| entry.id.point.as_str() == point).map(|entry| entry.id.number).collect()
    };
    assert_eq!(all.len(), 5);
    assert!(of("fawry-1", &all).is_sorted_by(|a, b| a > b), "{all:?}");
    assert_eq!(all.iter().map(|entry| entry.kind).collect::<Vec<_>>()[..3], [Kind::Reserve; 3]);
    for most in 0..=6 {
        assert_eq!(history(most), all[..all.len().min(usize::try_from(most).unwrap())], "{most}");
    }
}

pub(crate) fn an_entry_is_signed_with_one_hash(world: &World) {
    let point = read(&*world.ledger, |t| t.point(&"office".parse().unwrap())).unwrap().unwrap();
    let id = EntryId { point: point.code, number: point.number };
    let keep = |head, signature| {
        let signed = SignedHead { id: id.clone(), head, time: point.time, signature };
        transact(&*world.ledger, |t| t.keep(&[Head::Signed(signed.clone())]))
    };
    keep(point.head, [1; 64]).unwrap();
    keep(point.head, [2; 64]).unwrap();
    let kept = read(&*world.ledger, |t| t.signed_head(&id.point, id.number)).unwrap().unwrap();
    assert_eq!(kept.signature, [1; 64], "the first one stays");
    let other = keep([7; 32], [3; 64]);
    assert!(matches!(other, Err(LedgerError::Store(StoreError::Corrupt(_)))), "{other:?}");
}

pub(crate) fn what_a_change_does_not_name_stays(world: &World) {
    let (office, boss) = (&world.office, world.boss());
    let code: PartyCode = "fawry".parse().unwrap();
    let none = PartyChange { code: code.clone(), channel: None, open: None };
    // Two people at once, who have both seen it as it was: each names what is to be changed.
    let id = world.id();
    let close = || office.set_party(&boss, &id, PartyChange { open: Some(false), ..none.clone() }).unwrap();
    let closed = close();
    let bank = PartyChange { channel: Some(Channel::Bank), ..none.clone() };
    let moved = office.set_party(&boss, &world.id(), bank).unwrap();
    assert_eq!((moved.channel, moved.open), (Channel::Bank, false));
    assert_eq!(read(&*world.ledger, |t| t.party(&code)).unwrap(), Some(moved));
    assert_eq!(close(), closed, "the first answer");
    let new = PartyChange { code: "orange".parse().unwrap(), ..none };
    assert!(matches!(refused(office.set_party(&boss, &world.id(), new)), Refusal::Invalid(_)));

    let point = "fawry-1".parse().unwrap();
    let cash = LimitsChange { most_cash: Some(Some(Piastres(7))), most_daily: None };
    office.change_point(&boss, &world.id(), &point, None, cash).unwrap();
    let daily = LimitsChange { most_cash: None, most_daily: Some(Some(Piastres(8))) };
    office.change_point(&boss, &world.id(), &point, None, daily).unwrap();
    office.change_point(&boss, &world.id(), &point, false, LimitsChange::default()).unwrap();
    let held = read(&*world.ledger, |t| t.point(&point)).unwrap().unwrap();
    assert_eq!((held.most_cash, held.most_daily, held.open), (Some(Piastres(7)), Some(Piastres(8)), false));
    let key = AuditKey::generate().unwrap().public();
    let report = verify(&*world.ledger, &key, &[], &mut |_| {}).unwrap();
    assert_eq!(report.findings, []);
    world.check();
}

/// A number that was typed wrong would never reach anybody, and would never be paid.
pub(crate) fn an_account_that_nobody_has_gets_no_telephone_and_no_debt(world: &World) {
    world.customer(1);
    let (office, boss) = (&world.office, world.boss());
    let debt = |account, id: &RequestId| office.debt(&boss, id, account, Piastres(5_000), "arrears");
    let unknown = Refusal::UnknownAccount(4712);
    assert_eq!(refused(debt(4712, &world.id())), unknown);
    assert_eq!(refused(office.set_customer(&boss, &world.id(), 4712, "+201001234567", true)), unknown);
    debt(1, &world.id()).unwrap();
    office.set_customer(&boss, &world.id(), 1, "+201001234567", true).unwrap();
    world.check();
}
