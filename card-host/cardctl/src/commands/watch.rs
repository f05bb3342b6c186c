//! `cardctl watch`: what happens at the readers.

use card_host::pcsc;

use super::Error;
use crate::context::Context;
use crate::context::reader::Place;
use crate::view::Printer;
use crate::view::watch::Happened;

/// Prints each event at the readers that are meant, until nobody reads it or the program is ended.
pub(crate) fn run(context: &Context, printer: Printer) -> Result<(), Error> {
    let name = match context.place() {
        Place::Pcsc(name) => name,
        // The simulated ones have no events of their own.
        Place::Simulated | Place::Tcp(_) | Place::Recorded(_) => "",
    };
    let mut initial = true;
    for event in pcsc::watch().map_err(crate::context::Error::from)? {
        initial &= event != pcsc::Event::Watching;
        let happened = Happened::new(&event, initial);
        if happened.concerns(name) {
            printer.print(&happened)?;
        }
    }
    Ok(())
}
