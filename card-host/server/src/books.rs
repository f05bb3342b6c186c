//! What the server needs of the office, without its types of keys and clock: handlers are no generic functions, and tests can stand in.

use card_core::id::CardId;

use card_host::issuer::Clock;
use card_host::keystore::KeyStore;
use card_ledger::{
    Collected, Evidence, HandedIn, LedgerError, Office, RequestId, RequestKey, Sale, SaleOrder, Token, Who,
    read,
};

/// The office as the server sees it. All of it may block.
pub(super) trait Books: Send + Sync {
    fn token(&self, secret: &str) -> Result<Option<Token>, LedgerError>;
    fn sell(&self, order: &SaleOrder) -> Result<Sale, LedgerError>;
    fn reserve(&self, order: &SaleOrder) -> Result<Sale, LedgerError>;
    fn confirm(&self, who: &Who, id: &RequestId) -> Result<(Sale, Option<LedgerError>), LedgerError>;
    fn cancel(&self, who: &Who, id: &RequestId) -> Result<Sale, LedgerError>;
    fn refund(&self, who: &Who, id: &RequestId, reason: &str) -> Result<Sale, LedgerError>;
    fn approve(&self, who: &Who, id: &RequestId) -> Result<Sale, LedgerError>;
    fn status(&self, request: &RequestKey) -> Result<Sale, LedgerError>;
    fn collect(&self, card: CardId) -> Result<Collected, LedgerError>;
    fn hand_in(&self, who: &Who, evidence: &Evidence) -> Result<HandedIn, LedgerError>;
    fn link(
        &self,
        who: &Who,
        id: &RequestId,
        card: CardId,
        customer: &str,
        consent: &str,
    ) -> Result<(), LedgerError>;
    fn unlink(&self, who: &Who, id: &RequestId, card: CardId, customer: &str) -> Result<(), LedgerError>;
    /// The time, where something may be signed now.
    fn time(&self) -> Option<u64>;
    /// Whether the store answers.
    fn answers(&self) -> bool;
    /// Reads the rules of selling anew.
    fn reload(&self) -> Result<(), LedgerError>;
}

impl<K: KeyStore + Send, C: Clock + Send> Books for Office<K, C> {
    fn token(&self, secret: &str) -> Result<Option<Token>, LedgerError> {
        Self::token(self, secret)
    }

    fn sell(&self, order: &SaleOrder) -> Result<Sale, LedgerError> {
        Self::sell(self, order)
    }

    fn reserve(&self, order: &SaleOrder) -> Result<Sale, LedgerError> {
        Self::reserve(self, order)
    }

    fn confirm(&self, who: &Who, id: &RequestId) -> Result<(Sale, Option<LedgerError>), LedgerError> {
        Self::confirm(self, who, id)
    }

    fn cancel(&self, who: &Who, id: &RequestId) -> Result<Sale, LedgerError> {
        Self::cancel(self, who, id)
    }

    fn refund(&self, who: &Who, id: &RequestId, reason: &str) -> Result<Sale, LedgerError> {
        Self::refund(self, who, id, reason)
    }

    fn approve(&self, who: &Who, id: &RequestId) -> Result<Sale, LedgerError> {
        let request = who.request(id);
        // Corrections are approved at the office, and not over this wire: what is no sale is refused before it.
        Self::status(self, &request)?;
        Self::approve(self, who, &request)?;
        Self::status(self, &request)
    }

    fn status(&self, request: &RequestKey) -> Result<Sale, LedgerError> {
        Self::status(self, request)
    }

    fn collect(&self, card: CardId) -> Result<Collected, LedgerError> {
        Self::collect(self, card)
    }

    fn hand_in(&self, who: &Who, evidence: &Evidence) -> Result<HandedIn, LedgerError> {
        Self::hand_in(self, who, evidence)
    }

    fn link(
        &self,
        who: &Who,
        id: &RequestId,
        card: CardId,
        customer: &str,
        consent: &str,
    ) -> Result<(), LedgerError> {
        Self::link(self, who, id, card, customer, consent)
    }

    fn unlink(&self, who: &Who, id: &RequestId, card: CardId, customer: &str) -> Result<(), LedgerError> {
        Self::unlink(self, who, id, card, customer)
    }

    fn time(&self) -> Option<u64> {
        self.now().ok().map(card_core::units::CardTime::to_unix)
    }

    fn answers(&self) -> bool {
        read(self.ledger(), |t| t.epoch()).is_ok()
    }

    fn reload(&self) -> Result<(), LedgerError> {
        Self::reload(self)
    }
}
