//! Complaint 3: each thing that can be wrong with a card at the meter has a clear message of its own, with what to do.

use std::collections::BTreeSet;

use applet_sim::chip::FlashModel;
use card_core::id::{Binding, CardId, CardRef, Channel, MeterId};
use card_core::parameters::{Limits, command::kind};
use card_core::terminal::load::LoadOutcome;
use card_core::text::{Language, Situation};
use card_core::units::CardTime;
use card_host::issuer::BindingAccount;
use card_host::transport::{Card, Link, Simulator};
use card_host::{ReaderError, TransportError};

use super::household::{DAY, HOUR, Household, METER, MONDAY, at_the_meter, egp, kwh};

#[test]
fn load_count_mismatch_cannot_come_from_the_order_of_charges() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut home = Household::with_credit(MONDAY, egp(1));
        let vouchers = [10, 20, 30].map(|amount| home.buy(egp(amount), Channel::Kiosk));
        let mut newest = None;
        for number in order {
            let outcome = if newest < Some(number) { LoadOutcome::Loaded } else { LoadOutcome::Older };
            assert_eq!(home.load(&vouchers[number]), Ok(outcome), "{order:?}");
            assert!(home.load(&vouchers[number]).is_ok());
            newest = newest.max(Some(number));
        }
        // However they came, the meter has all of them, once.
        assert_eq!((home.tap(), home.balance()), ("T01", 6_100), "{order:?}");
        assert_eq!((home.tap(), home.balance()), ("T02", 6_100), "{order:?}");
    }
}

#[test]
fn a_card_at_the_wrong_meter_is_told_so() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    home.charge(egp(20));
    let (mut neighbours, reading) = (home.another_meter(4712), home.reading());
    let visit = neighbours.tap(&mut home.transport(), reading);
    assert_eq!(at_the_meter(&visit), "M08");
    assert_eq!((neighbours.state().unwrap().balance.0, neighbours.state().unwrap().binding), (0, 0));
    // The credit still waits for its own meter.
    assert_eq!((home.tap(), home.balance()), ("T01", 3_000));
    // A charge for the neighbours' meter is not loaded, and mail for it is not taken.
    let neighbour = Binding { meter: MeterId::from(4712), number: 1 };
    let other = BindingAccount { binding: neighbour, ..home.account.refresh().unwrap() };
    let voucher = home.issuer.voucher(&other, Channel::Kiosk, card_core::id::Reference::from(9)).unwrap();
    assert_eq!(home.load(&voucher), Err("9404"));
    let own = std::mem::replace(&mut home.account, other);
    let mail = home.mail(0x02, &Limits::DEFAULT.emit());
    home.account = own;
    assert_eq!(home.put(home.card, &mail).unwrap_err(), "9404");
    assert_eq!(home.receive(&mail), "P02");
}

#[test]
fn memory_is_never_full() {
    // The card's log has 32 places.
    let mut home = Household::with_credit(MONDAY, egp(1));
    for _ in 0..70 {
        home.charge(egp(1));
    }
    assert_eq!((home.tap(), home.balance()), ("T01", 7_100));
}

#[test]
fn a_debt_above_the_load_is_no_reason_to_refuse_it() {
    // Given a customer in debt: 34.00 EGP were used on a credit of 4,
    let mut home = Household::with_credit(MONDAY, egp(4));
    home.consume(kwh(50));
    assert_eq!((home.balance(), home.cut()), (-3_000, vec!["U01"]));
    // when a charge of 10 comes,
    home.charge(egp(10));
    // then it is accepted, and 20 are still due, for which the supply waits;
    assert_eq!((home.tap(), home.balance(), home.is_on()), ("T03", -2_000, false));
    home.charge(egp(25));
    assert_eq!((home.tap(), home.balance(), home.is_on()), ("T01", 500, true));
}

/// A card that fails after so many exchanges.
struct Failing<'a> {
    card: &'a mut Simulator<FlashModel>,
    left: usize,
    how: fn() -> ReaderError,
}

impl Link for Failing<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| TransportError::from((self.how)()))?;
        Card::open(&mut *self.card).transmit(command)
    }

    fn description(&self) -> String {
        "a slot in a meter".into()
    }
}

#[test]
fn an_unreadable_or_reversed_card_is_told_so() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    let how = || ReaderError::UnresponsiveCard { reader: "the slot".into() };
    let reading = home.reading();
    let mut card = Failing { card: &mut home.cards[0], left: 0, how };
    assert_eq!(at_the_meter(&home.meter.tap(&mut Card::open(&mut card), reading)), "R02");
    // A bank's card, and one whose answers are nonsense.
    for (answer, code) in [(vec![0x6A, 0x82], "6A82"), (vec![0x6F, 0x05, 0x90, 0x00], "R02")] {
        let visit = home.meter.tap(&mut Card::open(Always(answer)), reading);
        assert_eq!(at_the_meter(&visit), code);
    }
    assert_eq!((home.tap(), home.balance()), ("T02", 1_000));
}

/// Something in the slot that always says the same.
struct Always(Vec<u8>);

impl Link for Always {
    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, TransportError> {
        Ok(self.0.clone())
    }

    fn description(&self) -> String {
        "a slot in a meter".into()
    }
}

#[test]
fn a_card_that_is_taken_out_early_is_told_so_and_credited_once() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    let how = || ReaderError::CardRemoved { reader: "the slot".into() };
    for left in 0..5 {
        home.charge(egp(1));
        let (before, reading) = (home.balance(), home.reading());
        let mut card = Failing { card: &mut home.cards[0], left, how };
        assert_eq!(
            at_the_meter(&home.meter.tap(&mut Card::open(&mut card), reading)),
            "R03",
            "after {left} exchanges"
        );
        // Before the certificate was read nothing has come, and afterwards all of it; and never twice.
        let credited = left >= 4;
        assert_eq!(home.balance(), before + if credited { 100 } else { 0 });
        assert_eq!(home.tap(), if credited { "T02" } else { "T01" });
        assert_eq!(home.balance(), before + 100);
    }
}

#[test]
fn an_expired_card_is_told_so_and_its_credit_is_kept() {
    let mut home = Household::new(MONDAY);
    home.account = home.account.replace_card(CardId::from(9)).unwrap();
    let expiry = CardTime(MONDAY.0 + 30 * DAY);
    home.issue(home.account, expiry);
    home.charge(egp(10));
    assert_eq!(home.tap(), "T01");
    home.charge(egp(20));
    home.until(expiry);
    assert_eq!((home.tap(), home.balance()), ("M05", 1_000));
    home.replace_card();
    home.activate();
    assert_eq!((home.tap(), home.balance()), ("T01", 3_000));
}

#[test]
fn a_replaced_card_is_told_so() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    let old = home.card;
    home.charge(egp(20));
    home.replace_card();
    home.charge(egp(5));
    assert_eq!((home.tap(), home.balance()), ("T01", 3_500));
    assert_eq!((home.tap_card(old), home.balance()), ("M0C", 3_500));
    // A charge for the new card does not go onto the old one.
    let voucher = home.buy(egp(1), Channel::Kiosk);
    home.card = old;
    assert_eq!(home.load(&voucher), Err("9401"));
}

#[test]
fn a_card_of_an_earlier_contract_is_told_so() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    home.charge(egp(20));
    let (old, former) = (home.card, home.account);
    // Another customer moves in.
    let card = CardRef { id: CardId::from(50), generation: 1 };
    let next = BindingAccount { account: 2002, card, ..former };
    home.account = next.open_binding(MeterId::from(METER), 2, home.now()).unwrap().refresh().unwrap();
    home.issue(home.account, CardTime::UNSET);
    home.charge(egp(7));
    assert_eq!((home.tap(), home.balance()), ("T01", 700));
    assert_eq!((home.tap_card(old), home.balance()), ("M0A", 700));
    // Neither does mail for the former contract reach the meter.
    let present = std::mem::replace(&mut home.account, former);
    let mail = home.mail(0x02, &Limits::DEFAULT.emit());
    home.account = present;
    assert_eq!(home.receive(&mail), "P03");
}

#[test]
fn stale_mail_is_told_so() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    let limits = |first_threshold| Limits { first_threshold, ..Limits::DEFAULT }.emit();
    let (first, second) = (home.mail(0x02, &limits(2_000)), home.mail(0x02, &limits(3_000)));
    home.put(home.card, &second).unwrap();
    assert_eq!(home.deliver(home.card), ["P01"]);
    // The older one comes late: to the card, and over the network to the meter.
    assert_eq!(home.put(home.card, &first).unwrap_err(), "940A");
    assert_eq!(home.receive(&first), "P04");
    assert_eq!(home.receive(&second), "P04");
    assert_eq!(home.state().limits.first_threshold, 3_000);
}

#[test]
fn an_expired_command_is_told_so() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    let expiry = CardTime(MONDAY.0 + HOUR);
    let order = home.command(kind::CUT, 0, None, expiry);
    home.put(home.card, &order).unwrap();
    home.until(expiry);
    assert_eq!(home.deliver(home.card), ["P0A"]);
    assert!(home.is_on());
    // It is over: also where the clock is set back, or it comes again.
    assert_eq!(home.receive(&order), "P04");
}

#[test]
fn each_of_these_has_its_own_code_and_text_and_advice() {
    let told = [
        ("wrong meter", Situation::WrongMeter),
        ("a charge for another meter", Situation::OtherMeter),
        ("mail for another meter", Situation::MailOtherMeter),
        ("debt exceeds the load", Situation::DebtRemains),
        ("unreadable or reversed card", Situation::Unreadable),
        ("taken out early", Situation::TakenOutEarly),
        ("connection broke off", Situation::Repeat),
        ("another kind of card", Situation::NotOurs),
        ("expired card", Situation::Expired),
        ("replaced card", Situation::Replaced),
        ("earlier contract", Situation::EarlierContract),
        ("mail for another contract", Situation::MailOtherBinding),
        ("stale mail at the card", Situation::Stale),
        ("stale mail at the meter", Situation::MailStale),
        ("expired command", Situation::CommandExpired),
        ("not activated", Situation::FirstCharge),
        ("real contradiction", Situation::Inconsistent),
    ];
    for language in Language::ALL {
        let texts = told.map(|(_, situation)| situation.text(language));
        for (number, text) in texts.iter().enumerate() {
            let (complaint, _) = told[number];
            for other in &texts[..number] {
                assert_ne!((text.code, text.what), (other.code, other.what), "{complaint}");
                assert!(text.code != other.code && text.what != other.what, "{complaint}: {}", text.what);
            }
            assert!(text.what.chars().count() > 8 && text.to_do.chars().count() > 8, "{complaint}");
        }
        let advice: BTreeSet<_> = texts.iter().map(|text| text.to_do).collect();
        assert_eq!(advice.len(), told.len(), "two of them advise the same, in {language:?}");
    }
}
