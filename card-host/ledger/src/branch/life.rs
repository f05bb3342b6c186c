//! Steps of a contract's life that a card at a desk takes part in: its customer moves out, or gets another meter (docs/ledger.md, section 7).

use card_core::id::{Binding, CardRef, MeterId};
use card_core::message::{Certificate, MeterReceipt, Slot, Verified, Voucher};
use card_host::card_work;
use card_host::issuer::BindingAccount;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::transport::Transport;

use super::super::bindings::OpenOrder;
use super::super::counter::Evidence;
use super::super::ending::{EndReason, Ended};
use super::super::error::{LedgerError, Refusal, StoreError};
use super::super::moves::left_by;
use super::super::names::RequestId;
use super::super::office::{Office, Who};
use super::super::powers::{Power, Powers};
use super::super::records::{BindingRecord, Status};
use super::super::store::{Payee, read};
use super::{BranchError, binding_of, further};

/// A customer at a new meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtNewMeter {
    /// The contract there.
    pub account: BindingAccount,
    /// The contract of the old meter.
    pub from: Binding,
    /// Whether what was left there has come along; else it waits for the old meter's final report, or for an estimate.
    pub moved: bool,
}

impl AtNewMeter {
    /// The id under which what the customer shows for it is handed in, and its fee is booked.
    pub fn papers(id: &RequestId) -> Result<RequestId, LedgerError> {
        further(id, "open")
    }
}

impl Office {
    /// Ends the contract that a meter serves, whose card is behind `transport`, and binds that card to nobody's contract: taken to the meter once more, it
    /// brings back the final report. To be repeated where it was torn.
    pub fn move_out(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        meter: MeterId,
        words: &str,
    ) -> Result<Ended, BranchError> {
        who.must(Power::Sell).map_err(LedgerError::from)?;
        let present = operate::present(transport)?;
        let expected = match self.ended(meter)? {
            Some(ended) => ended.nobodys.held.card,
            None => self.serving(meter)?.held.card,
        };
        if present != expected {
            return Err(BranchError::OtherCard { expected, present });
        }
        self.take_before(who, transport)?;
        let ended = self.end(who, id, meter, EndReason::MovedOut, words)?;
        let (binding, certificate) = self.certificates(&ended.nobodys)?;
        let meter_key = self.meter_key(ended.nobodys.binding())?;
        operate::rebind(transport, self.keys(), meter_key, &binding, &certificate, &mut OsRandom)?;
        Ok(ended)
    }

    /// What a card brings is known before it is bound anew; what the ledger does not take of it keeps nobody from that.
    fn take_before(&self, who: &Who, transport: &mut impl Transport) -> Result<(), BranchError> {
        match self.take_from_card(who, transport) {
            Ok(_) | Err(BranchError::Ledger(LedgerError::Refused(_))) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The customer whose card is behind `transport` gets the meter `to` in the place of `from`: a contract there, to which the card is bound, and to which what
    /// was left goes as soon as there is a final report. The old meter becomes nobody's: a technician's card brings its report. To be repeated where it was
    /// torn, and when the report has come. The id of the request has at most 58 characters.
    pub fn new_meter(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        (from, to): (MeterId, MeterId),
    ) -> Result<AtNewMeter, BranchError> {
        who.must(Power::Sell).map_err(LedgerError::from)?;
        let present = operate::present(transport)?;
        let closed = read(self.ledger(), |t| {
            let served = binding_of(t, Payee::Card(present.id))?;
            if served.binding().meter != to {
                return Ok(served);
            }
            // It was begun before.
            let own = t.bindings_of(served.held.account)?.into_iter();
            let own = own.filter(|own| own.binding().meter == from && own.held.card == present);
            Ok(own.max_by_key(|own| own.binding().number).ok_or(Refusal::UnknownMeter(from))?)
        })?;
        if closed.binding().meter != from || closed.is_nobodys() {
            return Err(Refusal::OtherMeter { card: present.id, meter: from }.into());
        }
        self.take_before(who, transport)?;
        let report = self.final_report(closed.binding())?;
        let moved = report.is_some() || closed.status == Status::Closed;
        let account = self.bind_to(who, id, transport, (&closed, present), to, report.as_ref())?;
        // A card that was bound before has an older certificate.
        let shown = self.shown_by(transport)?.certificate.unwrap_or_default();
        let behind = Certificate::parse(&shown).is_ok_and(|shown| shown.sequence < account.sequence);
        let record = self.bound(account.binding)?;
        if behind && !record.voucher.is_empty() {
            let lost =
                |_| StoreError::Corrupt(format!("the voucher of contract {to}/{}", account.binding.number));
            let voucher = Voucher::parse(&record.voucher).map_err(lost).map_err(LedgerError::from)?;
            self.load(who, transport, &voucher)?;
        }
        Ok(AtNewMeter { account, from: closed.binding(), moved })
    }

    /// Opens a binding on another meter for the customer of `report`'s binding, and moves to it what that final report says was left,
    /// once. The customer's card, which must be the one behind `transport`, is bound to it, and carries what the month has had so far, where that
    /// is known. To be repeated where it was torn. The id of the request has at most 58 characters.
    pub fn move_to_meter(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        meter: MeterId,
        report: &Verified<MeterReceipt>,
    ) -> Result<BindingAccount, BranchError> {
        who.must(Power::Sell).map_err(LedgerError::from)?;
        let present = operate::present(transport)?;
        // It is evidence, too: after a restore, nothing is moved without.
        self.hand_in(who, &Evidence::MeterReceipt(report.emit().to_vec()))?;
        let closed = self.bound(report.binding)?;
        self.bind_to(who, id, transport, (&closed, present), meter, Some(report))
    }

    /// Binds the `present` card, which served `closed`, to a contract of its customer on another meter, with what the `report` says was left.
    fn bind_to(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        (closed, present): (&BindingRecord, CardRef),
        meter: MeterId,
        report: Option<&Verified<MeterReceipt>>,
    ) -> Result<BindingAccount, BranchError> {
        let from = closed.binding();
        let serving = read(self.ledger(), |t| t.binding(Payee::Meter(meter)))?
            .filter(|serving| serving.status == Status::Open);
        // Where it was begun before, the customer's card serves the new binding already.
        let opened = serving
            .filter(|serving| serving.held.account == closed.held.account && serving.binding() != from);
        let holder = opened.as_ref().unwrap_or(closed).held.card;
        if present != holder {
            return Err(BranchError::OtherCard { expected: holder, present });
        }
        let report = report.filter(|_| closed.status != Status::Closed);
        if let Some(report) = report {
            // Where it proves nothing, nothing is begun either.
            read(self.ledger(), |t| left_by(t, closed, report))?;
        }
        let to = match opened {
            Some(opened) => opened.binding(),
            None => {
                let order = OpenOrder {
                    who: who.clone(),
                    id: further(id, "open")?,
                    meter,
                    account: closed.held.account,
                    card: present,
                    closes_former: false,
                };
                self.open(&order)?.binding()
            }
        };
        let newest = read(self.ledger(), |t| t.binding(Payee::Meter(from.meter)))?;
        if newest.is_some_and(|newest| newest.binding() == from) {
            self.end(who, &further(id, "end")?, from.meter, EndReason::Exchanged, "")?;
        }
        if let Some(report) = report {
            self.move_credit(who, id, to, report)?;
        }
        let record = self.bound(to)?;
        let (binding, certificate) = self.certificates(&record)?;
        let meter_key = self.meter_key(to)?;
        operate::rebind(transport, self.keys(), meter_key, &binding, &certificate, &mut OsRandom)?;
        if let Some(so_far) = self.month_so_far(from)? {
            // With the final report it may say more than before.
            let id = further(id, if report.is_some() { "month" } else { "month-before" })?;
            // It follows from the move, and is nobody's own message to the meter.
            let mover = Who { may: Powers::ALL, ..who.clone() };
            let mail = self.mail(&mover, &id, present.id, Slot::MONTH_SO_FAR, &so_far.emit())?;
            card_work::deliver(transport, &mail.delivery)?;
        }
        Ok(record.held)
    }
}
