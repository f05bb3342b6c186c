//! A card that the ledger has lost, in the reader.

use card_core::role::Role;
use card_core::terminal::read;

use super::super::error::Refusal;
use super::super::names::RequestId;
use super::super::office::{Office, Who};
use super::super::recover::{RecoveredCard, ShownCard};
use super::BranchError;
use card_host::card;
use card_host::operate::{self, OperateError};
use card_host::random::OsRandom;
use card_host::transport::Transport;

impl Office {
    /// After a restore: enters the contract of the card behind `transport` again, from what the card shows, see [`recover`](Self::recover).
    /// To be repeated where it was torn.
    pub fn recover_card(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        reason: &str,
    ) -> Result<RecoveredCard, BranchError> {
        let bad = |why: &str| Refusal::BadEvidence(why.to_owned());
        let summary = card::select(transport)?;
        if summary.scope != self.scope() {
            return Err(bad("the card is of another company or environment").into());
        }
        let load_key = card::key_information(transport)?.version(Role::Load);
        let load_key = load_key.ok_or(OperateError::NotIssued)?;
        let keys = self.keys();
        let (receipt, profile, binding, certificate) = {
            let mut session = operate::session(transport, keys, Role::Vending, &mut OsRandom)?;
            let receipt = session.ask(&read::receipt())?;
            let profile = session.ask(&read::profile())?;
            let binding = session.ask(&read::binding())?;
            (receipt, profile, binding, session.ask(&read::purse())?.certificate)
        };
        // The certificates do not name the card, so it is the one whose key has signed its receipt.
        let card = keys.verify_receipt(self.scope(), receipt)?.card;
        if card != summary.card {
            return Err(bad("its receipt is that of another card").into());
        }
        // A technician's card has the certificates of the customer's, and nothing of the customer in its profile.
        let account = profile.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        match account {
            0 => return Err(Refusal::Engineering(card.id).into()),
            account if account != binding.account => {
                return Err(bad("its profile and its contract are of two customers").into());
            }
            _ => {}
        }
        let shown = ShownCard { card, load_key, binding, certificate };
        Ok(self.recover(who, id, &shown, reason)?)
    }
}
