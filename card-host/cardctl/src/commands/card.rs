//! `cardctl info`, `cardctl show` and `cardctl collect`: what is on a card.

use card_core::access_number::AccessNumber;
use card_core::key::KeyLength;
use card_core::role::Role;
use card_host::keystore::SoftwareKeyStore;
use card_host::operate;
use card_host::random::OsRandom;
use card_ledger::{Renewed, standing};
use std::sync::Arc;

use super::Error;
use crate::context::books;
use crate::context::custody;
use crate::context::office_keys::OfficeKeys;
use crate::context::workplace::Workplace;
use crate::context::{self, Context};
use crate::say;
use crate::view::card::{Content, Info};
use crate::view::collect::Collected;
use crate::words::said;

/// What is public.
pub(crate) fn info(context: &Context) -> Result<Info, Error> {
    let ledger = books::there(context)?;
    context.with_card(None, |card| {
        let name = card.description();
        let public = operate::read_public(card)?;
        let standing = match ledger {
            Some(ledger) => Some(standing(&*ledger, public.summary.card.id)?.into()),
            None => None,
        };
        Ok(Info::new(public, name, standing))
    })
}

/// Everything: for the holder, who has the access number; or at a desk.
pub(crate) fn show(context: &Context, access: Option<&AccessNumber>) -> Result<Content, Error> {
    if let Some(access) = access {
        return context.with_card(None, |card| {
            let session = operate::holder_session(card, access, &mut OsRandom);
            Ok(Content::new(operate::read_private(&mut session?)?, None))
        });
    }
    let workplace = context.alone()?;
    // Without a ledger the card says what it is all the same.
    let (keys, books) = match context.books(&workplace) {
        Ok(books) => (books.keys.clone(), Some(books)),
        Err(_) => (desk_keys(&workplace)?, None),
    };
    context.with_card(Some(&workplace), |card| {
        let session = operate::session(card, keys.store(), Role::Vending, &mut OsRandom);
        let reading = operate::read_private(&mut session?)?;
        let books = books.map(|books| standing(books.office.ledger(), reading.card.id)).transpose()?;
        Ok(Content::new(reading, books.map(Into::into)))
    })
}

/// Takes what meters have put on the card.
pub(crate) fn collect(context: &Context) -> Result<Collected, Error> {
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    context.with_card(Some(&workplace), |card| {
        let language = say::language();
        let collected = Collected::new(books.office.take_from_card(&books.who, card)?);
        // What comes by gets the keys of the present masters; where that breaks off, the next visit goes on.
        match books.office.renew(&books.who, card) {
            Ok(Renewed { card, meter }) => {
                for version in card {
                    say::remark(said!(
                        language,
                        "the card has new keys, {version}",
                        "للكارت بيانات تشفير جديدة {version}",
                        version,
                    ));
                }
                if let Some(version) = meter {
                    say::remark(said!(
                        language,
                        "the card takes new keys to its meter, {version}",
                        "ينقل الكارت إلى عداده بيانات تشفير جديدة {version}",
                        version,
                    ));
                }
            }
            Err(error) => say::remark(said!(
                language,
                "the card's keys were not renewed ({error}); its next visit goes on",
                "لم تُجدد بيانات تشفير الكارت ({error})، ويكتمل ذلك في زيارته التالية",
                error,
            )),
        }
        Ok(collected)
    })
}

/// The office's keys. Where there are none, some that open no card and are kept nowhere: the card says what
/// it is all the same.
fn desk_keys(workplace: &Workplace) -> Result<OfficeKeys, context::Error> {
    let Some(keys) = workplace.keys()? else {
        let none = custody::in_memory(SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom)?);
        return Ok(OfficeKeys::Own(Arc::new(none)));
    };
    Ok(keys)
}
