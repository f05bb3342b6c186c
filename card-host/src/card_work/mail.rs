//! Mail to meters, and what meters send back.

use card_core::id::{Binding, CardId, Scope};
use card_core::message::{Delivery, Envelope, FinalReport, MeterReceipt, Month, Slot, Verified};
use card_core::parameters::{Action, AuditRecords, Readings};
use card_core::terminal::load::{MailAnswer, Misfit, get_mail, mail_fits, put_mail};
use card_core::units::{CardTime, Piastres};

use super::error::CardWorkError;
use crate::card;
use crate::keystore::{DeliveryBytes, KeyStore};
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
    /// What the meter does.
    pub action: Action,
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
    Final {
        /// The last receipt of the binding.
        receipt: Verified<MeterReceipt>,
        /// The month that ran then.
        month: Month,
        /// Instalments that the meter has taken in the binding.
        instalments: Piastres,
    },
    /// Readings.
    Readings(Box<Readings>),
    /// The report of a meter whose memory has gone back; its code is checked.
    Regression(Verified<MeterReceipt>),
    /// What became of the last commands.
    Audit(Box<AuditRecords>),
}

/// PUT MAIL as anybody does it, without any key. It can be repeated.
pub fn deliver(
    transport: &mut impl Transport,
    delivery: &DeliveryBytes,
) -> Result<MailAnswer, CardWorkError> {
    let summary = card::select(transport)?;
    let bytes = delivery.as_slice();
    let parsed = Delivery::parse(bytes).map_err(|_| Misfit::State(summary.state))?;
    mail_fits(&parsed, &summary)?;
    Ok(card::ask(transport, &put_mail(bytes))?)
}

/// What the meters have put on the card that is there, opened and checked. The card must have been selected.
pub fn read_mail(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
    scope: Scope,
) -> Result<Vec<(Envelope, Collected)>, CardWorkError> {
    let mut found = Vec::new();
    for slot in [Slot::FINAL_REPORT, Slot::READINGS, Slot::REGRESSION, Slot::AUDIT] {
        let envelope: Envelope = match card::ask(transport, &get_mail(slot)) {
            Ok(envelope) => envelope,
            Err(error) if error.is_absent() => continue,
            Err(error) => return Err(error.into()),
        };
        let opened = keys.open_mail(scope, &envelope)?;
        let bytes = opened.as_slice();
        let report = match slot {
            Slot::FINAL_REPORT => {
                let report = FinalReport::parse(bytes).map_err(operate::of_mail)?;
                let receipt = keys.verify_meter_receipt(scope, report.receipt)?;
                Report::Final { receipt, month: report.month, instalments: report.instalments }
            }
            Slot::REGRESSION => {
                let receipt = MeterReceipt::parse(bytes).map_err(operate::of_mail)?;
                Report::Regression(keys.verify_meter_receipt(scope, receipt)?)
            }
            Slot::READINGS => Report::Readings(Box::new(Readings::parse(bytes)?)),
            _ => Report::Audit(Box::new(AuditRecords::parse(bytes)?)),
        };
        let collected = Collected { slot, binding: envelope.binding, version: envelope.version, report };
        found.push((envelope, collected));
    }
    Ok(found)
}
