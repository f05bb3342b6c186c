//! What a customer's month has had in one contract goes to the meter of another one, sealed (docs/ledger.md, section 7), so that no
//! customer gets the cheap slabs twice, or pays a month's fees twice.

use card_core::id::{Binding, CardId};
use card_core::message::{Envelope, FinalReport, Month, Slot};
use card_core::parameters::{MonthSoFar, Readings};
use card_core::units::{Energy, Piastres};
use card_host::card_work::Mail;

use super::entry::Kind;
use super::error::{LedgerError, Refusal};
use super::names::RequestId;
use super::office::{Office, Who};
use super::payload::Payload;
use super::powers::Powers;
use super::proof::fell;
use super::records::{BindingRecord, Reading, Status};
use super::store::{Payee, read};

/// How many of a binding's newest entries are looked at for what its meter has sealed.
const LOOK_BACK: u32 = 1000;

impl Office {
    /// Mail with what the month has had in the contract `from`, for the meter of a card of the same customer.
    pub fn mail_month(
        &self,
        who: &Who,
        id: &RequestId,
        carrier: CardId,
        from: Binding,
    ) -> Result<(MonthSoFar, Mail), LedgerError> {
        let of = read(self.ledger(), |t| t.binding(Payee::Binding(from)))?;
        let of = of.ok_or(Refusal::UnknownBinding(from))?.held;
        let to = self.carrier(carrier)?;
        if (of.account, true) != (to.account, of.binding != to.binding) {
            return Err(Refusal::Invalid(
                "the month so far comes from another contract of the same customer".to_owned(),
            )
            .into());
        }
        let so_far = self.month_so_far(from)?.ok_or(Refusal::MonthUnknown(from))?;
        Ok((so_far, self.mail(who, id, carrier, Slot::MONTH_SO_FAR, &so_far.emit())?))
    }

    /// What the newest month that is known of a binding has had in it: by the final report or the readings that its meter sealed last, and
    /// its latest report since. No report after the month's end counts: its meter closes the month in readings, and the other meter looks
    /// at the index. `None`: it has sealed neither.
    pub fn month_so_far(&self, of: Binding) -> Result<Option<MonthSoFar>, LedgerError> {
        let (history, latest) =
            read(self.ledger(), |t| Ok((t.history(of, LOOK_BACK)?, t.latest(&[of])?.pop())))?;
        let evidence = history.iter().filter(|entry| entry.kind == Kind::Evidence);
        let newest =
            evidence.filter_map(|entry| sealed(of, &entry.payload)).max_by_key(|(_, then)| then.number);
        Ok(newest.and_then(|(month, then)| so_far(&month, &then, latest)))
    }

    /// Mail with what the month has had in another contract. It follows from an issue or a move, and is nobody's own message to the meter.
    pub(super) fn seal_month(
        &self,
        who: &Who,
        id: &RequestId,
        carrier: CardId,
        month: &MonthSoFar,
    ) -> Result<Mail, LedgerError> {
        let mover = Who { may: Powers::ALL, ..who.clone() };
        self.mail(&mover, id, carrier, Slot::MONTH_SO_FAR, &month.emit())
    }

    /// What the month has had in the contracts of a new one's customer that are over, by the one that has come furthest; `None` where there
    /// is none, or nothing is known of it. Another contract that is open is another home.
    pub(super) fn month_of_former(&self, record: &BindingRecord) -> Result<Option<MonthSoFar>, LedgerError> {
        let contracts = read(self.ledger(), |t| t.bindings_of(record.held.account))?;
        let over = |of: &&BindingRecord| of.status != Status::Open && of.binding() != record.binding();
        let mut furthest: Option<MonthSoFar> = None;
        for former in contracts.iter().filter(over) {
            let known = self.month_so_far(former.binding())?;
            furthest = furthest.into_iter().chain(known).max_by_key(|month| (month.month, month.energy));
        }
        Ok(furthest)
    }
}

/// A month that a meter has sealed, and how the meter stood then.
fn sealed(of: Binding, payload: &[u8]) -> Option<(Month, Reading)> {
    let Some(Payload::Mail { envelope, opened }) = Payload::parse(payload) else { return None };
    match Envelope::parse(&envelope).ok()?.slot {
        Slot::READINGS => {
            let readings = Readings::parse(&opened).ok()?;
            Some((readings.month, Reading::of(of, &readings)))
        }
        Slot::FINAL_REPORT => {
            let report = FinalReport::parse(&opened).ok()?;
            Some((report.month, Reading::of_receipt(&report.receipt)))
        }
        _ => None,
    }
}

/// `None` where a meter says that it has taken less than nothing.
fn so_far(month: &Month, then: &Reading, latest: Option<Reading>) -> Option<MonthSoFar> {
    let since = latest.filter(|latest| latest.number >= then.number && !fell(then.energy, latest.energy));
    let (energy, used) = since.map_or((0, 0), |since| {
        (since.energy.0.wrapping_sub(then.energy.0), since.used().saturating_sub(then.used()))
    });
    // Of a month that was closed, its fees too.
    let paid = i128::from(month.energy_charge.0) + i128::from(month.fees().0);
    let paid = paid.saturating_add(used);
    let paid = Piastres(u64::try_from(paid).ok()?).min(MonthSoFar::MOST);
    let energy = Energy(month.energy.0.checked_add(energy)?);
    Some(MonthSoFar { month: month.index, energy, paid })
}
