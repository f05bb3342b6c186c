//! What a customer's month has had in one contract goes to the meter of another one, sealed (docs/ledger.md, section 7), so that no
//! customer gets the cheap slabs twice, or pays a month's fees twice.

use card_core::id::{Binding, CardId};
use card_core::message::{Envelope, Slot};
use card_core::parameters::{MonthSoFar, Readings};
use card_core::units::{Energy, Piastres};
use card_host::card_work::Mail;

use super::entry::Kind;
use super::error::{LedgerError, Refusal};
use super::names::RequestId;
use super::office::{Office, Who};
use super::payload::Payload;
use super::proof::fell;
use super::records::Reading;
use super::store::{Payee, read};

/// How many of a binding's newest entries are looked at for its meter's readings.
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

    /// What the newest month that is known of a binding has had in it: by the readings that its meter sealed last, and its latest report
    /// since. No report after the month's end counts: its meter closes the month in readings, and the other meter looks at the index.
    /// `None`: there are no readings.
    pub fn month_so_far(&self, of: Binding) -> Result<Option<MonthSoFar>, LedgerError> {
        let (history, latest) =
            read(self.ledger(), |t| Ok((t.history(of, LOOK_BACK)?, t.latest(&[of])?.pop())))?;
        let evidence = history.iter().filter(|entry| entry.kind == Kind::Evidence);
        let newest =
            evidence.filter_map(|entry| readings(&entry.payload)).max_by_key(|newest| newest.report_number);
        Ok(newest.and_then(|newest| so_far(of, &newest, latest)))
    }
}

fn readings(payload: &[u8]) -> Option<Readings> {
    let Some(Payload::Mail { envelope, opened }) = Payload::parse(payload) else { return None };
    let slot = Envelope::parse(&envelope).ok()?.slot;
    if slot == Slot::READINGS { Readings::parse(&opened).ok() } else { None }
}

/// `None` where a meter says that it has taken less than nothing.
fn so_far(of: Binding, readings: &Readings, latest: Option<Reading>) -> Option<MonthSoFar> {
    let then = Reading::of(of, readings);
    let since = latest.filter(|latest| latest.number >= then.number && !fell(then.energy, latest.energy));
    let (energy, used) = since.map_or((0, 0), |since| {
        (since.energy.0.wrapping_sub(then.energy.0), since.used().saturating_sub(then.used()))
    });
    let paid = i128::from(readings.month.energy_charge.0).saturating_add(used);
    let paid = Piastres(u64::try_from(paid).ok()?).min(MonthSoFar::MOST);
    let energy = Energy(readings.month.energy.0.checked_add(energy)?);
    Some(MonthSoFar { month: readings.month.index, energy, paid })
}
