//! What a pair of commands is about: accounts, meters, cards and names of its own, so that all pairs are played in the same books.

use super::commands::Command;
use super::told;
use crate::ledger_books::books::{Report, receipt};
use card_host::card_core::id::{Binding, CardId, CardRef, Channel, MeterId};
use card_host::card_core::message::{MeterFlags, MeterReceipt, Verified};
use card_host::card_core::units::{CardTime, Piastres};
use card_host::issuer::BindingAccount;
use card_host::keystore::KeyStore;
use card_ledger::{
    BindingRecord, DebitOrder, DebitTo, Evidence, Head, LedgerError, Message, MoveOrder, Office, OpenOrder,
    Party, PartyCode, Payee, PointCode, PointLimits, Power, Refusal, RequestId, RequestKey, Restored,
    SaleOrder, Transaction, Who, read, transact,
};
use std::collections::BTreeSet;
use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use system_tests::world::{World, refused, who};

/// What must be there before a command is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// The customer, with meter 1, card 1 and 1,000 EGP of credit.
    Customer,
    /// An entered debt.
    Debt,
    /// The party.
    Party,
    /// Its tokens, of one person.
    Tokens,
    /// The vending point, with cash.
    Shop,
    /// A debit that waits for a second person.
    Proposal,
    /// Card 1 is linked to the bank's customer 0.
    Link,
    /// A message that waits.
    Message,
    /// A sale that was announced at the first desk's vending point.
    Announced,
    /// Another contract of the customer, with 500 EGP of credit, that was superseded; its meter's final report says that 300 EGP are left.
    Ended,
    /// An estimate of what is left in it, which waits for a second person.
    Estimate,
    /// Both have asked to adopt a contract, and somebody else has agreed.
    Adoption,
    /// Both have asked for a restore to be declared, and somebody else has agreed.
    Agreed,
}

/// The things of one play.
pub(crate) struct Scene<'a> {
    pub(crate) world: &'a World,
    number: u64,
    rules: usize,
    epoch: u32,
    /// Keys and times of a contract.
    template: BindingAccount,
}

/// Who runs a command, where, and about what.
pub(crate) struct Desk<'a> {
    pub(crate) office: &'a Office,
    pub(crate) scene: &'a Scene<'a>,
    /// 0 for the first of the two, 1 for the second: they ask for different things.
    pub(crate) turn: usize,
    pub(crate) who: Who,
    pub(crate) id: RequestId,
}

impl Desk<'_> {
    /// Declares a restore, at the company's own point.
    pub(crate) fn restore(&self) -> Result<Restored, LedgerError> {
        let office = who("company", "office", &self.who.actor);
        self.office.declare_restored(&office, &self.id, "disk lost")
    }

    /// Under which id a contract is adopted.
    fn adoption(&self) -> RequestId {
        self.scene.adoption(self.turn)
    }

    /// Adopts a contract: both desks the same meter's, with a card that others take, too.
    pub(crate) fn adopt(&self) -> Result<BindingRecord, LedgerError> {
        let scene = self.scene;
        let held = BindingAccount {
            binding: Binding { meter: scene.meter(2), number: 3 },
            card: CardRef { id: scene.card(5), generation: 1 },
            sequence: 7,
            total_credit: Piastres([9_000, 8_000][self.turn]),
            total_debited: Piastres::ZERO,
            applied_credit: Piastres::ZERO,
            applied_debited: Piastres::ZERO,
            ..scene.template
        };
        self.office.adopt(&self.who, &self.adoption(), &held, "old books")
    }
}

impl<'a> Scene<'a> {
    /// Things that nobody has used, with all that both commands need.
    pub(crate) fn prepared(world: &'a World, pair: [&Command; 2]) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        if read(&*world.ledger, |t| t.point(&"branch-1".parse()?)).unwrap().is_none() {
            for (point, party) in [("branch-1", "company"), ("branch-2", "company"), ("cib-2", "cib")] {
                world.add_point(point, party, PointLimits::default());
            }
        }
        let needs: BTreeSet<Need> = pair.iter().flat_map(|command| command.needs.iter().copied()).collect();
        let (rules, epoch) = read(&*world.ledger, |t| Ok((t.policies()?.len(), t.epoch()?))).unwrap();
        let template = Self::template(world);
        let scene = Self { world, number, rules, epoch, template };
        needs.into_iter().for_each(|need| scene.prepare(need));
        scene
    }

    /// The first contract that there is, which nobody plays with.
    fn template(world: &World) -> BindingAccount {
        let first = || read(&*world.ledger, |t| t.bindings(None, 1)).unwrap().pop();
        first().unwrap_or_else(|| world.office.open(&world.opening(1, 1, 1)).unwrap()).held
    }

    fn prepare(&self, need: Need) {
        let (world, office, boss) = (self.world, &self.world.office, self.world.boss());
        let id = |name: &str| -> RequestId { self.code(&format!("before-{name}")) };
        match need {
            Need::Customer => {
                office.open(&world.opening(self.meter(1).number(), self.account(), self.key(1))).unwrap();
                let (payee, amount) = (Payee::Card(self.card(1)), Piastres(100_000));
                office.sell(&SaleOrder { who: boss, id: id("sale"), payee, amount }).unwrap();
            }
            Need::Debt => office.debt(&boss, &id("debt"), self.account(), Piastres(500), "before").unwrap(),
            Need::Party => {
                let party = Party { code: self.party(), channel: Channel::Kiosk, open: true };
                office.set_party(&boss, &id("party"), &party).unwrap();
            }
            Need::Tokens => {
                let token = office.add_token(&boss, &id("token"), &self.party(), "anna", Power::Sell);
                assert_eq!(token.unwrap().len(), 64);
            }
            Need::Shop => {
                let limits = PointLimits::default();
                office
                    .add_point(&boss, &id("shop"), &self.shop(), &"fawry".parse().unwrap(), limits)
                    .unwrap();
                office.close_day(&boss, &id("cash"), &self.shop(), Piastres(1_000), "", None).unwrap();
            }
            Need::Proposal => {
                let (payee, to) = (Payee::Card(self.card(1)), DebitTo::Correction);
                let (amount, reason) = (Piastres(200), "before".to_owned());
                let order = DebitOrder { who: boss, id: self.proposal().id, payee, amount, to, reason };
                office.propose(&order).unwrap();
            }
            Need::Link => {
                let bank = who("cib", "cib-1", "application");
                office.link(&bank, &id("link"), self.card(1), "customer 0", "consent").unwrap();
            }
            Need::Message => {
                let (id, time) = (self.message(), office.now().unwrap());
                let text = "before".to_owned();
                let message = Message { id, time, phone: "1".to_owned(), text, taken: CardTime::UNSET };
                transact(&*world.ledger, |t| t.keep(&[Head::Message(message.clone())])).unwrap();
            }
            Need::Announced => {
                let (payee, amount) = (Payee::Card(self.card(1)), Piastres(4_000));
                let who = who("company", "branch-1", "mona");
                office.reserve(&SaleOrder { who, id: self.announced().id, payee, amount }).unwrap();
            }
            Need::Ended => {
                let (meter, account) = (self.meter(6).number(), self.account());
                office.open(&world.opening(meter, account, self.key(6))).unwrap();
                let (payee, amount) = (Payee::Card(self.card(6)), Piastres(50_000));
                office.sell(&SaleOrder { who: boss, id: id("other-sale"), payee, amount }).unwrap();
                let next =
                    OpenOrder { closes_former: true, ..world.opening(meter, self.key(9), self.key(7)) };
                office.open(&next).unwrap();
            }
            Need::Estimate => {
                let order = MoveOrder::estimated(self.ended(), self.served(), 20_000);
                office.propose_move(&boss, &self.estimate().id, &order, "before").unwrap();
            }
            Need::Adoption => {
                for desk in [0, 1].map(|turn| self.desk(office, turn)) {
                    assert!(matches!(refused(desk.adopt()), Refusal::SecondPerson(_)));
                    office.approve(&boss, &desk.who.request(&desk.adoption())).unwrap();
                }
            }
            Need::Agreed => {
                for desk in [0, 1].map(|turn| self.desk(office, turn)) {
                    assert!(matches!(refused(desk.restore()), Refusal::SecondPerson(_)));
                    office.approve(&boss, &desk.who.request(&desk.id)).unwrap();
                }
            }
        }
    }

    /// The desk of the first command or the second one: at vending points of their own.
    pub(crate) fn desk(&'a self, office: &'a Office, turn: usize) -> Desk<'a> {
        let actor = ["samir", "tarek"][turn];
        let who = who("company", &format!("branch-{}", turn + 1), actor);
        Desk { office, scene: self, turn, who, id: self.code(&format!("request-{turn}")) }
    }

    /// The contract of [`Need::Customer`].
    pub(crate) fn served(&self) -> Binding {
        Binding { meter: self.meter(1), number: 1 }
    }

    /// The contract of [`Need::Ended`].
    fn ended(&self) -> Binding {
        Binding { meter: self.meter(6), number: 1 }
    }

    /// A report of the meter of a contract.
    fn reported(&self, of: Binding, report: &Report) -> Evidence {
        receipt(self.world, &self.world.binding(of), report)
    }

    /// The meter of [`Need::Customer`] has applied all.
    pub(crate) fn report(&self, number: u32) -> Evidence {
        let report = Report { number, applied: 100_000, balance: 70_000, energy: 10 * number, flags: 0 };
        self.reported(self.served(), &report)
    }

    pub(crate) fn final_report(&self) -> Verified<MeterReceipt> {
        let flags = MeterFlags::CLOSED.0;
        let report = Report { number: 9, applied: 50_000, balance: 30_000, energy: 100, flags };
        let Evidence::MeterReceipt(bytes) = self.reported(self.ended(), &report) else { unreachable!() };
        let receipt = MeterReceipt::parse(&bytes).unwrap();
        self.world.keys.verify_meter_receipt(self.world.scope(), receipt).unwrap()
    }

    fn key(&self, which: u64) -> u64 {
        self.number * 100 + which
    }

    pub(crate) fn account(&self) -> u64 {
        self.key(0)
    }

    pub(crate) fn meter(&self, which: u64) -> MeterId {
        MeterId::from(self.key(which))
    }

    pub(crate) fn card(&self, which: u64) -> CardId {
        CardId::from(self.key(which))
    }

    fn code<T: std::str::FromStr<Err: Debug>>(&self, name: &str) -> T {
        format!("{name}-{}", self.number).parse().unwrap()
    }

    pub(crate) fn party(&self) -> PartyCode {
        self.code("party")
    }

    pub(crate) fn shop(&self) -> PointCode {
        self.code("shop")
    }

    pub(crate) fn proposal(&self) -> RequestKey {
        RequestKey { party: "company".parse().unwrap(), id: self.code("proposal") }
    }

    /// The estimate of [`Need::Estimate`].
    pub(crate) fn estimate(&self) -> RequestKey {
        RequestKey { party: "company".parse().unwrap(), id: self.code("estimate") }
    }

    /// The sale of [`Need::Announced`].
    pub(crate) fn announced(&self) -> RequestKey {
        RequestKey { party: "company".parse().unwrap(), id: self.code("announced") }
    }

    pub(crate) fn message(&self) -> String {
        format!("message-{}", self.number)
    }

    /// What both were answered, the entries of both, and where things stand; in words that are the same in every scene.
    pub(crate) fn outcome(&self, answers: &[String; 2]) -> String {
        let mut text = String::new();
        writeln!(text, "answered: {answers:?}").unwrap();
        read(&*self.world.ledger, |t| {
            self.entries(t, &mut text)?;
            self.heads(t, &mut text)
        })
        .unwrap();
        text
    }

    fn entries(&self, t: &mut dyn Transaction, text: &mut String) -> Result<(), LedgerError> {
        let of = |party: &str, id: RequestId| RequestKey { party: party.parse().unwrap(), id };
        let requests = ["company", "cib"]
            .into_iter()
            .flat_map(|party| [0, 1].map(|turn| of(party, self.code(&format!("request-{turn}")))));
        let adoptions = [0, 1].map(|turn| of("company", self.adoption(turn)));
        let prepared = [self.proposal(), self.estimate(), self.announced()];
        for request in requests.chain(adoptions).chain(prepared) {
            for done in t.steps(&request)? {
                let entry = t.entry(&done.entry)?.unwrap();
                let transfers: u64 = entry.transfers.iter().map(|transfer| transfer.amount.0).sum();
                let totals = (entry.sequence, entry.total_credit.0, entry.total_debited.0);
                let name = request.id.as_str().trim_end_matches(|c: char| c.is_ascii_digit());
                let (kind, amount) = (entry.kind, entry.amount.0);
                writeln!(text, "entry {name} {kind:?} {amount} moves {transfers} {totals:?}").unwrap();
            }
        }
        Ok(())
    }

    fn adoption(&self, turn: usize) -> RequestId {
        self.code(&format!("adoption-{turn}"))
    }

    fn heads(&self, t: &mut dyn Transaction, text: &mut String) -> Result<(), LedgerError> {
        let relative = |number: u64| number.wrapping_sub(self.key(0));
        if let Some(held) = t.customer(self.account())? {
            writeln!(text, "customer owes {} phone {:?} {}", held.debt.0, held.phone, held.arabic).unwrap();
        }
        if let Some(shop) = t.point(&self.shop())? {
            let limits = (shop.most_cash, shop.most_daily);
            let (party, open, number, cash) = (shop.party, shop.open, shop.number, shop.cash.0);
            writeln!(text, "shop of {party} open {open} entries {number} cash {cash} {limits:?}").unwrap();
        }
        if let Some(party) = t.party(&self.party())? {
            writeln!(text, "party {:?} open {}", party.channel, party.open).unwrap();
        }
        let tokens = t.tokens(&self.party())?;
        let mut tokens: Vec<_> =
            tokens.into_iter().map(|token| (token.actor, token.power.code(), token.revoked)).collect();
        tokens.sort();
        writeln!(text, "tokens {tokens:?}").unwrap();
        for which in 1..8 {
            for number in 1..6 {
                let binding = Binding { meter: self.meter(which), number };
                let Some(record) = t.binding(Payee::Binding(binding))? else { continue };
                let held = record.held;
                let card = (relative(u64::from_be_bytes(held.card.id.0)), held.card.generation);
                let totals = (held.sequence, held.total_credit.0, held.total_debited.0);
                let (status, blocked) = (record.status, record.blocked);
                let applied = (held.applied_credit.0, held.applied_debited.0);
                let mail: Vec<_> =
                    t.mail(binding)?.iter().map(|mail| (mail.slot.number(), mail.version)).collect();
                let reports: Vec<_> = t
                    .readings(&[binding], 9)?
                    .iter()
                    .map(|reading| (reading.number, reading.energy.0))
                    .collect();
                writeln!(
                    text,
                    "meter {which}/{number} card {card:?} {totals:?} {status:?} {blocked} {applied:?} mail {mail:?} reports {reports:?}"
                )
                .unwrap();
            }
        }
        for which in 1..10 {
            if let Some(card) = t.card(self.card(which))? {
                let serves = (relative(card.binding.meter.number()), card.binding.number);
                writeln!(text, "card {which} {:?} serves {serves:?}", card.used).unwrap();
            }
        }
        if let Some(link) = t.link(&"cib".parse()?, self.card(1))? {
            writeln!(text, "linked to {} {}", link.customer, link.since != CardTime::UNSET).unwrap();
        }
        for rules in t.policies()?.iter().skip(self.rules) {
            let version = rules.version as usize - self.rules;
            writeln!(text, "rules {version}, {} characters", rules.rules.len()).unwrap();
        }
        writeln!(text, "restores {}", self.restore(t.epoch()?)).unwrap();
        if let Some(message) = t.message(&self.message())? {
            writeln!(text, "message taken {}", message.taken != CardTime::UNSET).unwrap();
        }
        Ok(())
    }

    /// The number of a restore, counted from those before.
    pub(crate) fn restore(&self, epoch: u32) -> u32 {
        epoch - self.epoch
    }

    /// The version of rules, counted from those before.
    pub(crate) fn version(&self, version: u32) -> usize {
        version as usize - self.rules
    }
}

impl Command {
    /// Runs it, and gives its answer.
    pub(crate) fn answer(&self, desk: &Desk<'_>) -> String {
        told((self.run)(desk))
    }
}
