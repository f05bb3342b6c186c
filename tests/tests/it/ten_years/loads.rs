//! Vouchers and mail on their way to the card, and looks at it.

use card_core::id::Channel;
use card_core::message::{Slot, Voucher};
use card_core::terminal::load::{LoadOutcome, get_mail, put_mail};
use card_core::terminal::read;
use card_host::card_work;
use card_host::issuer::BindingAccount;
use card_host::keystore::KeyStore;
use card_host::{card, operate};

use super::books::{SCOPE, Sent};
use super::field_card::{FieldCard, any_cut};
use super::world::{Held, World};

impl World {
    /// A voucher is loaded onto the present card, repeated until it is answered.
    pub fn load(&mut self, voucher: Voucher) {
        let mut held = self.cards.pop().expect("a card");
        self.load_onto(&mut held.card, &voucher);
        self.look(&mut held);
        self.collect(&mut held.card);
        self.cards.push(held);
    }

    pub fn load_onto(&mut self, card: &mut FieldCard, voucher: &Voucher) {
        loop {
            self.insert(card);
            self.trouble(card);
            let result = card_work::load(&mut card.open(), voucher);
            card.board.no_cut();
            match result {
                Ok(answer) => {
                    let receipt = self.books.issuer.keys().verify_receipt(SCOPE, answer.receipt);
                    receipt.expect("an authentic receipt");
                    let (held, new) = (answer.receipt.sequence, voucher.certificate.sequence);
                    let right = match answer.outcome {
                        LoadOutcome::Older => held > new,
                        _ => held == new,
                    };
                    assert!(right, "{:?}: {held} and {new}", answer.outcome);
                    self.count(&format!("load: {:?}", answer.outcome));
                    return;
                }
                Err(error) if card.has_power() => {
                    // A voucher of an earlier binding or card, found again.
                    let stale =
                        voucher.certificate.binding != self.books.account.binding || voucher.card != card.id;
                    assert!(stale, "the card refuses a voucher: {error}");
                    self.count("load: refused as stale");
                    return;
                }
                Err(_) => self.count("cut: load"),
            }
        }
    }

    fn insert(&mut self, card: &mut FieldCard) {
        let again = card.insert(&mut self.dice, self.faults && !card.has_power());
        self.tally.add("cut: card's recovery", again);
    }

    fn trouble(&mut self, card: &mut FieldCard) {
        if self.faults && self.dice.one_in(12) {
            let how = any_cut(&mut self.dice);
            card.board.cut_after(self.dice.below(14), how);
        } else if self.faults && self.dice.one_in(40) {
            card.remove_after(self.dice.between(0, 2), self.dice.one_in(2));
        }
    }

    /// What the card shows never falls.
    pub fn look(&mut self, held: &mut Held) {
        self.insert(&mut held.card);
        operate::present(&mut held.card.open()).expect("a card");
        let receipt = card::ask(&mut held.card.open(), &read::receipt()).expect("a receipt");
        let receipt = self.books.issuer.keys().verify_receipt(SCOPE, receipt).expect("authentic");
        let mut now = (
            receipt.binding.number,
            receipt.sequence,
            receipt.loads,
            receipt.settled_credit.0,
            receipt.settled_debited.0,
        );
        if receipt.binding.meter != self.books.account.binding.meter {
            return;
        }
        let floor = held.floor;
        let same = floor.0 == now.0;
        assert!(now.0 >= floor.0 && now.2 >= floor.2, "the card's log or binding falls: {floor:?} {now:?}");
        assert!(!same || (now.1 >= floor.1 && now.3 >= floor.3 && now.4 >= floor.4), "{floor:?} {now:?}");
        std::mem::swap(&mut held.floor, &mut now);
    }

    /// The issuer takes what the meter has put on the card.
    pub fn collect(&mut self, card: &mut FieldCard) {
        let audit = card::ask(&mut card.open(), &get_mail(Slot::AUDIT));
        if let Ok(envelope) = audit {
            self.books.audit(&envelope);
            self.count("audit records collected");
        }
        if let Ok(envelope) = card::ask(&mut card.open(), &get_mail(Slot::READINGS)) {
            let opened = self.books.issuer.keys().open_mail(SCOPE, &envelope).expect("authentic");
            let readings = card_core::parameters::Readings::parse(opened.as_slice()).expect("readings");
            let applied = i128::from(readings.applied_credit.0) - i128::from(readings.applied_debited.0);
            let account = &mut self.books.account;
            assert!(applied - i128::from(readings.balance.0) >= 0, "nothing is given away");
            assert!(envelope.binding != account.binding || readings.applied_credit <= account.total_credit);
            if envelope.binding == account.binding {
                account.applied_credit = account.applied_credit.max(readings.applied_credit);
                account.applied_debited = account.applied_debited.max(readings.applied_debited);
            }
            self.count("readings collected");
        }
    }

    /// Mail is put on a card of `account`.
    pub fn post(&mut self, card: &mut FieldCard, account: &BindingAccount, sent: &Sent) {
        loop {
            let delivery = self.books.issuer.delivery(account, &sent.envelope).expect("a delivery");
            self.insert(card);
            self.trouble(card);
            let answered = operate::present(&mut card.open())
                .and_then(|_| Ok(card::ask(&mut card.open(), &put_mail(delivery.as_slice()))?));
            card.board.no_cut();
            match answered {
                Ok(answer) => {
                    self.count(if answer.stored { "mail put on the card" } else { "mail there already" });
                    return;
                }
                Err(_) if card.has_power() => {
                    self.count("mail older than what the card has");
                    return;
                }
                Err(_) => self.count("cut: mail to the card"),
            }
        }
    }

    /// Mail that waits goes onto the present card, in any order, some of it twice.
    pub fn post_all(&mut self) {
        let mut held = self.cards.pop().expect("a card");
        let account = self.books.account;
        while !self.mail.is_empty() {
            let index = self.dice.below(self.mail.len() as u64) as usize;
            let sent = if self.faults && self.dice.one_in(6) {
                self.mail[index].clone()
            } else {
                self.mail.swap_remove(index)
            };
            if sent.binding == account.binding {
                self.post(&mut held.card, &account, &sent);
            }
        }
        self.cards.push(held);
    }

    /// What becomes of a voucher after its sale.
    pub fn send(&mut self, voucher: Voucher, seldom_lost: bool) {
        match self.dice.below(if seldom_lost { 8 } else { 12 }) {
            0 => self.vouchers.push(voucher),
            1 => {
                self.vouchers.push(voucher);
                self.load(voucher);
            }
            2 if self.faults => self.network_voucher(&voucher),
            8.. => {
                self.count("vouchers lost");
                self.note("a voucher is lost");
            }
            _ => self.load(voucher),
        }
    }

    /// The meter gets a voucher without its card.
    pub fn network_voucher(&mut self, voucher: &Voucher) {
        if self.model.contract.number == 0 {
            return;
        }
        let reading = self.reading();
        let certificate = voucher.certificate;
        if self.meter().identity().id != certificate.binding.meter {
            return;
        }
        let (outcome, out) = self.model.network_voucher(reading, &certificate);
        self.threaten(6);
        let before = self.model.clone();
        let result = self.meter().take_voucher(reading, voucher);
        let verdict = result.as_ref().ok().map(|decision| decision.verdict);
        if self.settle("voucher over the network", out, result.map(|_| ())) {
            self.count("vouchers over the network");
            self.judged(&before, outcome, verdict);
        }
    }

    pub fn channel(&mut self) -> Channel {
        self.dice.pick(&[Channel::Branch, Channel::Kiosk, Channel::Bank, Channel::Wallet])
    }
}
