//! New cards, engineering cards, new keys, new meters, and a memory that is put back to what it was.

use card_core::id::{Binding, CardId, CardRef, MeterId};
use card_core::message::{MeterFlags, MeterReceipt, Slot, Verified};
use card_core::parameters::{Action, Command};
use card_core::role::{KeyVersion, Role};
use card_core::terminal::load::get_mail;
use card_core::units::CardTime;
use card_host::issuer::BindingAccount;
use card_host::keystore::KeyStore;
use card_host::{card, operate};

use super::books::SCOPE;
use super::cards::Outcome;
use super::compare::Watermarks;
use super::field_card::{FieldCard, any_cut};
use super::model::REGRESSED;
use super::orders::Order;
use super::visits::Visited;
use super::world::{DAY, Held, World, install};

impl World {
    fn blank(&mut self) -> FieldCard {
        let number = self.tally.get("cards");
        self.count("cards");
        FieldCard::blank(CardId::from(0xC000_0000 + self.seed * 1000 + number), self.books.length())
    }

    /// The customer's first card, or the next one.
    pub fn new_card(&mut self) {
        let mut card = self.blank();
        let mut account = self.books.account;
        if !self.cards.is_empty() {
            account = account.replace_card(card.id).expect("a next generation");
            self.count("card replacements");
        }
        let voucher = self.books.issue(&mut card, &mut account, &mut self.dice);
        self.books.account = account;
        self.cards.push(Held { card, floor: (0, 0, 0, 0, 0) });
        self.load(voucher);
    }

    /// A technician comes, with a card of the customer's binding and orders that name it.
    pub fn engineer(&mut self) {
        let binding = self.books.account.binding;
        let meter = self.meter().identity().id;
        if self.model.contract.number != binding.number || meter != binding.meter {
            return;
        }
        if self.model.flags & REGRESSED != 0 {
            return;
        }
        self.note("a technician comes");
        self.count("engineering cards");
        let mut card = self.blank();
        let of_customer = self.books.account;
        let mut account = BindingAccount {
            card: CardRef { id: card.id, generation: of_customer.card.generation },
            ..of_customer
        };
        let voucher = self.books.issue(&mut card, &mut account, &mut self.dice);
        self.books.account = BindingAccount { card: of_customer.card, ..account };
        self.load_onto(&mut card, &voucher);
        let mut orders = Vec::new();
        let tampered = self.model.tampering != 0;
        if tampered {
            orders.push((5, 3, 0, 0));
        }
        if self.model.clock.is_doubtful() || !self.faults {
            // Without an expiry it is refused.
            let expiry = if self.faults && self.dice.one_in(40) { 0 } else { self.now + DAY };
            let value = self.now - self.dice.between(0, 100);
            // The way back from an issuer's wrong time.
            let back = self.model.clock.floor > self.now;
            orders.push((6, if back { 8 } else { 4 }, value, expiry));
        }
        for (slot, kind, value, expiry) in orders {
            self.books.commands += 1;
            let (counter, named) = (self.books.commands, Some(card.id));
            let command =
                Command { counter, expiry: CardTime(expiry), card: named, action: Action::of(kind, value) };
            let sent = self.books.seal(slot, Order::Command(command));
            if self.dice.one_in(6) && self.faults {
                // The wrong way: it names a card.
                self.network_mail(&sent);
            }
            self.post(&mut card, &account, &sent);
        }
        self.tap_until_done(&mut card);
        self.insert_and_collect(&mut card);
        if tampered && self.model.tampering == 0 {
            self.count("tampering cleared");
        }
    }

    fn insert_and_collect(&mut self, card: &mut FieldCard) {
        card.insert(&mut self.dice, false);
        operate::present(&mut card.open()).expect("a card");
        self.collect(card);
    }

    /// The meter gets new keys of a role, once in its life.
    pub fn change_keys(&mut self, role: Role) {
        if !self.rotated.insert((self.meters, role as u8)) {
            return;
        }
        let transport = self.meter().keys().transport().version;
        let order = self.books.rotate(role, transport, &mut self.dice);
        let Order::Keys(version, _) = order else { panic!("keys") };
        self.note(&format!("new keys {version}"));
        let sent = self.books.seal(0x0A, order);
        // What an image would not know.
        self.image = None;
        let mut tries = 0;
        while self.model.contract.inbox.versions[0x0A] < sent.envelope.version {
            tries += 1;
            assert!(tries < 100, "the meter never takes its keys");
            if self.dice.one_in(2) {
                self.network_mail(&sent);
            } else {
                let mut held = self.cards.pop().expect("a card");
                let account = self.books.account;
                self.post(&mut held.card, &account, &sent);
                self.visit(&mut held.card);
                self.cards.push(held);
            }
        }
        self.count("key changes");
        match role {
            Role::Credit => self.books.account.credit_key = version,
            Role::Parameter => self.books.account.parameter_keys = version,
            Role::MeterBase => self.books.meter_key = KeyVersion::new(Role::Meter, version.master()),
            _ => {}
        }
    }

    // ---- the meter's replacement

    pub fn can_move(&self) -> bool {
        self.model.contract.number == self.books.account.binding.number && self.model.flags & REGRESSED == 0
    }

    /// A new meter: the workshop's binding closes the customer's, and what was left goes to the new meter's, once.
    pub fn replace_meter(&mut self) {
        self.note("the meter is replaced");
        self.network_audit();
        self.all_audits_seen();
        let report = self.final_report();
        let closed = self.model.last_final.clone().expect("a closed contract");
        let account = self.books.account;
        assert_eq!(report.binding, account.binding, "the closed binding");
        assert!(report.flags.has(MeterFlags::CLOSED), "a final report");
        assert_eq!(
            (i128::from(report.balance.0), report.number, report.energy.0),
            (closed.balance, closed.report, closed.register),
            "the final report"
        );
        let contract = &closed.contract;
        assert_eq!(
            contract.taken_afresh(),
            contract.charges + contract.fees + contract.instalments - contract.brought
        );
        self.spent += contract.taken_afresh();
        if account.sequence > contract.sequence {
            self.count("moved with credit that never came");
        }
        if closed.balance < 0 {
            self.count("moved with a debt");
        }
        self.meters += 1;
        self.count("meter replacements");
        let id = MeterId::from(0xE000_0000 + self.seed * 16 + self.meters);
        assert_eq!(self.board.overwrites(), 0, "memory is erased before it is programmed");
        let register = self.dice.between(0, 100);
        let (board, meter, model) = install(&mut self.books, id, register);
        (self.board, self.meter, self.model) = (board, Some(meter), model);
        self.marks = Watermarks::default();
        self.image = None;
        (self.clock_error, self.clock_gains, self.never_stopped) = (Some(0), 0, true);
        self.power_since = self.now;
        self.books.meter_key = self.books.issuer.keys().current(Role::Meter).expect("a key");
        self.books.move_to(Binding { meter: id, number: 1 }, &report);
        self.tick();
        self.consume(30);
        self.rebind();
        self.tap_present();
    }

    fn final_report(&mut self) -> Verified<MeterReceipt> {
        let mut card = self.blank();
        let mut account = self.books.workshop(CardRef { id: card.id, generation: 1 });
        let voucher = self.books.issue(&mut card, &mut account, &mut self.dice);
        self.load_onto(&mut card, &voucher);
        if self.dice.one_in(3) {
            self.count("final report collected");
            return self.collected_report(&account, voucher.certificate);
        }
        self.count("final report carried");
        loop {
            if let Visited::Done(_) = self.visit(&mut card) {
                card.insert(&mut self.dice, false);
                let report = operate::final_report(&mut card.open(), self.books.issuer.keys());
                return report.expect("the card").expect("a final report");
            }
        }
    }

    fn collected_report(
        &mut self,
        account: &BindingAccount,
        certificate: card_core::message::Certificate,
    ) -> Verified<MeterReceipt> {
        let binding = self.books.issuer.binding_certificate(account).expect("a binding certificate");
        while self.model.contract.number != account.binding.number {
            let reading = self.reading();
            let (outcome, out) = self.model.certificate(reading, (&certificate, Some(account.account)), None);
            assert!(matches!(outcome, Outcome::Applied { opens: true, .. }), "{outcome:?}");
            self.threaten(3);
            let result = self.meter().take_certificate(reading, &certificate, Some(&binding));
            self.settle("binding over the network", out, result.map(|_| ()));
        }
        let receipt = self.meter().state().final_report.expect("a final report").receipt;
        self.books.issuer.keys().verify_meter_receipt(SCOPE, receipt).expect("authentic")
    }

    /// BIND: the customer's card serves the open binding.
    fn rebind(&mut self) {
        let account = self.books.account;
        let binding = self.books.issuer.binding_certificate(&account).expect("a binding certificate");
        let certificate = self.books.issuer.certificate(&account).expect("a certificate");
        let mut held = self.cards.pop().expect("a card");
        loop {
            let recovering = self.faults && !held.card.has_power();
            let again = held.card.insert(&mut self.dice, recovering);
            self.tally.add("cut: card's recovery", again);
            if self.faults && self.dice.one_in(2) {
                let how = any_cut(&mut self.dice);
                held.card.board.cut_after(self.dice.below(60), how);
            }
            let keys = self.books.issuer.keys();
            let meter_key = self.books.meter_key;
            let bound = operate::rebind(
                &mut held.card.open(),
                keys,
                meter_key,
                &binding,
                &certificate,
                &mut self.dice,
            );
            held.card.board.no_cut();
            match bound {
                Ok(()) => break,
                Err(error) if held.card.has_power() => panic!("the card is not bound: {error}"),
                Err(_) => self.count("cut: bind"),
            }
        }
        held.card.meter = Some(account.binding.meter);
        held.floor.0 = 0;
        held.floor.1 = 0;
        self.cards.push(held);
    }

    // ---- a memory that goes back

    pub fn roll_back(&mut self) {
        let number = self.model.contract.number;
        if number != self.books.account.binding.number || self.model.flags & REGRESSED != 0 {
            return;
        }
        match &self.image {
            None if self.dice.one_in(2000) => {
                let mut saved = self.model.clone();
                saved.save();
                let result = self.meter().save();
                if self.settle("save", vec![saved], result) {
                    self.image = Some((self.board.image(), self.model.clone(), 0));
                    self.note("an image of the meter's memory is taken");
                }
            }
            Some((_, old, _)) if self.dice.one_in(300) => {
                if old.contract.number != number {
                    self.image = None;
                    return;
                }
                self.tap_present();
                self.regress();
            }
            _ => {}
        }
    }

    fn regress(&mut self) {
        let Some((flash, model, _)) = self.image.take() else { return };
        self.note("the meter's memory is put back");
        self.count("memory put back");
        self.rolls_back = false;
        self.board.restore(flash);
        self.model = model;
        self.marks = Watermarks::default();
        self.recover(&[]);
        // As firmware does, before any card comes.
        self.tick();
        let before = self.model.balance();
        while self.tap_present() != Some(Outcome::Regressed) {}
        assert!(self.model.balance() <= before, "no credit");
        let mut held = self.cards.pop().expect("a card");
        held.card.insert(&mut self.dice, false);
        let public = operate::read_public(&mut held.card.open()).expect("a card");
        let mail =
            card::ask(&mut held.card.open(), &get_mail(Slot::REGRESSION)).expect("a regression report");
        self.cards.push(held);
        let opened = self.books.issuer.keys().open_mail(SCOPE, &mail).expect("authentic");
        let report = MeterReceipt::parse(opened.as_slice()).expect("a receipt");
        assert!(report.flags.has(MeterFlags::REGRESSED), "the report says what happened");
        // Nor is credit believed from anywhere else.
        let voucher = self.books.refresh();
        self.network_voucher(&voucher);
        assert_ne!(self.model.flags & REGRESSED, 0, "only a new binding repairs it");
        // Settled by an estimate: what the card saw last.
        let said = public.status.balances.and_then(|balances| balances.at_meter);
        let left = said.map_or(0, |meter| u64::try_from(meter.balance.0).unwrap_or(0));
        let account = self.books.account;
        let held = i128::from(account.total_credit.0) - i128::from(account.total_debited.0);
        self.written_off += held - i128::from(left);
        let Binding { meter, number } = account.binding;
        self.books.estimate(Binding { meter, number: number + 1 }, left);
        self.rebind();
        self.tap_present();
        assert_eq!(self.model.flags & REGRESSED, 0, "the new binding repairs it");
        // What belonged to the old one is worth nothing any more.
        self.network_voucher(&voucher);
        self.count("regression repaired");
    }
}
