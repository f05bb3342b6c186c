//! Published tariffs, as examples and for the simulator. A meter gets its tariff by mail.

use super::{Basis, Charge, ChargeCode, Kind, MAX_CHARGES, MAX_SLABS, Price, Slab, Tariff};
use crate::units::CardTime;

/// 2024-08-01, 00:00 in Cairo (UTC+3).
const AUGUST_2024: CardTime = CardTime(144_622_800);

const fn slab(bound: u32, piastres: u32, fee_egp: u32) -> Slab {
    Slab { bound: Some(bound), price: Price(piastres * 1000), restart: false, fee: fee_egp * 100 }
}

const fn restart(slab: Slab) -> Slab {
    Slab { restart: true, ..slab }
}

const fn last(slab: Slab) -> Slab {
    Slab { bound: None, ..slab }
}

/// Egypt's residential tariff since August 2024, with the customer service fee by slab and the cleaning fee of the governorate.
pub const EGYPT_2024_08: Tariff = Tariff {
    version: 1,
    start: AUGUST_2024,
    kind: Kind::Residential,
    zero_fee: 900,
    slabs: [
        slab(50, 68, 1),
        slab(100, 78, 2),
        restart(slab(200, 95, 6)),
        slab(350, 155, 11),
        slab(650, 195, 15),
        restart(slab(1000, 210, 25)),
        restart(last(slab(0, 223, 40))),
        Slab::UNUSED,
    ],
    slab_count: 7,
    charges: [
        Charge { code: ChargeCode::CLEANING, basis: Basis::Fixed(2000) },
        Charge::UNUSED,
        Charge::UNUSED,
        Charge::UNUSED,
        Charge::UNUSED,
    ],
    charge_count: 1,
};

/// Egypt's flat tariff of coded (unlicensed) meters since August 2024. The published list names no fees for them.
pub const EGYPT_2024_08_CODED: Tariff = Tariff {
    version: 1,
    start: AUGUST_2024,
    kind: Kind::Coded,
    zero_fee: 0,
    slabs: {
        let mut slabs = [Slab::UNUSED; MAX_SLABS];
        slabs[0] = last(slab(0, 223, 0));
        slabs
    },
    slab_count: 1,
    charges: [Charge::UNUSED; MAX_CHARGES],
    charge_count: 0,
};
