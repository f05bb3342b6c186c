//! Changes of a meter's keys (docs/meter.md, section 9).
//!
//! A meter knows the current keys of a role and the ones before. So the desk goes on with the old ones until it has heard that the meter has
//! the new ones, and sends no newer ones before that.

use card_core::id::{Binding, CardId};
use card_core::message::Slot;
use card_core::role::Role;

use super::{Desk, DeskError, Mail, card_work};
use crate::operate;
use crate::transport::Transport;

impl Desk {
    /// Mail with the next keys of `role` for the meter of a card's binding: credit, parameter or report keys; where the meter has the current
    /// ones, these again. Gives their key version number too. A new master is drawn by the key store, and kept before this is called.
    pub fn change_keys(&mut self, card: CardId, role: Role) -> Result<(u8, Mail), DeskError> {
        let account = self.carrier(card)?;
        let (version, change) = card_work::next_keys(self.issuer.keys(), &account, role)?;
        Ok((version, self.mail(card, Slot::METER_KEYS, change.emit().as_slice())?))
    }

    /// The meter of a binding has keys of this key version number: certificates and mail use them from now on. Says whether that is new.
    pub fn keys_changed(&mut self, binding: Binding, version: u8) -> Result<bool, DeskError> {
        let mut books = self.books.clone();
        let Some(held) = books.accounts.iter_mut().find(|held| held.binding == binding) else {
            return Ok(false);
        };
        let Some(changed) = card_work::with_keys(self.issuer.keys(), *held, version)? else {
            return Ok(false);
        };
        *held = changed;
        self.books = books;
        Ok(true)
    }

    /// Learns from the meter's events on the card that is there which keys the meter has taken; gives those that are new. The card is read
    /// only where there is something to learn.
    pub fn learn_keys(&mut self, transport: &mut impl Transport) -> Result<Vec<u8>, DeskError> {
        let card = operate::present(transport)?.id;
        let account = self.carrier(card)?;
        let mut learnt = Vec::new();
        for version in card_work::heard_keys(transport, self.issuer.keys(), &account)? {
            if self.keys_changed(account.binding, version)? {
                learnt.push(version);
            }
        }
        Ok(learnt)
    }
}
