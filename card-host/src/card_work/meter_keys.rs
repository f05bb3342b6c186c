//! Changes of a meter's keys (docs/meter.md, section 9).
//!
//! A meter knows the current keys of a role and the ones before. So an issuer goes on with the old ones until it has heard that the meter
//! has the new ones, and sends no newer ones before that.

use card_core::parameters::KeyChange;
use card_core::role::{KeyVersion, Role};

use crate::issuer::BindingAccount;
use crate::keystore::{KeyStore, KeyStoreError};

/// The next keys of `role` for the meter of a binding, wrapped under the transport key that it has: where the meter has the current ones, these again.
pub fn next_keys(
    keys: &dyn KeyStore,
    account: &BindingAccount,
    role: Role,
    transport: KeyVersion,
) -> Result<(KeyVersion, KeyChange), KeyStoreError> {
    let current = keys.current(role)?;
    let version = match role {
        Role::Credit => account.credit_key.next().min(current),
        Role::Parameter => account.parameter_keys.next().min(current),
        Role::Report | Role::MeterBase | Role::Transport => current,
        _ => return Err(KeyStoreError::WrongRole(current)),
    };
    Ok((version, keys.wrapped_meter_keys(account.scope, account.binding.meter, version, transport)?))
}

/// The account of a binding once its meter has keys of this key version number; `None` where that is no news.
pub fn with_keys(
    keys: &dyn KeyStore,
    held: BindingAccount,
    version: KeyVersion,
) -> Result<Option<BindingAccount>, KeyStoreError> {
    let (role, used) = match version.role() {
        Some(Role::Credit) => (Role::Credit, held.credit_key),
        Some(Role::Parameter) => (Role::Parameter, held.parameter_keys),
        _ => return Ok(None),
    };
    // A broken meter says what it likes: no more than what was ever made.
    if version <= used || version > keys.current(role)? {
        return Ok(None);
    }
    Ok(Some(match role {
        Role::Credit => BindingAccount { credit_key: version, ..held },
        _ => BindingAccount { parameter_keys: version, ..held },
    }))
}
