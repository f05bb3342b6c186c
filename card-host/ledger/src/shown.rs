//! The card that is there when something is sold to it: what it shows is looked at before there is any money (docs/ledger.md, section 5).

use card_core::message::{Receipt, Verified};

use super::counter::Evidence;
use super::entry::Kind;
use super::error::{LedgerError, Refusal};
use super::names::RequestId;
use super::office::{Office, Who};
use super::proof::Finding;
use super::records::{BindingRecord, Status};
use super::sale::Steps;
use super::store::{Payee, read};

/// What a card shows of its credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its receipt: 81 bytes.
    pub receipt: Vec<u8>,
    /// The credit certificate that it holds, 72 bytes, where it could be read.
    pub certificate: Option<Vec<u8>>,
}

impl Office {
    /// Compares what the card in the reader shows with the books, before something is sold to it. Where it has more than the books, or was
    /// not seen since they were restored, what it shows is handed in; where that does not settle it, nothing can be sold:
    /// [`Refusal::BooksBehind`].
    ///
    /// A request that was made already is answered without the card.
    pub fn look_at(&self, who: &Who, id: &RequestId, payee: Payee, shown: &Shown) -> Result<(), LedgerError> {
        let receipt = self.receipt_of(shown)?;
        let request = who.request(id);
        let found = read(self.ledger(), |t| {
            let made = !t.steps(&request)?.is_empty();
            let record = if made { None } else { t.binding(payee)? };
            match record {
                Some(record) => Ok(Some((record, t.epoch()?))),
                None => Ok(None),
            }
        })?;
        // Whom nothing can be sold to is told so by the sale.
        let Some((record, epoch)) = found else { return Ok(()) };
        if payee == Payee::Card(receipt.card.id) && receipt.card.id != record.held.card.id {
            return Ok(());
        }
        self.compare(who, &record, epoch, &receipt, shown)
    }

    /// The same before what was announced is certified. A sale that has come to its end is answered without the card.
    pub(super) fn look_again(&self, who: &Who, id: &RequestId, shown: &Shown) -> Result<(), LedgerError> {
        let receipt = self.receipt_of(shown)?;
        let request = who.request(id);
        let found = read(self.ledger(), |t| {
            let done = t.steps(&request)?;
            let steps = Steps::read(t, &done)?;
            let open = steps.settled.is_none() && !steps.has(Kind::Cancel);
            let binding = steps.first.filter(|_| open).and_then(|first| first.binding);
            let record = match binding {
                Some(binding) => t.binding(Payee::Binding(binding))?,
                None => None,
            };
            Ok(record.zip(Some(t.epoch()?)))
        })?;
        match found {
            Some((record, epoch)) if record.status == Status::Open => {
                self.compare(who, &record, epoch, &receipt, shown)
            }
            _ => Ok(()),
        }
    }

    fn receipt_of(&self, shown: &Shown) -> Result<Verified<Receipt>, Refusal> {
        let bad = |error: &dyn std::fmt::Display| Refusal::BadEvidence(error.to_string());
        let receipt = Receipt::parse(&shown.receipt).map_err(|error| bad(&error))?;
        self.keys().verify_receipt(self.scope(), receipt).map_err(|error| bad(&error))
    }

    fn compare(
        &self,
        who: &Who,
        record: &BindingRecord,
        epoch: u32,
        receipt: &Receipt,
        shown: &Shown,
    ) -> Result<(), LedgerError> {
        let (read_card, present) = (receipt.card.id, record.held.card.id);
        if read_card != present || receipt.binding != record.binding() {
            let why = format!("card {read_card} was read, and it is sold to card {present}");
            return Err(Refusal::BadEvidence(why).into());
        }
        if !is_above(receipt, record) && record.epoch == epoch {
            return Ok(());
        }
        let handed = self.hand_in(who, &Evidence::CardReceipt(shown.receipt.clone()))?;
        if let Some(certificate) = shown.certificate.as_ref().filter(|_| handed.finding == Finding::Above) {
            self.hand_in(who, &Evidence::Certificate(certificate.clone()))?;
        }
        let after = read(self.ledger(), |t| t.binding(Payee::Binding(record.binding())))?;
        match after {
            Some(after) if is_above(receipt, &after) => Err(Refusal::BooksBehind(after.binding()).into()),
            _ => Ok(()),
        }
    }
}

fn is_above(receipt: &Receipt, record: &BindingRecord) -> bool {
    record.is_behind(receipt.sequence, receipt.total_credit, receipt.total_debited)
}
