//! Why the desk does not open, or does not know something.

use card_ledger::RequestId;
use std::net::SocketAddr;

/// Why there is no desk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeskError {
    #[error(
        "the desk is for this computer only, and {0} can be reached from others: name an address such as 127.0.0.1:8471"
    )]
    Outside(SocketAddr),
    #[error("the desk cannot listen at {0} ({1}): see what else does, or name another port with --listen")]
    Address(SocketAddr, #[source] std::io::Error),
    #[error("the desk cannot begin ({0}): see whether the computer has threads and files left")]
    Runtime(#[source] std::io::Error),
}

/// What is said of a request that the desk does not know.
#[derive(Debug, thiserror::Error)]
#[error(
    "this desk does not know request {0}: it was asked for before the desk was started; see `cardctl ledger sale {0}`"
)]
pub(crate) struct Forgotten(pub(super) RequestId);
