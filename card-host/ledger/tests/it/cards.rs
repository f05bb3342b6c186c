//! What a branch refuses to sell, and what it remembers of cards.

use card_core::id::{CardId, Channel, MeterId};
use card_core::meter::Verdict;
use card_core::role::Role;
use card_core::terminal::load::{LoadOutcome, Misfit, can_load};
use card_core::units::Piastres;
use card_host::card_work::{CardChoice, CardWorkError};
use card_host::operate;
use card_host::random::OsRandom;
use card_host::stage::Stage;
use card_host::transport::{Card, Link, Transport, TransportError};
use card_ledger::{
    BranchError, CardStanding, Development, FIRST_REFERENCE, LedgerError, Payee, Refusal, Standing, standing,
};

use crate::bench::{Bench, CHOICE, Torn, closed_contract, refused};

#[test]
fn a_meter_serves_one_customer_until_that_contract_is_closed() {
    let mut bench = Bench::new();
    let card = bench.issue(1, 7, CHOICE).unwrap().account.card.id;
    assert_eq!(bench.sell(card, 100).unwrap(), LoadOutcome::Loaded);
    let entries = bench.entries();
    let in_use = refused(bench.issue(1, 8, CHOICE));
    assert!(matches!(in_use, Refusal::MeterInUse { card: its, .. } if its == card), "{in_use:?}");
    // Nothing has changed: the customer can still be sold to.
    assert_eq!(bench.entries(), entries);
    bench.company.sell(card, Piastres(100), Channel::Kiosk).unwrap();
    let second = bench.issue(1, 8, CardChoice { closes_former: true, ..CHOICE }).unwrap();
    assert_eq!(second.account.binding.number, 2);
    // From now on the first customer's card takes no money.
    let closed = bench.company.sell(card, Piastres(100), Channel::Kiosk);
    assert!(
        matches!(&closed, Err(LedgerError::Refused(Refusal::Closed(binding)))
            if (binding.meter, binding.number) == (MeterId::from(1), 1)),
        "{closed:?}"
    );
    // And comes back as a new customer, with a new binding, not with the closed one.
    let third = bench.issue(1, 7, CardChoice { closes_former: true, ..CHOICE }).unwrap();
    assert_eq!((third.account.binding.number, third.account.card.generation, third.replaces), (3, 1, None));
}

#[test]
fn a_new_account_has_no_number_that_is_a_reference() {
    let mut bench = Bench::new();
    let entries = bench.entries();
    for account in [FIRST_REFERENCE, u64::MAX] {
        let refusal = refused(bench.issue(1, account, CHOICE));
        assert!(
            matches!(&refusal, Refusal::Invalid(why) if why.contains("9223372036854775807")),
            "{refusal:?}"
        );
    }
    assert_eq!(bench.entries(), entries);
    let _ = bench.issue(1, FIRST_REFERENCE - 1, CHOICE).unwrap();
}

#[test]
fn a_replaced_card_is_known_as_such() {
    let mut bench = Bench::new();
    let old = bench.issue(1, 7, CHOICE).unwrap().account.card.id;
    let issued = bench.replace(1).unwrap();
    let new = issued.account.card.id;
    assert_eq!(issued.replaces.unwrap().id, old);
    let replaced = refused(bench.sell(old, 100));
    assert!(matches!(replaced, Refusal::Replaced(a, b) if (a, b) == (old, new)), "{replaced:?}");
    let office = &bench.company.office;
    let stands = |card| standing(office.ledger(), card).unwrap();
    let lost = CardStanding { standing: Standing::Replaced, reason: "lost".into(), by: Some(new) };
    assert_eq!((stands(old), stands(new).standing), (lost, Standing::InUse));
    let block =
        |blocked, why| office.block(&bench.company.who, &bench.company.id(), Payee::Card(new), blocked, why);
    block(true, "stolen").unwrap();
    let stolen = CardStanding { standing: Standing::Blocked, reason: "stolen".into(), by: None };
    assert_eq!((stands(new), stands(CardId::from(99)).standing), (stolen, Standing::Unknown));
    block(false, "found").unwrap();
    assert_eq!(stands(new).standing, Standing::InUse);
    assert_eq!(office.meter_of(old).unwrap(), MeterId::from(1));
    let unknown = office.meter_of(CardId::from(99));
    assert!(matches!(unknown, Err(LedgerError::Refused(Refusal::UnknownCard(_)))), "{unknown:?}");
}

#[test]
fn a_sale_can_be_refused_before_it_is_made() {
    let mut bench = Bench::new();
    bench.issue(1, 7, CHOICE).unwrap();
    let summary = |bench: &mut Bench| operate::read_public(&mut bench.card()).unwrap().summary;
    let fresh = summary(&mut bench);
    assert_eq!(can_load(Channel::Kiosk, &fresh), Err(Misfit::NotActivated));
    assert_eq!(can_load(Channel::Branch, &fresh), Ok(()));
    bench.sell(fresh.card.id, 100).unwrap();
    assert_eq!(can_load(Channel::Kiosk, &summary(&mut bench)), Ok(()));
}

#[test]
fn what_was_left_goes_to_its_owners_card_only() {
    let (mut bench, report) = closed_contract();
    let refused = bench.move_to(2, &report);
    assert!(matches!(refused, Err(BranchError::OtherCard { .. })), "{refused:?}");
    let nobody = bench.company.office.serving(MeterId::from(2));
    assert!(matches!(nobody, Err(LedgerError::Refused(_))), "nothing was moved: {nobody:?}");
    bench.stage.insert(0).unwrap();
    // A credit key that was rotated since the first meter was installed: the new meter has the new one only.
    bench.company.keys.rotate(Role::Credit, &mut OsRandom).unwrap();
    let mut new_meter = bench.meter(2);
    let moved = bench.move_to(2, &report).unwrap();
    // Meanwhile the customer takes a second contract, on another meter.
    bench.issue(9, 100, CHOICE).unwrap();
    bench.stage.insert(0).unwrap();
    // A second later, since a repeated certificate then has another time; the answer to the first may have been lost.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let again = bench.move_to(2, &report).unwrap();
    assert_eq!((moved, moved.total_credit), (again, Piastres(100)));
    let verdict = bench.tap(&mut new_meter);
    assert!(matches!(verdict, Some(Verdict::Apply { credit: Piastres(100), .. })), "{verdict:?}");
}

#[test]
fn an_issue_that_was_torn_is_finished_by_repeating_it() {
    let mut bench = Bench::new();
    bench.new_card();
    let torn = |bench: &mut Bench, instruction, left| {
        let Development { office, who, .. } = &bench.company;
        let id = bench.company.id();
        let mut torn = Torn::open(bench.stage.card().unwrap(), instruction, left);
        let issued = office.issue(who, &id, &mut torn, MeterId::from(7), 7, CHOICE, None);
        assert!(issued.is_err(), "{issued:?}");
        id
    };
    // At the first PUT KEY; then the load master is rotated; then at the last PUT KEY; then the answer to SET STATUS is lost.
    let first = torn(&mut bench, 0xD8, 1);
    bench.company.keys.rotate(Role::Load, &mut OsRandom).unwrap();
    torn(&mut bench, 0xD8, 5);
    // Half done for one customer, it is nobody else's.
    let refused = bench.issue_it(8, 8, CHOICE);
    assert!(matches!(refused, Err(BranchError::Card(CardWorkError::AlreadyIssued { .. }))), "{refused:?}");
    torn(&mut bench, 0xF0, 1);
    let issued = bench.issue_it(7, 7, CHOICE).unwrap();
    // The request that entered it has the same access number again, as long as the card is not in use.
    let Development { office, who, .. } = &bench.company;
    let mut card = bench.stage.card().unwrap();
    let again = office.issue(who, &first, &mut card, MeterId::from(7), 7, CHOICE, None).unwrap();
    assert_eq!((again.account.card, &again.access), (issued.account.card, &issued.access));
    drop(card);
    assert_eq!(bench.sell(issued.account.card.id, 100).unwrap(), LoadOutcome::Loaded);
    assert!(operate::holder_session(&mut bench.card(), &issued.access.unwrap(), &mut OsRandom).is_ok());
    let refused = bench.issue_it(7, 7, CHOICE);
    assert!(matches!(refused, Err(BranchError::Card(CardWorkError::AlreadyIssued { .. }))), "{refused:?}");
}

/// Answers LOAD VOUCHER with what it was given.
struct Forger<'a> {
    card: Box<dyn Transport + 'a>,
    answer: Vec<u8>,
}

impl Link for Forger<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        if command[1] == 0x40 { Ok(self.answer.clone()) } else { self.card.transmit(command) }
    }
    fn description(&self) -> String {
        "forger".into()
    }
}

#[test]
fn a_receipt_of_another_card_or_another_time_is_not_believed() {
    let mut bench = Bench::new();
    let mut answers = Vec::new();
    for account in [1, 2] {
        bench.issue(account, account, CHOICE).unwrap();
        // Everybody can read it.
        let receipt = bench.card().transmit(&[0x00, 0xCA, 0xDF, 0x22, 0x00]).unwrap();
        answers.push([&[1], &receipt[3..]].concat());
    }
    bench.stage.insert(0).unwrap();
    let card = operate::present(&mut bench.card()).unwrap().id;
    let voucher = bench.company.sell(card, Piastres(5_000), Channel::Branch).unwrap();
    let Development { office, who, .. } = &bench.company;
    for answer in answers {
        let card = bench.stage.card().unwrap();
        let believed = office.load(who, &mut Card::open(Forger { card, answer }), &voucher);
        assert!(matches!(believed, Err(BranchError::Card(CardWorkError::OtherReceipt))), "{believed:?}");
    }
    assert!(office.load(who, &mut bench.stage.card().unwrap(), &voucher).is_ok());
}
