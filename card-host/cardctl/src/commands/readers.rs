//! `cardctl readers`: what is attached.

use card_host::pcsc;

use crate::context::Error;
use crate::view::readers::Readers;

pub(crate) fn list() -> Result<Readers, Error> {
    Ok(pcsc::readers_and_cards()?.into())
}
