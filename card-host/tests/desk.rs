//! The development desk: what it refuses to sell, and what it remembers.
#![cfg(feature = "simulator")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use applet_sim::card::Profile;
use applet_sim::chip::FlashModel;
use card_core::id::{CardId, Channel, MeterId};
use card_core::key::KeyLength;
use card_core::message::{MeterReceipt, Verified};
use card_core::meter::Verdict;
use card_core::role::Role;
use card_core::scp03::Mode;
use card_core::terminal::load::{LoadOutcome, Misfit, can_load};
use card_core::units::Piastres;
use card_host::desk::{CardChoice, Desk, DeskError, Issued, development_scope, load};
use card_host::keystore::SoftwareKeyStore;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_host::tour::{Stage, Table};
use card_host::transport::{Card, Link, Transport, TransportError};

const CHOICE: CardChoice = CardChoice { mode: Mode::S8, private_balance: false, closes_former: false };

fn keys() -> SoftwareKeyStore {
    SoftwareKeyStore::generate(KeyLength::Aes128, &mut OsRandom).unwrap()
}

struct Bench {
    desk: Desk,
    stage: Table,
}

impl Bench {
    fn new() -> Self {
        Self { desk: Desk::new(keys(), development_scope()), stage: Table::new(Profile::T1) }
    }

    fn issue(&mut self, meter: u64, account: u64, choice: CardChoice) -> Result<(usize, Issued), DeskError> {
        let card = self.stage.new_card().unwrap();
        self.stage.insert(card).unwrap();
        let mut transport = self.stage.card().unwrap();
        let issued = self.desk.issue(&mut transport, MeterId::from(meter), account, choice, &mut |_| {})?;
        Ok((card, issued))
    }

    fn sell(&mut self, card: CardId) -> Result<LoadOutcome, DeskError> {
        let voucher = self.desk.sell(card, Piastres(100), Channel::Branch)?;
        Ok(load(&mut self.stage.card().unwrap(), &voucher)?.outcome)
    }
}

#[test]
fn a_meter_serves_one_customer_until_that_contract_is_closed() {
    let mut bench = Bench::new();
    let (_, first) = bench.issue(1, 7, CHOICE).unwrap();
    let card = first.account.card.id;
    assert_eq!(bench.sell(card).unwrap(), LoadOutcome::Loaded);
    let refused = bench.issue(1, 8, CHOICE);
    assert!(matches!(refused, Err(DeskError::MeterInUse { account: 7, .. })), "{refused:?}");
    // Nothing has changed: the customer can still be sold to.
    assert_eq!(bench.desk.accounts().len(), 1);
    bench.desk.sell(card, Piastres(1), Channel::Kiosk).unwrap();
    let (_, second) = bench.issue(1, 8, CardChoice { closes_former: true, ..CHOICE }).unwrap();
    assert_eq!(second.account.binding.number, 2);
    // From now on the first customer's card takes no money.
    let refused = bench.desk.sell(card, Piastres(1), Channel::Kiosk);
    assert!(matches!(refused, Err(DeskError::Superseded(id)) if id == card), "{refused:?}");
    // And comes back as a new customer, with a new binding, not with the closed one.
    let third = bench.issue(1, 7, CardChoice { closes_former: true, ..CHOICE }).unwrap().1;
    assert_eq!((third.account.binding.number, third.account.card.generation, third.replaces), (3, 1, None));
}

#[test]
fn a_replaced_card_is_known_as_such() {
    let mut bench = Bench::new();
    let old = bench.issue(1, 7, CHOICE).unwrap().1.account.card.id;
    let issued = bench.issue(1, 7, CHOICE).unwrap().1;
    let new = issued.account.card.id;
    assert_eq!(issued.replaces.unwrap().id, old);
    let refused = bench.desk.sell(old, Piastres(1), Channel::Branch);
    assert!(matches!(refused, Err(DeskError::Replaced(a, b)) if (a, b) == (old, new)), "{refused:?}");
    assert_eq!(bench.desk.meter_of(old).unwrap(), MeterId::from(1));
    assert!(matches!(bench.desk.meter_of(CardId::from(99)), Err(DeskError::UnknownCard(_))));
}

#[test]
fn a_sale_can_be_refused_before_it_is_made() {
    let mut bench = Bench::new();
    bench.issue(1, 7, CHOICE).unwrap();
    let summary = |bench: &mut Bench| operate::read_public(&mut bench.stage.card().unwrap()).unwrap().summary;
    let fresh = summary(&mut bench);
    assert_eq!(can_load(Channel::Kiosk, &fresh), Err(Misfit::NotActivated));
    assert_eq!(can_load(Channel::Branch, &fresh), Ok(()));
    bench.sell(fresh.card.id).unwrap();
    assert_eq!(can_load(Channel::Kiosk, &summary(&mut bench)), Ok(()));
}

fn meter(desk: &mut Desk, id: u64) -> SimulatedMeter<FlashModel> {
    let (id, scope) = (MeterId::from(id), desk.scope());
    let keys = desk.keys().meter_keys(scope, id).unwrap();
    SimulatedMeter::in_memory(id, scope, keys, &from_the_maker()).unwrap()
}

/// Customer 100 has used meter 1; customer 200's card has closed that contract and carries the final report. Cards 0 and 1.
fn closed_contract() -> (Bench, Verified<MeterReceipt>) {
    let mut bench = Bench::new();
    let mut meter = meter(&mut bench.desk, 1);
    for (account, closes_former) in [(100, false), (200, true)] {
        let issued = bench.issue(1, account, CardChoice { closes_former, ..CHOICE }).unwrap().1;
        bench.sell(issued.account.card.id).unwrap();
        meter.tap(&mut bench.stage.card().unwrap(), bench.desk.now()).unwrap();
    }
    let report = operate::final_report(&mut bench.stage.card().unwrap(), bench.desk.keys());
    (bench, report.unwrap().unwrap())
}

#[test]
fn what_was_left_goes_to_its_owners_card_only() {
    let (mut bench, report) = closed_contract();
    let to = MeterId::from(2);
    let refused = bench.desk.move_to_meter(&mut bench.stage.card().unwrap(), to, &report);
    assert!(matches!(refused, Err(DeskError::OtherCard { .. })), "{refused:?}");
    assert_eq!(bench.desk.accounts().len(), 2, "nothing was moved");
    bench.stage.insert(0).unwrap();
    // A credit key that was rotated since the first meter was installed: the new meter has the new one only.
    bench.desk.keys().rotate(Role::Credit, &mut OsRandom).unwrap();
    let mut new_meter = meter(&mut bench.desk, 2);
    let moved = bench.desk.move_to_meter(&mut bench.stage.card().unwrap(), to, &report).unwrap();
    // Meanwhile the customer takes a second contract, on another meter.
    bench.issue(9, 100, CHOICE).unwrap();
    bench.stage.insert(0).unwrap();
    // A second later, since a repeated certificate then has another time; the answer to the first may have been lost.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let again = bench.desk.move_to_meter(&mut bench.stage.card().unwrap(), to, &report).unwrap();
    assert_eq!((moved, moved.total_credit), (again, Piastres(100)));
    let now = bench.desk.now();
    let verdict = new_meter.tap(&mut bench.stage.card().unwrap(), now).unwrap().verdict;
    assert!(matches!(verdict, Some(Verdict::Apply { credit: Piastres(100), .. })), "{verdict:?}");
}

#[test]
fn nobody_is_moved_to_a_meter_that_serves_somebody() {
    let (mut bench, report) = closed_contract();
    let taken = bench.issue(2, 300, CHOICE).unwrap().1.account;
    bench.stage.insert(0).unwrap();
    let refused = bench.desk.move_to_meter(&mut bench.stage.card().unwrap(), MeterId::from(2), &report);
    assert!(matches!(refused, Err(DeskError::MeterInUse { account: 300, .. })), "{refused:?}");
    assert!(bench.desk.sell(taken.card.id, Piastres(1), Channel::Branch).is_ok());
}

/// Passes commands on until one with this instruction has been executed so many times; its answer is lost.
struct Torn<'a> {
    card: Box<dyn Transport + 'a>,
    instruction: u8,
    left: usize,
}

impl Link for Torn<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let answer = self.card.transmit(command)?;
        if command[1] == self.instruction {
            self.left -= 1;
        }
        if self.left == 0 { Err(TransportError::Simulator("torn".into())) } else { Ok(answer) }
    }
    fn description(&self) -> String {
        "torn".into()
    }
}

impl Bench {
    fn issue_torn(&mut self, account: u64, instruction: u8, left: usize) {
        let card = self.stage.card().unwrap();
        let mut torn = Card::open(Torn { card, instruction, left });
        let meter = MeterId::from(account);
        assert!(self.desk.issue(&mut torn, meter, account, CHOICE, &mut |_| {}).is_err());
    }

    fn issue_again(&mut self, account: u64) -> Result<Issued, DeskError> {
        let mut card = self.stage.card().unwrap();
        self.desk.issue(&mut card, MeterId::from(account), account, CHOICE, &mut |_| {})
    }
}

#[test]
fn an_issue_that_was_torn_is_finished_by_repeating_it() {
    let mut bench = Bench::new();
    let card = bench.stage.new_card().unwrap();
    bench.stage.insert(card).unwrap();
    // At the first PUT KEY; then the load master is rotated; then at the last PUT KEY; then the answer to SET STATUS is lost.
    bench.issue_torn(7, 0xD8, 1);
    bench.desk.keys().rotate(Role::Load, &mut OsRandom).unwrap();
    bench.issue_torn(7, 0xD8, 5);
    // Half done for one customer, it is nobody else's.
    let refused = bench.issue_again(8);
    assert!(matches!(refused, Err(DeskError::AlreadyIssued { .. })), "{refused:?}");
    bench.issue_torn(7, 0xF0, 1);
    let issued = bench.issue_again(7).unwrap();
    assert_eq!(bench.sell(issued.account.card.id).unwrap(), LoadOutcome::Loaded);
    // The access number that was shown is the one that holds.
    let mut card = bench.stage.card().unwrap();
    assert!(operate::holder_session(&mut card, &issued.access, &mut OsRandom).is_ok());
    drop(card);
    let refused = bench.issue_again(7);
    assert!(matches!(refused, Err(DeskError::AlreadyIssued { .. })), "{refused:?}");
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
        let receipt = bench.stage.card().unwrap().transmit(&[0x00, 0xCA, 0xDF, 0x22, 0x00]).unwrap();
        answers.push([&[1], &receipt[3..]].concat());
    }
    bench.stage.insert(0).unwrap();
    let card = operate::present(&mut bench.stage.card().unwrap()).unwrap().id;
    let voucher = bench.desk.sell(card, Piastres(5_000), Channel::Branch).unwrap();
    for answer in answers {
        let card = bench.stage.card().unwrap();
        let believed = bench.desk.load(&mut Card::open(Forger { card, answer }), &voucher);
        assert!(matches!(believed, Err(DeskError::OtherReceipt)), "{believed:?}");
    }
    assert!(bench.desk.load(&mut bench.stage.card().unwrap(), &voucher).is_ok());
}
