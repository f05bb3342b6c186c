//! The transcripts of `tests/vectors/card.json` again, through the `apdu_app::App` trait, as a firmware runner would call it.
//! What the runner does itself is left out: GET RESPONSE and 61xx, extended lengths, class bytes that the crate refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use apdu_app::{App, CommandView, Interface};
use applet_sim::chip::{Entropy, FlashModel, chip};
use card_applet::{CardApplication, PAGES, Protocol, manufacture};
use card_core::id::{AID, CardId, Environment};
use card_core::key::{AesKey, KeyLength};
use serde_json::Value;

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

#[test]
fn the_runner_gets_what_the_reader_gets() {
    let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/card.json")).unwrap();
    let (mut compared, mut left_out) = (0, 0);
    for transcript in vectors["transcripts"].as_array().unwrap() {
        let initial = &transcript["initial"];
        // How answers leave over T=0 is the runner's.
        if initial["protocol"] == "T=0" {
            continue;
        }
        let mut chip = chip(FlashModel::new(PAGES, 1), Entropy::Fixed(Vec::new().into()));
        let length = KeyLength::from_bytes(initial["key_bits"].as_u64().unwrap() as usize / 8).unwrap();
        let card = CardId(bytes(&initial["card_id"]).try_into().unwrap());
        let environment = Environment::from_code(bytes(&initial["environment"])[0]).unwrap();
        let master = AesKey::new(&bytes(&initial["initial_master"])).unwrap();
        manufacture(&mut chip, card, environment, &master, length).unwrap();
        let mut app = CardApplication::power_up(chip, Protocol::Block);
        assert!(iso7816::App::aid(&app).matches(&AID));
        for step in transcript["steps"].as_array().unwrap() {
            if step["power_up"] == true {
                app.reset(Protocol::Block);
                continue;
            }
            let challenge = step.get("card_challenge").map(bytes).unwrap_or_default();
            app.platform_mut().random = Entropy::Fixed(challenge.into());
            let (command, response) = (bytes(&step["command"]), bytes(&step["response"]));
            let (data, status) = response.split_at(response.len() - 2);
            let parts = status[0] == 0x61 || status == [0x62, 0x82] || command.get(1) == Some(&0xC0);
            let Ok(view) = CommandView::try_from(command.as_slice()) else {
                left_out += 1;
                continue;
            };
            let mut reply = heapless::Vec::<u8, 256>::new();
            let result = app.call(Interface::Contact, view, &mut reply);
            if parts {
                left_out += 1;
                continue;
            }
            let got = result.map_or_else(u16::from, |()| 0x9000);
            assert_eq!(
                (got.to_be_bytes().as_slice(), reply.as_slice()),
                (status, data),
                "{}: {}",
                transcript["title"],
                step["description"]
            );
            compared += 1;
        }
    }
    println!("{compared} steps compared, {left_out} left to the runner");
    assert!(compared > 800, "only {compared} steps were compared, {left_out} left out");
}
