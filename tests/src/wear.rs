//! How often the pages of a meter's memory are erased in a year, page by page, without a warning before power cuts.

// A fixture fails the test that uses it.
#![allow(clippy::unwrap_used, reason = "a fixture fails the test that uses it")]

use card_host::card_core::id::{Channel, MeterId};
use card_host::card_core::key::KeyLength;
use card_host::card_core::units::{CardTime, Energy, Piastres};
use card_host::card_work::{CardChoice, load};
use card_host::keystore::SoftwareKeyStore;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_host::stage::{Stage, Table};
use card_ledger::Development;

const MINUTES_A_DAY: u32 = 24 * 60;
const DAYS: u32 = 365;
/// 2030-01-01: not today, for days and months are to be the same whenever this runs.
const START: u32 = 315_619_200;

/// What a page can be erased, as flash memory of the usual kind.
pub const CYCLES: u32 = 100_000;

/// Erases of each page in a year of a household that uses `kwh` a month: pulses of 10 Wh, a tick every minute, demand every
/// quarter of an hour, a card every week, a power cut every month.
///
/// # Panics
/// Where the meter refuses anything.
#[must_use]
pub fn year(kwh: u32) -> Vec<u32> {
    let mut stage = Table::new(applet_sim::card::Profile::T1);
    let keys = SoftwareKeyStore::generate(KeyLength::Aes128, &mut OsRandom).unwrap();
    let company = Development::new(keys).unwrap();
    let Development { office, who, .. } = &company;
    let id = MeterId::from(1);
    let card = stage.new_card().unwrap();
    stage.insert(card).unwrap();
    let choice = CardChoice::default();
    office.issue(who, &company.id(), &mut stage.card().unwrap(), id, 1, choice, None).unwrap();
    let number = operate::present(&mut stage.card().unwrap()).unwrap().id;
    let keys = company.keys.meter_keys(office.scope(), id).unwrap();
    let mut meter = SimulatedMeter::in_memory(id, office.scope(), keys, &from_the_maker()).unwrap();

    // Enough credit for the year; afterwards a visit brings nothing, and is reported all the same.
    for _ in 0..4 {
        let voucher = company.sell(number, Piastres(1_000_000), Channel::Branch).unwrap();
        load(&mut stage.card().unwrap(), &voucher).unwrap();
    }
    // Of a year, in 10 Wh; more in some minutes than in others.
    let all = u64::from(kwh) * 12 * 100;
    let mut told = 0;
    for minute in 0..DAYS * MINUTES_A_DAY {
        let now = CardTime(START + minute * 60);
        if minute % (7 * MINUTES_A_DAY) == 0 {
            assert!(meter.tap(&mut stage.card().unwrap(), now).unwrap().settled);
        }
        if minute % (30 * MINUTES_A_DAY) == 0 {
            meter.power_up().unwrap();
        }
        meter.tick(now).unwrap();
        if minute % 15 == 0 {
            meter.demand(now, 300 + minute.wrapping_mul(2_654_435_761) % 4_000).unwrap();
        }
        let due = all * u64::from(minute + 1) / u64::from(DAYS * MINUTES_A_DAY);
        while told < due {
            meter.consume(now, Energy(1)).unwrap();
            told += 1;
        }
    }
    meter.erases()
}
