//! `cardctl sim`: the simulated reader and its cards.

use super::Error;
use crate::context::Context;
use crate::view::sim::{Changed, SimulatedCards};
use crate::words::both;

/// Makes a blank card and puts it into the simulated reader.
pub(crate) fn new(context: &Context) -> Result<Changed, Error> {
    let inserted = context.alone()?.insert_blank()?;
    let id = inserted.id;
    inserted.keep();
    Ok(Changed::new(
        id,
        both!("is new, blank, and in the simulated reader", "جديد وفارغ، وهو في قارئ المحاكاة"),
    ))
}

pub(crate) fn list(context: &Context) -> Result<SimulatedCards, Error> {
    Ok(SimulatedCards::new(&context.alone()?.simulated_cards()?))
}

/// Puts the card into the reader whose number begins so.
pub(crate) fn insert(context: &Context, number: &str) -> Result<Changed, Error> {
    Ok(Changed::new(
        context.alone()?.insert(number)?,
        both!("is in the simulated reader", "في قارئ المحاكاة"),
    ))
}

pub(crate) fn eject(context: &Context) -> Result<Changed, Error> {
    Ok(Changed::new(context.alone()?.eject()?, both!("is out of the simulated reader", "خارج قارئ المحاكاة")))
}

/// The next command that uses the card tears it.
pub(crate) fn power_cut(context: &Context, after: u64) -> Result<Changed, Error> {
    let id = context.alone()?.plan_power_cut(after)?;
    Ok(Changed::new(
        id,
        both!(
            "loses its power in the next command that uses it, where that goes so far",
            "تنقطع عنه الطاقة في الأمر التالي الذي يستخدمه، إن وصل إلى ذلك"
        ),
    ))
}
