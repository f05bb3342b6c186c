//! `cardctl serve`: the ledger for channels, over the network.

use card_server::{Options, log_to_stderr, serve};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::cli::Arguments;
use crate::commands::{Error, Print, books};
use crate::context::workplace::Workplace;
use crate::view::Output;

/// Serves until it is told to end. What is said at the beginning tells that it listens, and where.
pub(crate) fn run(arguments: &Arguments, listen: Option<SocketAddr>, print: Print<'_>) -> Result<(), Error> {
    let workplace = Workplace::shared(arguments.data.as_deref())?;
    let books = books(arguments, &workplace)?;
    let _log = log_to_stderr();
    let mut options = Options::default();
    options.address = listen.unwrap_or(options.address);
    let mut failed = None;
    serve(Arc::clone(&books.office), options, |address| {
        let text = format!(
            "listening at http://{address}; tokens: cardctl ledger token add PARTY NAME; end with Ctrl-C"
        );
        if let Err(error) = print(&Output::new(text, json!({ "listening": address.to_string() }))) {
            failed = Some(error);
        }
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}
