//! Mail to meters, and what meters send back.

use card_core::id::{Binding, CardId};
use card_core::message::Delivery;
use card_core::message::{Envelope, MeterReceipt, Slot, Verified};
use card_core::parameters::{Action, AuditRecords, Command, ParameterError, Readings};
use card_core::terminal::load::{MailAnswer, Misfit, mail_fits, put_mail};
use card_core::units::CardTime;

use super::books::{Books, Counted};
use super::{Desk, DeskError, card_work};
use crate::card;
use crate::issuer::{AccountError, BindingAccount};
use crate::keystore::DeliveryBytes;
use crate::operate;
use crate::transport::Transport;

/// Mail on its way: sealed for the meter, and addressed to the card that takes it there.
#[derive(Debug, Clone)]
pub struct Mail {
    /// For a connected meter.
    pub envelope: Envelope,
    /// For PUT MAIL.
    pub delivery: DeliveryBytes,
}

/// What a command is to do (docs/meter.md, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Its kind, see [`card_core::parameters::command::kind`].
    pub kind: u8,
    /// By kind.
    pub value: u32,
    /// Not executed from then on; not set: it does not expire.
    pub expiry: CardTime,
    /// The card that must bring it; `None`: any card of the binding, or the network.
    pub technician: Option<CardId>,
}

/// What a meter has put on a card for the issuer, opened.
#[derive(Debug)]
pub struct Collected {
    /// Where it was.
    pub slot: Slot,
    /// Whose it is.
    pub binding: Binding,
    /// Its version.
    pub version: u32,
    /// What it says.
    pub report: Report,
}

/// What a meter says to the issuer.
#[derive(Debug)]
pub enum Report {
    /// The final report of a closed binding; its code is checked.
    Final(Verified<MeterReceipt>),
    /// Readings.
    Readings(Box<Readings>),
    /// The report of a meter whose memory has gone back; its code is checked.
    Regression(Verified<MeterReceipt>),
    /// What became of the last commands.
    Audit(Box<AuditRecords>),
}

impl Desk {
    /// Seals mail for the meter of a card's binding, with the next version of its slot.
    pub fn mail(&mut self, card: CardId, slot: Slot, plaintext: &[u8]) -> Result<Mail, DeskError> {
        let books = self.books.clone();
        self.seal(books, card, slot, plaintext)
    }

    /// A command for the meter of a card's binding, with the next counter of the binding.
    pub fn command(&mut self, card: CardId, order: &Order) -> Result<(Command, Mail), DeskError> {
        let mut books = self.books.clone();
        let binding = self.carrier(card)?.binding;
        let counter = books.next(binding, Counted::Command)?;
        let Order { kind, value, expiry, technician } = *order;
        let command = Command { counter, expiry, card: technician, action: Action::of(kind, value) };
        let index = usize::try_from(counter.saturating_sub(1)).unwrap_or(0) % Slot::COMMANDS.len();
        let slot = *Slot::COMMANDS.get(index).ok_or(DeskError::NoSlot)?;
        let mail = self.seal(books, card, slot, &command.emit())?;
        Ok((command, mail))
    }

    /// Puts mail for its meter on the card that is there, which takes it along: [`mail`](Self::mail) and [`deliver`] in one.
    pub fn send(
        &mut self,
        transport: &mut impl Transport,
        slot: Slot,
        plaintext: &[u8],
    ) -> Result<(Mail, MailAnswer), DeskError> {
        let card = operate::present(transport)?.id;
        let mail = self.mail(card, slot, plaintext)?;
        let answer = deliver(transport, &mail.delivery)?;
        Ok((mail, answer))
    }

    /// Opens what the meters have put on the card that is there, and checks it.
    pub fn collect(&mut self, transport: &mut impl Transport) -> Result<Vec<Collected>, DeskError> {
        let scope = card::select(transport)?.scope;
        let found = card_work::read_mail(transport, self.issuer.keys(), scope)?;
        Ok(found.into_iter().map(|(_, collected)| collected).collect())
    }

    fn seal(
        &mut self,
        mut books: Books,
        card: CardId,
        slot: Slot,
        plaintext: &[u8],
    ) -> Result<Mail, DeskError> {
        let account = self.carrier(card)?;
        if books.is_superseded(&account) {
            return Err(DeskError::Superseded(card));
        }
        let version = books.next(account.binding, Counted::Slot(slot))?;
        let envelope = self.issuer.mail(&account, slot, version, plaintext)?;
        let delivery = self.issuer.delivery(&account, &envelope)?;
        self.books = books;
        Ok(Mail { envelope, delivery })
    }

    /// The binding that a card serves, as an account with that card: a customer's, or a technician's.
    pub(super) fn carrier(&self, card: CardId) -> Result<BindingAccount, DeskError> {
        match self.books.engineer(card) {
            Some(engineer) => self.books.engineers_account(engineer),
            None => self.books.account_of(card).copied(),
        }
    }
}

/// PUT MAIL as anybody does it, without any key. It can be repeated.
pub fn deliver(transport: &mut impl Transport, delivery: &DeliveryBytes) -> Result<MailAnswer, DeskError> {
    let summary = card::select(transport)?;
    let bytes = delivery.as_slice();
    let parsed = Delivery::parse(bytes).map_err(|_| Misfit::State(summary.state))?;
    mail_fits(&parsed, &summary)?;
    Ok(card::ask(transport, &put_mail(bytes))?)
}

impl From<ParameterError> for DeskError {
    fn from(error: ParameterError) -> Self {
        Self::Parameters(error)
    }
}

impl Books {
    /// The next number of what is counted in a binding, from 1.
    pub(super) fn next(&mut self, binding: Binding, what: Counted) -> Result<u32, DeskError> {
        let held = self.counters.entry((binding.meter.0, binding.number, what)).or_default();
        *held = held.checked_add(1).ok_or(AccountError::SequenceExhausted)?;
        Ok(*held)
    }
}
