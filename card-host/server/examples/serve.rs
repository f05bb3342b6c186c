//! Serves a ledger in memory to channels, asks it once how it is, and stops; with `--stay` it stays until Ctrl-C.
//! `cargo run -q -p card-server --example serve [-- --stay]`
#![allow(clippy::print_stdout, reason = "an example shows what comes of it")]

use card_channel::client::Client;
use card_host::card_core::key::KeyLength;
use card_host::card_work::development_scope;
use card_host::issuer::SystemClock;
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_ledger::{Office, Policy, SqliteLedger};
use card_server::{Options, serve};
use std::sync::Arc;
use std::thread;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stay = std::env::args().any(|argument| argument == "--stay");
    let ledger = Arc::new(SqliteLedger::in_memory(development_scope())?);
    let keys = Arc::new(SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom)?);
    let office = Office::found(ledger, keys, SystemClock, "example", &Policy::for_development())?;

    // Any port that is free, on this computer only. A proxy in front ends TLS.
    let mut options = Options::default();
    options.address.set_port(0);
    let stop = options.stop.clone();
    let mut asking = None;
    serve(Arc::new(office), options, |address| {
        println!("listening at http://{address}");
        if !stay {
            asking = Some(thread::spawn(move || {
                let status = Client::new(&format!("http://{address}"), "no-token-is-needed")
                    .and_then(|client| client.server());
                stop.stop();
                status
            }));
        }
    })?;
    if let Some(asking) = asking {
        let status = asking.join().map_err(|_| "the one who asked has panicked")??;
        println!(
            "protocol {}, version {}, the ledger answers: {}",
            status.protocol, status.version, status.store
        );
    }
    Ok(())
}
