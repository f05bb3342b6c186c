//! `cardctl info`, `cardctl show` and `cardctl collect`: what is on a card.

use card_core::access_number::AccessNumber;
use card_core::key::KeyLength;
use card_core::role::Role;
use card_host::keystore::{KeyStore, SoftwareKeyStore};
use card_host::operate;
use card_host::random::OsRandom;
use std::io::Write;

use super::Error;
use crate::context::Context;
use crate::context::workplace::Workplace;
use crate::view::card::{Content, Info};
use crate::view::collect::Collected;

/// What is public.
pub(crate) fn info(context: &Context) -> Result<Info, Error> {
    context.with_card(None, false, |card| {
        let name = card.description();
        Ok(Info::new(operate::read_public(card)?, name))
    })
}

/// Everything: for the holder, who has the access number; or at a desk.
pub(crate) fn show(context: &Context, access: Option<&AccessNumber>) -> Result<Content, Error> {
    if let Some(access) = access {
        return context.with_card(None, false, |card| {
            let session = operate::holder_session(card, access, &mut OsRandom);
            Ok(Content::new(operate::read_private(&mut session?)?))
        });
    }
    let workplace = context.alone()?;
    let keys = desk_keys(&workplace)?;
    context.with_card(Some(&workplace), false, |card| {
        let session = operate::session(card, &keys, Role::Vending, &mut OsRandom);
        Ok(Content::new(operate::read_private(&mut session?)?))
    })
}

/// Takes what meters have put on the card.
pub(crate) fn collect(context: &Context) -> Result<Collected, Error> {
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    context.with_card(Some(&workplace), false, |card| {
        let brought = books.office.take_from_card(&books.who, card)?;
        Ok(Collected::new(&brought, &books.office.learn_keys(&books.who, card)?))
    })
}

/// The development keys, after their warning. Where there are none, some that open no card and are kept nowhere: the card says what
/// it is all the same.
fn desk_keys(workplace: &Workplace) -> Result<SoftwareKeyStore, Error> {
    let Some(keys) = workplace.keys()? else {
        return Ok(SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom)?);
    };
    if let Some(warning) = keys.warning() {
        let _ = writeln!(std::io::stderr(), "cardctl: {warning}");
    }
    Ok(keys)
}
