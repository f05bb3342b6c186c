//! The tour in process, on every profile and with both key lengths.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use applet_sim::card::Profile;
use card_core::key::KeyLength;
use card_host::stage::Table;
use cardctl::tour::play;

#[test]
fn the_money_adds_up_on_every_profile() {
    for profile in [Profile::T1, Profile::T0, Profile::Contactless] {
        for length in [KeyLength::Aes128, KeyLength::Aes256] {
            let mut lines = 0;
            let money = play(&mut Table::new(profile), length, &mut |line| {
                lines += 1;
                println!("{:2} {}: {}", line.number, line.title, line.outcome);
            });
            let money = money.unwrap_or_else(|error| panic!("{profile:?}, {length:?}: {error}"));
            assert_eq!(money.difference(), 0);
            assert!(money.paid.0 > 0 && money.consumed.0 > 0 && money.in_meter.0 > 0);
            assert!(lines >= 20, "the tour has shrunk to {lines} steps");
        }
    }
}
