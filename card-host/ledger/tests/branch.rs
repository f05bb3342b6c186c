//! A branch over the ledger: what is torn is repeated, what was left is moved once, and mail goes on in order.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use applet_sim::card::Profile;
use applet_sim::chip::FlashModel;
use card_core::id::{CardId, MeterId};
use card_core::key::KeyLength;
use card_core::message::{MeterReceipt, Slot, Verified, Voucher};
use card_core::meter::Verdict;
use card_core::parameters::Limits;
use card_core::parameters::command::kind;
use card_core::role::Role;
use card_core::scp03::Mode;
use card_core::terminal::load::LoadOutcome;
use card_core::units::{CardTime, Piastres};
use card_host::desk::{CardChoice, DeskError, Issued, Order, deliver, development_scope};
use card_host::issuer::{Issuer, SystemClock};
use card_host::keystore::SoftwareKeyStore;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_host::tour::{Stage, Table};
use card_host::transport::{Card, Link, Transport, TransportError};
use card_ledger::{
    BranchError, CardUse, Finding, Found, LedgerError, Office, Payee, Policy, Refusal, RequestId, SaleOrder,
    SqliteLedger, Status, Who, binding_of, read,
};
use std::sync::Arc;

const CHOICE: CardChoice = CardChoice { mode: Mode::S8, private_balance: false, closes_former: false };

struct Bench {
    office: Office,
    keys: Arc<SoftwareKeyStore>,
    who: Who,
    stage: Table,
    requests: u32,
}

impl Bench {
    fn new() -> Self {
        let keys = Arc::new(SoftwareKeyStore::generate(KeyLength::Aes128, &mut OsRandom).unwrap());
        let ledger = Arc::new(SqliteLedger::in_memory(development_scope()).unwrap());
        let issuer: Issuer = Issuer::new(keys.clone(), SystemClock, CardTime::UNSET);
        let office = Office::found(ledger, issuer, "test", &Policy::for_development()).unwrap();
        let who = Who {
            party: "company".parse().unwrap(),
            point: "office".parse().unwrap(),
            actor: "test".to_owned(),
        };
        Self { office, keys, who, stage: Table::new(Profile::T1), requests: 0 }
    }

    fn id(&mut self) -> RequestId {
        self.requests += 1;
        format!("r{}", self.requests).parse().unwrap()
    }

    fn card(&mut self) -> Box<dyn Transport + '_> {
        self.stage.card().unwrap()
    }

    fn new_card(&mut self) -> usize {
        let card = self.stage.new_card().unwrap();
        self.stage.insert(card).unwrap();
        card
    }

    /// Issues the card that is there.
    fn issue_it(&mut self, meter: u64, account: u64, choice: CardChoice) -> Result<Issued, BranchError> {
        let id = self.id();
        let mut card = self.stage.card().unwrap();
        self.office.issue(&self.who, &id, &mut card, MeterId::from(meter), account, choice, &mut |_| {})
    }

    fn issue(&mut self, meter: u64, account: u64, choice: CardChoice) -> Result<Issued, BranchError> {
        self.new_card();
        self.issue_it(meter, account, choice)
    }

    fn sell(&mut self, card: CardId, amount: u64) -> Result<LoadOutcome, BranchError> {
        let order = SaleOrder {
            who: self.who.clone(),
            id: self.id(),
            payee: Payee::Card(card),
            amount: Piastres(amount),
        };
        let certified = self.office.sell(&order)?.certified.unwrap();
        let voucher = Voucher::parse(&certified.voucher).unwrap();
        let mut transport = self.stage.card().unwrap();
        Ok(self.office.load(&self.who, &mut transport, &voucher)?.outcome)
    }

    fn meter(&self, id: u64) -> SimulatedMeter<FlashModel> {
        let (id, scope) = (MeterId::from(id), self.office.scope());
        let keys = self.keys.meter_keys(scope, id).unwrap();
        SimulatedMeter::in_memory(id, scope, keys, &from_the_maker()).unwrap()
    }

    fn tap(&mut self, meter: &mut SimulatedMeter<FlashModel>) -> Option<Verdict> {
        let now = self.office.now().unwrap();
        meter.tap(&mut self.stage.card().unwrap(), now).unwrap().verdict
    }

    fn entries(&self) -> u64 {
        read(self.office.ledger(), |t| t.point(&self.who.point)).unwrap().unwrap().number
    }
}

#[test]
fn a_card_is_issued_replaced_and_never_given_to_two() {
    let mut bench = Bench::new();
    let first = bench.issue(1, 7, CHOICE).unwrap().account.card;
    assert_eq!(bench.sell(first.id, 5_000).unwrap(), LoadOutcome::Loaded);
    let refused = bench.issue_it(2, 8, CHOICE);
    assert!(matches!(refused, Err(BranchError::Desk(DeskError::AlreadyIssued { .. }))), "{refused:?}");
    let refused = bench.issue(1, 8, CHOICE);
    let in_use = |error: &BranchError| {
        matches!(error, BranchError::Ledger(LedgerError::Refused(Refusal::MeterInUse { .. })))
    };
    assert!(refused.as_ref().is_err_and(in_use), "{refused:?}");
    let second = bench.issue(1, 7, CHOICE).unwrap();
    assert_eq!((second.replaces, second.account.card.generation), (Some(first), 2));
    assert_eq!(second.account.total_credit, Piastres(5_000));
    let refused = bench.sell(first.id, 100);
    assert!(
        matches!(refused, Err(BranchError::Ledger(LedgerError::Refused(Refusal::Replaced(..))))),
        "{refused:?}"
    );
    assert_eq!(bench.office.meter_of(first.id).unwrap(), MeterId::from(1));
    let closing = CardChoice { closes_former: true, ..CHOICE };
    let next = bench.issue(1, 8, closing).unwrap().account;
    assert_eq!((next.binding.number, next.card.generation), (2, 1));
    let refused = bench.sell(second.account.card.id, 100);
    assert!(
        matches!(refused, Err(BranchError::Ledger(LedgerError::Refused(Refusal::Closed(_))))),
        "{refused:?}"
    );
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

#[test]
fn what_was_torn_is_finished_by_repeating_it_with_the_same_card() {
    let mut bench = Bench::new();
    let former = bench.issue(1, 7, CHOICE).unwrap().account.card;
    bench.new_card();
    let meter = MeterId::from(1);
    let before = bench.entries();
    // A replacement, torn at the first and the last PUT KEY, then at SET STATUS.
    for (instruction, left) in [(0xD8, 1), (0xD8, 5), (0xF0, 1)] {
        let id = bench.id();
        let mut torn = Card::open(Torn { card: bench.stage.card().unwrap(), instruction, left });
        let issued = bench.office.issue(&bench.who, &id, &mut torn, meter, 7, CHOICE, &mut |_| {});
        assert!(issued.is_err(), "{issued:?}");
    }
    let issued = bench.issue_it(1, 7, CHOICE).unwrap();
    assert_eq!(bench.entries(), before + 1, "one entry, whatever was torn");
    assert_eq!((issued.replaces, issued.account.card.generation), (Some(former), 2));
    assert_eq!(bench.sell(issued.account.card.id, 100).unwrap(), LoadOutcome::Loaded);
    assert!(operate::holder_session(&mut bench.card(), &issued.access, &mut OsRandom).is_ok());
    let refused = bench.issue_it(1, 7, CHOICE);
    assert!(matches!(refused, Err(BranchError::Desk(DeskError::AlreadyIssued { .. }))), "{refused:?}");

    // An engineering card, with one id: nothing is written twice. The last tear is after it has been activated.
    bench.new_card();
    let before = bench.entries();
    let id = bench.id();
    for (instruction, left) in [(0xD8, 2), (0xF0, 1), (0x40, 1)] {
        let mut torn = Card::open(Torn { card: bench.stage.card().unwrap(), instruction, left });
        let made = bench.office.issue_engineering(&bench.who, &id, &mut torn, meter, CHOICE, &mut |_| {});
        assert!(made.is_err(), "{made:?}");
    }
    assert_eq!(bench.entries(), before + 1);
    let made = operate::read_public(&mut bench.card()).unwrap();
    assert_eq!(made.status.state, Some(card_core::id::State::Active));
}

#[test]
fn an_engineering_card_carries_mail_and_nothing_else() {
    let mut bench = Bench::new();
    let mut meter = bench.meter(1);
    let customer = bench.issue(1, 7, CHOICE).unwrap().account.card;
    let _ = bench.sell(customer.id, 100).unwrap();
    let engineer = bench.new_card();
    let (id, number) = (bench.id(), MeterId::from(1));
    let made = bench.office.issue_engineering(
        &bench.who,
        &id,
        &mut bench.stage.card().unwrap(),
        number,
        CHOICE,
        &mut |_| {},
    );
    let made = made.unwrap().account;
    assert_eq!((made.card.generation, made.binding.number), (1, 1));
    let known = read(bench.office.ledger(), |t| t.card(made.card.id)).unwrap().unwrap();
    assert_eq!(known.used, CardUse::Engineering);
    let verdict = bench.tap(&mut meter);
    assert!(matches!(verdict, Some(Verdict::Apply { credit: Piastres(100), .. })), "{verdict:?}");
    let refused = bench.sell(made.card.id, 100);
    assert!(
        matches!(refused, Err(BranchError::Ledger(LedgerError::Refused(Refusal::Engineering(_))))),
        "{refused:?}"
    );
    // Bound to another meter, it carries mail there.
    bench.issue(2, 8, CHOICE).unwrap();
    bench.stage.insert(engineer).unwrap();
    let id = bench.id();
    let mut card = bench.stage.card().unwrap();
    let bound = bench.office.rebind_engineering(&bench.who, &id, &mut card, MeterId::from(2)).unwrap();
    let again = bench.office.rebind_engineering(&bench.who, &id, &mut card, MeterId::from(2)).unwrap();
    assert_eq!((bound.binding, bound.sequence), (again.binding, again.sequence));
    assert_eq!(bench.office.carrier(made.card.id).unwrap().binding.meter, MeterId::from(2));
    // The customer's card is still sold to.
    drop(card);
    bench.stage.insert(0).unwrap();
    assert_eq!(bench.sell(customer.id, 100).unwrap(), LoadOutcome::Loaded);
}

#[test]
fn mail_is_numbered_and_repeated_as_it_was() {
    let mut bench = Bench::new();
    let mut meter = bench.meter(1);
    let card = bench.issue(1, 7, CHOICE).unwrap().account.card.id;
    let _ = bench.sell(card, 100).unwrap();
    let (who, limits) = (bench.who.clone(), Slot::new(2).unwrap());
    let plaintext = Limits::DEFAULT.emit();
    let id = bench.id();
    let sent = bench.office.mail(&who, &id, card, limits, &plaintext).unwrap();
    let again = bench.office.mail(&who, &id, card, limits, &plaintext).unwrap();
    assert_eq!((sent.envelope.version, sent.envelope.as_bytes()), (1, again.envelope.as_bytes()));
    for other in [
        bench.office.mail(&who, &id, card, limits, &[1]).err(),
        bench.office.mail(&who, &id, card, Slot::new(3).unwrap(), &plaintext).err(),
        bench.office.mail(&who, &"x".parse().unwrap(), card, Slot::AUDIT, &plaintext).err(),
    ] {
        assert!(other.is_some());
    }
    let order = |value| Order { kind: kind::READ_OUT, value, expiry: CardTime::UNSET, technician: None };
    for number in 1..=6_u32 {
        let id = bench.id();
        let (command, mail) = bench.office.command(&who, &id, card, &order(0)).unwrap();
        let (same, repeated) = bench.office.command(&who, &id, card, &order(0)).unwrap();
        assert_eq!((command, mail.envelope.as_bytes()), (same, repeated.envelope.as_bytes()));
        assert_eq!(command.counter, number);
        assert_eq!(u32::from(mail.envelope.slot.number()), 5 + (number - 1) % 4);
        assert!(bench.office.command(&who, &id, card, &order(1)).is_err());
        deliver(&mut bench.card(), &mail.delivery).unwrap();
    }
    // What waits for the card is that: the newest of each slot.
    assert_eq!(bench.office.collect(card).unwrap().mail.len(), 5);
    assert!(bench.tap(&mut meter).is_some());
    let brought = bench.office.take_from_card(&who, &mut bench.stage.card().unwrap()).unwrap();
    assert!(
        brought.iter().all(|item| item.handed.finding == Finding::Agrees || item.handed.binding.number == 1)
    );
    assert!(
        brought.iter().any(|item| matches!(&item.found, Found::Mail(mail) if mail.slot == Slot::READINGS))
    );
    let entries = bench.entries();
    let again = bench.office.take_from_card(&who, &mut bench.stage.card().unwrap()).unwrap();
    assert!(again.iter().all(|item| item.handed.known) && bench.entries() == entries);
    // New keys are used once the meter has them.
    bench.keys.rotate(Role::Credit, &mut OsRandom).unwrap();
    let id = bench.id();
    let (version, mail) = bench.office.change_keys(&who, &id, card, Role::Credit).unwrap();
    assert_eq!(version, 0x72);
    deliver(&mut bench.card(), &mail.delivery).unwrap();
    assert!(bench.office.learn_keys(&who, &mut bench.stage.card().unwrap()).unwrap().is_empty());
    let _ = bench.tap(&mut meter);
    assert_eq!(bench.office.learn_keys(&who, &mut bench.stage.card().unwrap()).unwrap(), [0x72]);
    assert_eq!(bench.office.carrier(card).unwrap().credit_key, 0x72);
    let _ = bench.sell(card, 200).unwrap();
    let verdict = bench.tap(&mut meter);
    assert!(matches!(verdict, Some(Verdict::Apply { credit: Piastres(200), .. })), "{verdict:?}");
}

/// Customer 100 has used meter 1; customer 200's card has closed that contract and carries the final report. Cards 0 and 1.
fn closed_contract() -> (Bench, Verified<MeterReceipt>) {
    let mut bench = Bench::new();
    let mut meter = bench.meter(1);
    for (account, closes_former) in [(100, false), (200, true)] {
        let issued = bench.issue(1, account, CardChoice { closes_former, ..CHOICE }).unwrap();
        bench.sell(issued.account.card.id, 100).unwrap();
        let _ = bench.tap(&mut meter);
    }
    let keys = bench.office.keys();
    let report = operate::final_report(&mut bench.stage.card().unwrap(), keys).unwrap().unwrap();
    (bench, report)
}

#[test]
fn what_was_left_goes_to_its_owners_card_once() {
    let (mut bench, report) = closed_contract();
    let (who, to) = (bench.who.clone(), MeterId::from(2));
    let id = bench.id();
    let refused = bench.office.move_to_meter(&who, &id, &mut bench.stage.card().unwrap(), to, &report);
    assert!(matches!(refused, Err(BranchError::Desk(DeskError::OtherCard { .. }))), "{refused:?}");
    bench.stage.insert(0).unwrap();
    let mut new_meter = bench.meter(2);
    // Torn as the session for BIND begins, after the ledger has done its part; then finished, with another id.
    let mut torn = Card::open(Torn { card: bench.stage.card().unwrap(), instruction: 0x50, left: 1 });
    let cut = bench.office.move_to_meter(&who, &id, &mut torn, to, &report);
    assert!(cut.is_err(), "{cut:?}");
    drop(torn);
    let entries = bench.entries();
    let id = bench.id();
    let moved = bench.office.move_to_meter(&who, &id, &mut bench.stage.card().unwrap(), to, &report).unwrap();
    assert_eq!((moved.total_credit, moved.binding.meter), (Piastres(100), to));
    let again = bench.office.move_to_meter(&who, &id, &mut bench.stage.card().unwrap(), to, &report).unwrap();
    assert_eq!((again, bench.entries()), (moved, entries));
    let verdict = bench.tap(&mut new_meter);
    assert!(matches!(verdict, Some(Verdict::Apply { credit: Piastres(100), .. })), "{verdict:?}");
    let closed = read(bench.office.ledger(), |t| binding_of(t, Payee::Binding(report.binding))).unwrap();
    assert_eq!(closed.status, Status::Closed);
    assert_eq!(bench.sell(moved.card.id, 300).unwrap(), LoadOutcome::Loaded);
}

#[test]
fn nobody_is_moved_to_a_meter_that_serves_somebody() {
    let (mut bench, report) = closed_contract();
    let taken = bench.issue(2, 300, CHOICE).unwrap().account.card.id;
    bench.stage.insert(0).unwrap();
    let (who, id) = (bench.who.clone(), bench.id());
    let to = MeterId::from(2);
    let refused = bench.office.move_to_meter(&who, &id, &mut bench.stage.card().unwrap(), to, &report);
    assert!(
        matches!(refused, Err(BranchError::Ledger(LedgerError::Refused(Refusal::MeterInUse { .. })))),
        "{refused:?}"
    );
    let order = SaleOrder { who, id: bench.id(), payee: Payee::Card(taken), amount: Piastres(100) };
    assert!(bench.office.sell(&order).is_ok());
}
