//! Changes of a meter's keys (docs/meter.md, section 9).
//!
//! A meter knows the current keys of a role and the ones before. So the desk goes on with the old ones until it has heard that the meter has
//! the new ones, and sends no newer ones before that.

use card_core::id::{Binding, CardId};
use card_core::message::Slot;
use card_core::meter::events::code;
use card_core::role::Role;

use super::{Desk, DeskError, Mail};
use crate::keystore::KeyStore;
use crate::operate;
use crate::random::OsRandom;
use crate::transport::Transport;

impl Desk {
    /// Mail with the next keys of `role` for the meter of a card's binding: credit, parameter or report keys; where the meter has the current
    /// ones, these again. Gives their key version number too. A new master is drawn by the key store, and kept before this is called.
    pub fn change_keys(&mut self, card: CardId, role: Role) -> Result<(u8, Mail), DeskError> {
        let account = self.carrier(card)?;
        let keys = self.issuer.keys_mut();
        let current = keys.current(role)?;
        let version = match role {
            Role::Credit => account.credit_key.saturating_add(1).min(current),
            Role::Parameter => account.parameter_keys.saturating_add(1).min(current),
            Role::Report => current,
            _ => return Err(crate::keystore::KeyStoreError::WrongRole(current).into()),
        };
        let transport = keys.current(Role::Transport)?;
        let change = keys.wrapped_meter_keys(account.scope, account.binding.meter, version, transport)?;
        Ok((version, self.mail(card, Slot::METER_KEYS, change.emit().as_slice())?))
    }

    /// The meter of a binding has keys of this key version number: certificates and mail use them from now on. Says whether that is new.
    pub fn keys_changed(&mut self, binding: Binding, version: u8) -> Result<bool, DeskError> {
        let mut books = self.books.clone();
        let Some(held) = books.accounts.iter_mut().find(|held| held.binding == binding) else {
            return Ok(false);
        };
        let used = match Role::of(version) {
            Some(Role::Credit) => &mut held.credit_key,
            Some(Role::Parameter) => &mut held.parameter_keys,
            _ => return Ok(false),
        };
        // What a card says is not sealed: no more than what was ever made.
        let newest = self.issuer.keys().current(Role::of(version).unwrap_or(Role::Credit))?;
        if version <= *used || version > newest {
            return Ok(false);
        }
        *used = version;
        self.commit(books)?;
        Ok(true)
    }

    /// Learns from the meter's events on the card that is there which keys the meter has taken; gives those that are new. The card is read
    /// only where there is something to learn.
    pub fn learn_keys(&mut self, transport: &mut impl Transport) -> Result<Vec<u8>, DeskError> {
        let card = operate::present(transport)?.id;
        let account = self.carrier(card)?;
        let keys = self.issuer.keys();
        let current = [keys.current(Role::Credit)?, keys.current(Role::Parameter)?];
        if current == [account.credit_key, account.parameter_keys] {
            return Ok(Vec::new());
        }
        let mut session = operate::session(transport, self.issuer.keys_mut(), Role::Vending, &mut OsRandom)?;
        let events = operate::read_private(&mut session)?.events;
        let mut learnt = Vec::new();
        // The newest comes first.
        for event in events.iter().rev().filter(|event| event.code == code::KEYS_CHANGED) {
            let [version, ..] = event.data;
            if self.keys_changed(account.binding, version)? {
                learnt.push(version);
            }
        }
        Ok(learnt)
    }
}
