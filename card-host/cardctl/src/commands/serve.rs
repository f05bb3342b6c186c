//! `cardctl serve`: the ledger for channels, over the network.

use card_server::{Options, log_to_stderr, serve};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::commands::Error;
use crate::context::Context;
use crate::context::books::{Books, Founding};
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
    options.address = listen.unwrap_or(options.address);
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

/// Tells systemd, where it waits for that; where it does not, nobody.
pub(crate) fn listens() {
    #[cfg(target_os = "linux")]
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}
