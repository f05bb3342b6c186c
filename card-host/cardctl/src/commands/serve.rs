//! `cardctl serve`: the ledger for channels, over the network.

use card_server::{Options, Readers, log_to_stderr, serve};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::commands::Error;
use crate::context::Context;
use crate::context::books::{Books, Founding};
use crate::say;
use crate::view::Printer;
use crate::view::serve::Listening;

/// What is done at a time.
pub(crate) struct Within {
    pub(crate) options: Options,
    /// Connections to a database at most.
    pub(crate) pool: u32,
}

impl Within {
    /// Connections to a database besides one for each thread that works for channels: for the rules, the status, and what else is run in
    /// a server.
    pub(crate) const BESIDE: u32 = 4;
}

/// Serves until it is told to end. What is said at the beginning tells that it listens, and where; systemd is told so too.
pub(crate) fn run(
    context: &Context,
    listen: Option<SocketAddr>,
    within: Within,
    printer: Printer,
) -> Result<(), Error> {
    let _log = log_to_stderr();
    let Within { mut options, pool } = within;
    let books = Books::open(context, &context.shared()?, Founding::Never, pool)?;
    if let Some(warning) = books.keys.store().warning() {
        say::remark(warning);
    }
    options.address = listen.unwrap_or(options.address);
    options.readers = readers;
    let mut failed = None;
    serve(Arc::clone(&books.office), options, |address| {
        if let Err(error) = printer.print(&Listening { listening: address.to_string() }) {
            failed = Some(error);
        }
        listens();
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// The readers of this computer. Where there is no pcscd, that is no fault of a server.
fn readers() -> Option<Readers> {
    let all = card_host::pcsc::readers_and_cards().ok()?;
    let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
    Some(Readers { there: count(all.len()), with_card: count(all.iter().filter(|(_, card)| *card).count()) })
}

/// Tells systemd, where it waits for that; where it does not, nobody.
pub(crate) fn listens() {
    #[cfg(target_os = "linux")]
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}
