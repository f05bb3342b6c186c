//! What a card at a branch brings: its receipt, its meter's receipt, and mail of meters. All of it is handed in as evidence.

use card_core::message::{MeterReceipt, Receipt, Verified, Voucher};
use card_core::role::Role;
use card_core::terminal::load::LoadAnswer;
use card_core::terminal::read;

use super::super::counter::{Evidence, HandedIn};
use super::super::error::LedgerError;
use super::super::office::{Office, Who};
use super::super::proof::Finding;
use super::super::shown::Shown;
use super::BranchError;
use card_host::card;
use card_host::card_work::{self, Collected};
use card_host::operate;
use card_host::random::OsRandom;
use card_host::transport::Transport;

/// Something that was found on a card; its code is checked.
#[derive(Debug)]
pub enum Found {
    /// The card's own receipt.
    Card(Verified<Receipt>),
    /// The receipt of the meter's last visit.
    Meter(Verified<MeterReceipt>),
    /// Mail of a meter.
    Mail(Collected),
}

/// Something that was found on a card, and what the ledger made of it.
#[derive(Debug)]
pub struct Brought {
    /// What it is.
    pub found: Found,
    /// What the ledger made of it.
    pub handed: HandedIn,
}

impl Office {
    /// What the card behind `transport` shows, for [`look_at`](Self::look_at).
    pub fn shown_by(&self, transport: &mut impl Transport) -> Result<Shown, BranchError> {
        let mut session = operate::session(transport, self.keys(), Role::Vending, &mut OsRandom)?;
        let receipt = session.ask(&read::receipt())?.emit().to_vec();
        let certificate = session.ask(&read::purse())?.certificate.emit().to_vec();
        Ok(Shown { receipt, certificate: Some(certificate) })
    }

    /// Loads a voucher onto the card behind `transport`, checks that the card's receipt is authentic and about it, and hands that receipt in.
    pub fn load(
        &self,
        who: &Who,
        transport: &mut impl Transport,
        voucher: &Voucher,
    ) -> Result<LoadAnswer, BranchError> {
        let answer = card_work::load_checked(transport, self.keys(), self.scope(), voucher)?;
        // The voucher is on the card, whatever the ledger says now. The card keeps its receipt: it is handed in with the next one.
        let _ = self.hand_in(who, &Evidence::CardReceipt(answer.receipt.emit().to_vec()));
        Ok(answer)
    }

    /// Opens and hands in all that is on the card behind `transport`: its receipt, its meter's, and mail of meters. Where the ledger refuses
    /// one of them, the others are handed in all the same, and the first refusal is the answer.
    pub fn take_from_card(
        &self,
        who: &Who,
        transport: &mut impl Transport,
    ) -> Result<Vec<Brought>, BranchError> {
        let scope = card::select(transport)?.scope;
        let keys = self.keys();
        let mail = card_work::read_mail(transport, keys, scope)?;
        // What the ledger refuses of one, it may take of the others; one that cannot be reached is not asked for each.
        let hand = |evidence| match self.hand_in_of(who, &evidence, true) {
            Err(LedgerError::Refused(refusal)) => Ok(Err(refusal)),
            handed => handed.map(Ok),
        };
        let (receipt, meter, own) = {
            let mut session = operate::session(transport, keys, Role::Vending, &mut OsRandom)?;
            let receipt = session.ask(&read::receipt())?;
            let meter = session.ask(&read::meter())?;
            let mut own = hand(Evidence::CardReceipt(receipt.emit().to_vec()))?;
            if own.as_ref().is_ok_and(|handed| handed.finding == Finding::Above) {
                // Where the ledger was restored, this brings back what it has lost.
                let certificate = session.ask(&read::purse())?.certificate;
                own = hand(Evidence::Certificate(certificate.emit().to_vec()))?;
            }
            (receipt, meter, own)
        };
        let mut brought = vec![(Found::Card(keys.verify_receipt(scope, receipt)?), own)];
        if let Some(file) = meter {
            let evidence = Evidence::MeterReceipt(file.receipt.emit().to_vec());
            let found = Found::Meter(keys.verify_meter_receipt(scope, file.receipt)?);
            brought.push((found, hand(evidence)?));
        }
        for (envelope, collected) in mail {
            let evidence = Evidence::MeterMail(envelope.as_bytes().to_vec());
            brought.push((Found::Mail(collected), hand(evidence)?));
        }
        let brought = brought.into_iter().map(|(found, handed)| Ok(Brought { found, handed: handed? }));
        brought.collect()
    }
}
