//! The transcripts of `tests/vectors/card.json`, computed by a program written from the specification alone
//! (`tests/reference`), byte for byte against the card application.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use applet_sim::chip::{Chip, Entropy, FlashModel, chip};
use card_applet::{CardApplication, PAGES, Protocol, Reply, manufacture};
use card_core::id::{CardId, Environment};
use card_core::key::{AesKey, KeyLength};
use serde_json::Value;

const VECTORS: &str = include_str!("../../../tests/vectors/card.json");

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string")).expect("hexadecimal")
}

fn protocol(initial: &Value) -> Protocol {
    if initial["protocol"] == "T=0" { Protocol::T0 } else { Protocol::Block }
}

fn blank(initial: &Value) -> CardApplication<Chip<FlashModel>> {
    let mut chip = chip(FlashModel::new(PAGES, 1), Entropy::Fixed(Vec::new().into()));
    let length = KeyLength::from_bytes(initial["key_bits"].as_u64().unwrap() as usize / 8).unwrap();
    let card = CardId(bytes(&initial["card_id"]).try_into().unwrap());
    let environment = Environment::from_code(bytes(&initial["environment"])[0]).unwrap();
    let master = AesKey::new(&bytes(&initial["initial_master"])).unwrap();
    manufacture(&mut chip, card, environment, &master, length).unwrap();
    CardApplication::power_up(chip, protocol(initial))
}

#[test]
fn every_transcript_agrees_byte_for_byte() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let mut steps = 0;
    let mut wrong = Vec::new();
    for transcript in vectors["transcripts"].as_array().unwrap() {
        let mut card = blank(&transcript["initial"]);
        for (number, step) in transcript["steps"].as_array().unwrap().iter().enumerate() {
            if step["power_up"] == true {
                card.reset(protocol(&transcript["initial"]));
                continue;
            }
            let challenge = step.get("card_challenge").map(bytes).unwrap_or_default();
            card.platform_mut().random = Entropy::Fixed(challenge.into());
            let mut reply = Reply::new();
            card.process(&bytes(&step["command"]), &mut reply);
            steps += 1;
            if reply.as_slice() != bytes(&step["response"]) {
                wrong.push(format!(
                    "{} step {number} {}\n  command  {}\n  plain    {}\n  expected {} ({})\n  got      {reply:?}",
                    transcript["title"],
                    step["description"],
                    step["command"],
                    step["plain_command"],
                    step["response"],
                    step["plain_response"],
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {steps} steps differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(steps > 300, "the vectors have shrunk to {steps} steps");
}
