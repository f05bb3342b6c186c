//! Which keys a meter has, as far as the ledger knows.

use card_core::id::Binding;
use card_core::message::{Envelope, Slot};
use card_core::parameters::{KeysInUse, Readings};

use super::error::LedgerError;
use super::payload::Payload;
use super::store::Transaction;

/// Entries of a binding, and former bindings of a meter, in which its readings are looked for.
const LOOK_BACK: u32 = 64;
const BINDINGS: u32 = 3;

/// The keys that a meter said it has, in the newest readings that the ledger has of it.
pub(super) fn keys_of_meter(
    t: &mut dyn Transaction,
    binding: Binding,
) -> Result<Option<KeysInUse>, LedgerError> {
    for back in 0..BINDINGS {
        let Some(number) = binding.number.checked_sub(back).filter(|number| *number > 0) else { break };
        for entry in t.history(Binding { number, ..binding }, LOOK_BACK)? {
            let Some(Payload::Mail { envelope, opened }) = Payload::parse(&entry.payload) else { continue };
            let readings = Envelope::parse(&envelope).is_ok_and(|envelope| envelope.slot == Slot::READINGS);
            if let Some(readings) = Readings::parse(&opened).ok().filter(|_| readings) {
                return Ok(Some(readings.keys));
            }
        }
    }
    Ok(None)
}

/// The versions of the base key and of the transport key that a meter has: as it said last, else as its contract was opened with.
pub(super) fn base_and_transport(
    t: &mut dyn Transaction,
    binding: Binding,
) -> Result<Option<(u8, u8)>, LedgerError> {
    if let Some(known) = keys_of_meter(t, binding)? {
        return Ok(Some((known.base, known.transport)));
    }
    let opened =
        t.history(binding, LOOK_BACK)?.into_iter().find_map(|entry| match Payload::parse(&entry.payload) {
            Some(Payload::Opened { base, transport, .. }) => Some((base, transport)),
            _ => None,
        });
    Ok(opened)
}
