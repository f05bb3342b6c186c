//! The card that is there when something is sold to it: what it shows is looked at before there is any money (docs/ledger.md, section 5).

use card_core::message::Receipt;

use super::counter::Evidence;
use super::error::{LedgerError, Refusal};
use super::names::RequestId;
use super::office::{Office, Who};
use super::proof::Finding;
use super::records::BindingRecord;
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
        let bad = |why: String| Refusal::BadEvidence(why);
        let receipt = Receipt::parse(&shown.receipt).map_err(|error| bad(error.to_string()))?;
        let receipt = self.keys().verify_receipt(self.scope(), receipt);
        let receipt = receipt.map_err(|error| bad(error.to_string()))?;
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
        let present = record.held.card.id;
        if payee == Payee::Card(receipt.card.id) && receipt.card.id != present {
            return Ok(());
        }
        if receipt.card.id != present || receipt.binding != record.binding() {
            let read = receipt.card.id;
            return Err(bad(format!("card {read} was read, and it is sold to card {present}")).into());
        }
        if !is_above(&receipt, &record) && record.epoch == epoch {
            return Ok(());
        }
        let handed = self.hand_in(who, &Evidence::CardReceipt(shown.receipt.clone()))?;
        if let Some(certificate) = shown.certificate.as_ref().filter(|_| handed.finding == Finding::Above) {
            self.hand_in(who, &Evidence::Certificate(certificate.clone()))?;
        }
        let after = read(self.ledger(), |t| t.binding(Payee::Binding(record.binding())))?;
        match after {
            Some(after) if is_above(&receipt, &after) => Err(Refusal::BooksBehind(after.binding()).into()),
            _ => Ok(()),
        }
    }
}

fn is_above(receipt: &Receipt, record: &BindingRecord) -> bool {
    record.is_behind(receipt.sequence, receipt.total_credit, receipt.total_debited)
}
