//! Who runs out of credit soon, and what is said to them (docs/ledger.md, section 11).

use super::error::{LedgerError, Refusal};
use super::office::{Office, Who};
use super::records::Message;
use super::store::read;
use crate::issuer::Clock;
use crate::keystore::KeyStore;

/// What was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueuedAlerts {
    /// Open bindings that were looked at.
    pub looked_at: u64,
    /// Of them, those that run out within the days.
    pub low: u64,
    /// Of them, those whose customer has no telephone number.
    pub without_phone: u64,
    /// Messages that were queued now; the others had been before.
    pub queued: u64,
}

impl<K: KeyStore, C: Clock> Office<K, C> {
    /// Queues a message to every customer who runs out of credit within `days`, as far as reports show: once for each report.
    pub fn queue_alerts(&self, who: &Who, days: u32) -> Result<QueuedAlerts, LedgerError> {
        let _ = (who, days);
        Err(Refusal::Invalid("alerts are not built in yet".to_owned()).into())
    }

    /// Messages that wait, oldest first. A gateway sends them and says that it [`taken`](Self::taken) them; one that dies between the two gets them again,
    /// with the same ids.
    pub fn messages(&self, most: u32) -> Result<Vec<Message>, LedgerError> {
        read(self.ledger(), |t| t.messages(most))
    }

    /// A gateway has taken these messages. Gives how many of them had been waiting.
    pub fn taken(&self, who: &Who, ids: &[String]) -> Result<usize, LedgerError> {
        let _ = (who, ids);
        Err(Refusal::Invalid("alerts are not built in yet".to_owned()).into())
    }
}
