//! `applet-sim serve`: cards at ports.

use applet_sim::card::{CardError, Profile, SimulatedCard};
use applet_sim::endpoint::{Endpoint, TestCard};
use card_core::id::{CardId, Environment};
use card_core::key::KeyLength;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::{Error, at, random_card_id, stop_signal};

/// Serves the cards in `images`, and `blank` ones in memory, until it is told to end.
pub(crate) fn run(
    images: &[PathBuf],
    blank: u16,
    first: SocketAddr,
    profile: Profile,
    print: impl Fn(String, Value) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut cards: Vec<((CardId, Box<dyn TestCard>), _)> = Vec::new();
    for path in images {
        let card = SimulatedCard::open(path, profile).map_err(|error| at(path, error))?;
        let id = card.id().ok_or_else(|| at(path, CardError::Random))?;
        cards.push(((id, Box::new(card)), Some(path)));
    }
    for _ in 0..blank {
        let id = random_card_id()?;
        let card = SimulatedCard::blank(id, Environment::Test, KeyLength::Aes256, profile);
        let card = card.map_err(|error| Error::Blank(error.into()))?;
        cards.push(((id, Box::new(card)), None));
    }
    let stop = stop_signal()?;
    let (cards, images): (Vec<_>, Vec<_>) = cards.into_iter().unzip();
    let endpoint = Endpoint::start(cards, first).map_err(|error| Error::Listen { address: first, error })?;
    for ((id, address), image) in endpoint.cards().zip(images) {
        print(
            format!("card {id} at tcp://{address} and http://{address}; end with Ctrl-C"),
            json!({ "card_id": id.to_string(), "address": address.to_string(), "image": image }),
        )?;
    }
    while !stop.load(Ordering::Acquire) {
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
