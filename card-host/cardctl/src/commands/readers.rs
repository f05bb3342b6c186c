//! `cardctl readers` and `cardctl diagnose`: what is attached.

use card_host::pcsc;

use crate::context::Error;
use crate::view::readers::{Checks, Readers};

pub(crate) fn list() -> Result<Readers, Error> {
    Ok(pcsc::readers_and_cards()?.into())
}

pub(crate) fn diagnose() -> Checks {
    pcsc::diagnose().into()
}
