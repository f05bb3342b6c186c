//! A branch: a company for development, and cards on a table.

use applet_sim::card::Profile;
use applet_sim::chip::FlashModel;
use card_core::id::{CardId, Channel, MeterId};
use card_core::key::KeyLength;
use card_core::message::{MeterReceipt, Slot, Verified};
use card_core::meter::Verdict;
use card_core::parameters::Command;
use card_core::scp03::Mode;
use card_core::terminal::load::LoadOutcome;
use card_core::units::Piastres;
use card_host::card_work::{CardChoice, Issued, Mail, Order};
use card_host::issuer::BindingAccount;
use card_host::keystore::SoftwareKeyStore;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_host::stage::{Stage, Table};
use card_host::transport::{Card, Link, Transport, TransportError};
use card_ledger::{BranchError, Development, LedgerError, Refusal, ReplaceReason, read};

pub(crate) const CHOICE: CardChoice =
    CardChoice { mode: Mode::S8, private_balance: false, closes_former: false };

pub(crate) struct Bench {
    pub(crate) company: Development,
    pub(crate) stage: Table,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let keys = SoftwareKeyStore::generate(KeyLength::Aes128, &mut OsRandom).unwrap();
        Self { company: Development::new(keys).unwrap(), stage: Table::new(Profile::T1) }
    }

    pub(crate) fn card(&mut self) -> Box<dyn Transport + '_> {
        self.stage.card().unwrap()
    }

    pub(crate) fn new_card(&mut self) -> usize {
        let card = self.stage.new_card().unwrap();
        self.stage.insert(card).unwrap();
        card
    }

    /// Issues the card that is there.
    pub(crate) fn issue_it(
        &mut self,
        meter: u64,
        account: u64,
        choice: CardChoice,
    ) -> Result<Issued, BranchError> {
        let Development { office, who, .. } = &self.company;
        let mut card = self.stage.card().unwrap();
        let meter = MeterId::from(meter);
        office.issue(who, &self.company.id(), &mut card, meter, account, choice, None)
    }

    pub(crate) fn issue(
        &mut self,
        meter: u64,
        account: u64,
        choice: CardChoice,
    ) -> Result<Issued, BranchError> {
        self.new_card();
        self.issue_it(meter, account, choice)
    }

    /// Replaces the card of a meter's contract by the one that is there.
    pub(crate) fn replace_by_it(&mut self, meter: u64, reason: ReplaceReason) -> Result<Issued, BranchError> {
        let Development { office, who, .. } = &self.company;
        let mut card = self.stage.card().unwrap();
        office.replace(who, &self.company.id(), &mut card, MeterId::from(meter), reason, CHOICE, None)
    }

    /// The same by a new one.
    pub(crate) fn replace(&mut self, meter: u64) -> Result<Issued, BranchError> {
        self.new_card();
        self.replace_by_it(meter, ReplaceReason::Lost)
    }

    /// Makes the card that is there an engineering card.
    pub(crate) fn issue_engineering(&mut self, meter: u64) -> Result<Issued, BranchError> {
        let Development { office, who, .. } = &self.company;
        let mut card = self.stage.card().unwrap();
        let meter = MeterId::from(meter);
        office.issue_engineering(who, &self.company.id(), &mut card, meter, CHOICE, None)
    }

    pub(crate) fn sell(&mut self, card: CardId, amount: u64) -> Result<LoadOutcome, BranchError> {
        let voucher = self.company.sell(card, Piastres(amount), Channel::Branch)?;
        let Development { office, who, .. } = &self.company;
        Ok(office.load(who, &mut self.stage.card().unwrap(), &voucher)?.outcome)
    }

    /// Binds the engineering card that is there to another meter.
    pub(crate) fn rebind_engineering(&mut self, meter: u64) -> Result<BindingAccount, BranchError> {
        let Development { office, who, .. } = &self.company;
        let mut card = self.stage.card().unwrap();
        office.rebind_engineering(who, &self.company.id(), &mut card, MeterId::from(meter))
    }

    pub(crate) fn mail(&self, carrier: CardId, slot: Slot, plaintext: &[u8]) -> Result<Mail, LedgerError> {
        let Development { office, who, .. } = &self.company;
        office.mail(who, &self.company.id(), carrier, slot, plaintext)
    }

    pub(crate) fn command(&self, carrier: CardId, order: &Order) -> (Command, Mail) {
        let Development { office, who, .. } = &self.company;
        office.command(who, &self.company.id(), carrier, order).unwrap()
    }

    /// Moves the customer whose card is there to another meter.
    pub(crate) fn move_to(
        &mut self,
        meter: u64,
        report: &Verified<MeterReceipt>,
    ) -> Result<BindingAccount, BranchError> {
        let Development { office, who, .. } = &self.company;
        let mut card = self.stage.card().unwrap();
        office.move_to_meter(who, &self.company.id(), &mut card, MeterId::from(meter), report)
    }

    pub(crate) fn meter(&self, id: u64) -> SimulatedMeter<FlashModel> {
        let (id, scope) = (MeterId::from(id), self.company.office.scope());
        let keys = self.company.keys.meter_keys(scope, id).unwrap();
        SimulatedMeter::in_memory(id, scope, keys, &from_the_maker()).unwrap()
    }

    pub(crate) fn tap(&mut self, meter: &mut SimulatedMeter<FlashModel>) -> Option<Verdict> {
        let now = self.company.office.now().unwrap();
        meter.tap(&mut self.stage.card().unwrap(), now).unwrap().verdict
    }

    /// How many entries the office has written.
    pub(crate) fn entries(&self) -> u64 {
        let Development { office, who, .. } = &self.company;
        read(office.ledger(), |t| t.point(&who.point)).unwrap().unwrap().number
    }
}

/// What the ledger has refused.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, BranchError>) -> Refusal {
    match result {
        Err(BranchError::Ledger(LedgerError::Refused(refusal))) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// Customer 100 has used meter 1; customer 200's card has closed that contract and carries the final report. Cards 0 and 1.
pub(crate) fn closed_contract() -> (Bench, Verified<MeterReceipt>) {
    let mut bench = Bench::new();
    let mut meter = bench.meter(1);
    for (account, closes_former) in [(100, false), (200, true)] {
        let issued = bench.issue(1, account, CardChoice { closes_former, ..CHOICE }).unwrap();
        bench.sell(issued.account.card.id, 100).unwrap();
        let _ = bench.tap(&mut meter);
    }
    let keys = bench.company.office.keys();
    let report = operate::final_report(&mut bench.stage.card().unwrap(), keys).unwrap().unwrap();
    (bench, report)
}

/// Passes commands on until one with this instruction has been executed so many times; its answer is lost.
pub(crate) struct Torn<'a> {
    card: Box<dyn Transport + 'a>,
    instruction: u8,
    left: usize,
}

impl<'a> Torn<'a> {
    pub(crate) fn open(card: Box<dyn Transport + 'a>, instruction: u8, left: usize) -> Card<Self> {
        Card::open(Self { card, instruction, left })
    }
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
