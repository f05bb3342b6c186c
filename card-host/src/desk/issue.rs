//! Issuing cards, and moving a customer to another meter.

use card_core::id::{Binding, CardRef, MeterId};
use card_core::layout::CardSummary;
use card_core::message::{MeterReceipt, Verified};
use card_core::role::Role;
use card_core::units::Piastres;

use super::books::{Books, Replaced};
use super::card_work::{self, Papers};
use super::{CardChoice, Desk, DeskError, Issued};
use crate::issuer::BindingAccount;
use crate::keystore::KeyStore;
use crate::operate;
use crate::personalise::{self, Step};
use crate::random::OsRandom;
use crate::transport::Transport;

impl Desk {
    /// Issues the blank card behind `transport` to an account for a meter: the first card of a new binding, or where the account has a
    /// card on that meter already, its replacement. To be repeated where it was torn, with the same card; the access number of the
    /// last run is the one that holds.
    pub fn issue(
        &mut self,
        transport: &mut impl Transport,
        meter: MeterId,
        account: u64,
        choice: CardChoice,
        progress: &mut dyn FnMut(Step),
    ) -> Result<Issued, DeskError> {
        let summary = personalise::select(transport)?;
        let (books, held, replaces) = self.plan(&summary, meter, account, choice)?;
        let papers = Papers {
            binding: self.issuer.binding_certificate(&held)?,
            certificate: self.issuer.certificate(&held)?,
            profile: account,
            issue_time: self.now(),
        };
        self.books = books;
        let access = card_work::make(transport, self.issuer.keys(), &held, papers, choice, progress)?;
        Ok(Issued { account: held, access, replaces })
    }

    /// The books as they will be, the card's account in them, and the card that is replaced.
    fn plan(
        &self,
        summary: &CardSummary,
        meter: MeterId,
        account: u64,
        choice: CardChoice,
    ) -> Result<(Books, BindingAccount, Option<CardRef>), DeskError> {
        let mut books = self.books.clone();
        let (held, replaces) = match books.serving(meter).copied() {
            Some(held) if held.account != account && !choice.closes_former => {
                return Err(DeskError::MeterInUse { meter, account: held.account, card: held.card.id });
            }
            // The same card again: an issue that was torn.
            Some(held) if held.account == account && held.card.id == summary.card.id => {
                card_work::unused(summary, &held)?;
                let former = books.replaced.iter().rev().find(|former| former.binding == held.binding);
                let former = former.map(|former| former.card);
                (held, former)
            }
            Some(held) if held.account == account => {
                self.require_new(summary)?;
                let load_key = self.issuer.keys().current(Role::Load)?;
                books.replaced.push(Replaced { card: held.card, binding: held.binding });
                (BindingAccount { load_key, ..held.replace_card(summary.card.id)? }, Some(held.card))
            }
            _ => {
                self.require_new(summary)?;
                (
                    self.opened(meter, account, CardRef { id: summary.card.id, generation: 1 })?.refresh()?,
                    None,
                )
            }
        };
        books.put(held);
        Ok((books, held, replaces))
    }

    /// Opens a binding on another meter for the customer of `report`'s binding, and moves to it what that final report says was left,
    /// once. The customer's card, which must be the one behind `transport`, is bound to it. To be repeated where it was torn.
    pub fn move_to_meter(
        &mut self,
        transport: &mut impl Transport,
        meter: MeterId,
        report: &Verified<MeterReceipt>,
    ) -> Result<BindingAccount, DeskError> {
        let present = operate::present(transport)?;
        let accounts = &self.books.accounts;
        let closed = accounts.iter().find(|account| account.binding == report.binding);
        let closed = *closed.ok_or(DeskError::UnknownCard(present.id))?;
        // Where it was moved before, the card may not have heard of it.
        let moved = accounts
            .iter()
            .rev()
            .find(|held| held.account == closed.account && held.binding.meter == meter && !held.moved);
        let held = if closed.moved { *moved.ok_or(DeskError::UnknownCard(present.id))? } else { closed };
        if present != held.card {
            return Err(DeskError::OtherCard { expected: held.card, present });
        }
        let mut books = self.books.clone();
        let opened = if closed.moved {
            held
        } else {
            if let Some(held) = books.serving(meter) {
                return Err(DeskError::MeterInUse { meter, account: held.account, card: held.card.id });
            }
            let opened = closed.open_binding(meter, books.next_binding(meter)?, self.now())?;
            let (credit_key, parameter_keys) = self.keys_of(meter)?;
            let opened = BindingAccount { credit_key, parameter_keys, ..opened };
            let (opened, closed) = opened.move_from(closed, report)?;
            books.put(closed);
            books.put(opened);
            opened
        };
        let binding = self.issuer.binding_certificate(&opened)?;
        let certificate = self.issuer.certificate(&opened)?;
        let meter_key = self.issuer.keys().current(Role::Meter)?;
        self.books = books;
        operate::rebind(transport, self.issuer.keys(), meter_key, &binding, &certificate, &mut OsRandom)?;
        Ok(opened)
    }

    fn opened(&self, meter: MeterId, account: u64, card: CardRef) -> Result<BindingAccount, DeskError> {
        let (credit_key, parameter_keys) = self.keys_of(meter)?;
        Ok(BindingAccount {
            scope: self.scope,
            binding: Binding { meter, number: self.books.next_binding(meter)? },
            account,
            card,
            load_key: self.issuer.keys().current(Role::Load)?,
            credit_key,
            parameter_keys,
            sequence: 0,
            total_credit: Piastres::ZERO,
            total_debited: Piastres::ZERO,
            opening_time: self.now(),
            moved: false,
        })
    }

    /// The credit and parameter keys that a meter is known to have; a meter that is new has the current ones.
    fn keys_of(&self, meter: MeterId) -> Result<(u8, u8), DeskError> {
        let last = self.books.accounts.iter().rev().find(|held| held.binding.meter == meter);
        let keys = self.issuer.keys();
        Ok(match last {
            Some(held) => (held.credit_key, held.parameter_keys),
            None => (keys.current(Role::Credit)?, keys.current(Role::Parameter)?),
        })
    }

    /// A blank card that is promised to nobody, not even by an issue that was torn.
    pub(super) fn require_new(&self, summary: &CardSummary) -> Result<(), DeskError> {
        match self.books.meter_of(summary.card.id) {
            Ok(meter) => Err(DeskError::AlreadyIssued { card: summary.card.id, meter }),
            Err(_) => card_work::blank(self.scope, summary),
        }
    }
}
