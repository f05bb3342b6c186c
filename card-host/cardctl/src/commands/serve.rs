//! `cardctl serve`: the ledger for channels, over the network.

use card_server::{Options, log_to_stderr, serve};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::commands::Error;
use crate::context::Context;
use crate::context::books::{Books, CONNECTIONS, Founding};
use crate::say;
use crate::view::Printer;
use crate::view::serve::Listening;

/// Connections to a database besides one for each thread that works for channels: for the rules, the status, and what else is run in a server.
const BESIDE: u32 = 4;

/// Serves until it is told to end. What is said at the beginning tells that it listens, and where.
pub(crate) fn run(context: &Context, listen: Option<SocketAddr>, printer: Printer) -> Result<(), Error> {
    let _log = log_to_stderr();
    let mut options = Options::default();
    let connections = u32::try_from(options.work).unwrap_or(CONNECTIONS).saturating_add(BESIDE);
    let books = Books::open(context, &context.shared()?, Founding::Never, connections)?;
    if let Some(warning) = books.keys.store().warning() {
        say::remark(warning);
    }
    options.address = listen.unwrap_or(options.address);
    let mut failed = None;
    serve(Arc::clone(&books.office), options, |address| {
        if let Err(error) = printer.print(&Listening { listening: address.to_string() }) {
            failed = Some(error);
        }
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}
