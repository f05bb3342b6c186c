//! Engineering cards: what a technician carries to one meter (docs/meter.md, section 8).

use card_core::id::{CardRef, Channel, MeterId, Reference};
use card_core::role::Role;

use super::books::{Books, Engineer};
use super::card_work::{self, Papers};
use super::{CardChoice, Desk, DeskError, Issued};
use crate::issuer::{AccountError, BindingAccount};
use crate::keystore::KeyStore;
use crate::operate;
use crate::personalise::{self, Step};
use crate::random::OsRandom;
use crate::transport::Transport;

impl Desk {
    /// Makes the blank card behind `transport` an engineering card for the present binding of `meter`, and activates it: bound like the
    /// customer's card, with its generation and certificate, and no replacement of it. It has no authority of its own: commands name it.
    /// To be repeated where it was torn, with the same card.
    pub fn issue_engineering(
        &mut self,
        transport: &mut impl Transport,
        meter: MeterId,
        choice: CardChoice,
        progress: &mut dyn FnMut(Step),
    ) -> Result<Issued, DeskError> {
        let summary = personalise::select(transport)?;
        let mut books = self.books.clone();
        // One more certificate, so that the card can be activated by it.
        let held = books.serving(meter).copied().ok_or(DeskError::NoContract(meter))?.refresh()?;
        let known = books.engineer(summary.card.id).copied();
        match known {
            // An issue that was torn.
            Some(engineer)
                if engineer.binding == held.binding && engineer.card.generation == held.card.generation =>
            {
                card_work::unused(&summary, &held)?;
            }
            Some(engineer) => {
                return Err(DeskError::AlreadyIssued {
                    card: engineer.card.id,
                    meter: engineer.binding.meter,
                });
            }
            None => self.require_new(&summary)?,
        }
        let load_key = self.issuer.keys().current(Role::Load)?;
        let card = CardRef { id: summary.card.id, generation: held.card.generation };
        if known.is_none() {
            books.engineers.push(Engineer { card, load_key, binding: held.binding });
        }
        let load_key = known.map_or(load_key, |engineer| engineer.load_key);
        let own = BindingAccount { card, load_key, ..held };
        let papers = Papers {
            binding: self.issuer.binding_certificate(&own)?,
            certificate: self.issuer.certificate(&own)?,
            // Nothing of the customer.
            profile: 0,
            issue_time: self.now(),
        };
        books.put(held);
        self.books = books;
        let access = card_work::make(transport, self.issuer.keys(), &own, papers, choice, progress)?;
        self.activate(transport, own)?;
        Ok(Issued { account: own, access, replaces: None })
    }

    /// Binds the engineering card behind `transport` anew, for the present binding of another meter. Its generation must be that of the
    /// customer's card there: a card keeps its own.
    pub fn rebind_engineering(
        &mut self,
        transport: &mut impl Transport,
        meter: MeterId,
    ) -> Result<BindingAccount, DeskError> {
        let present = operate::present(transport)?;
        let mut books = self.books.clone();
        let held = books.serving(meter).copied().ok_or(DeskError::NoContract(meter))?.refresh()?;
        let engineer = books.engineers.iter_mut().find(|engineer| engineer.card.id == present.id);
        let engineer = engineer.ok_or(DeskError::UnknownCard(present.id))?;
        if engineer.card.generation != held.card.generation {
            return Err(DeskError::EngineersGeneration {
                card: present.id,
                own: engineer.card.generation,
                customers: held.card.generation,
            });
        }
        engineer.binding = held.binding;
        let own = BindingAccount { card: engineer.card, load_key: engineer.load_key, ..held };
        let binding = self.issuer.binding_certificate(&own)?;
        let certificate = self.issuer.certificate(&own)?;
        let meter_key = self.issuer.keys().current(Role::Meter)?;
        books.put(held);
        self.books = books;
        operate::rebind(transport, self.issuer.keys(), meter_key, &binding, &certificate, &mut OsRandom)?;
        Ok(own)
    }

    /// A technician's card is activated where it is made, by a certificate without a sale.
    fn activate(&mut self, transport: &mut impl Transport, own: BindingAccount) -> Result<(), DeskError> {
        let mut books = self.books.clone();
        let held = books.accounts.iter().find(|held| held.binding == own.binding).copied();
        let held = held.ok_or(DeskError::UnknownCard(own.card.id))?.refresh()?;
        books.put(held);
        books.sales = books.sales.checked_add(1).ok_or(AccountError::SequenceExhausted)?;
        let newest = BindingAccount { card: own.card, load_key: own.load_key, ..held };
        let voucher = self.issuer.voucher(&newest, Channel::Branch, Reference::from(books.sales))?;
        self.books = books;
        self.load(transport, &voucher)?;
        Ok(())
    }
}

impl Books {
    /// The account of the binding that an engineering card serves, with that card in the customer's place.
    pub(super) fn engineers_account(&self, engineer: &Engineer) -> Result<BindingAccount, DeskError> {
        let held = self.accounts.iter().find(|held| held.binding == engineer.binding && !held.moved);
        let held = held.ok_or(DeskError::Superseded(engineer.card.id))?;
        Ok(BindingAccount { card: engineer.card, load_key: engineer.load_key, ..*held })
    }
}
