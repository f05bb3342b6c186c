//! A meter on hardware of one's own, here arrays and a counter, and a card's visit at it: what firmware in Rust gives and calls.
//! `cargo run -q -p card-ledger --example own_meter`
#![allow(clippy::print_stdout, reason = "an example shows what comes of it")]

mod customer;

use card_host::card_core::meter::{MEMORY_PAGES, Meter, MeterIdentity};
use card_host::card_core::platform::{Memory, MemoryError, PAGE, Parts, Random, RandomError};
use card_host::card_core::soft::SoftEngine;
use card_host::card_core::units::Energy;
use card_host::random::OsRandom;
use card_host::{simulated_meter::from_the_maker, tap::tap};

/// Pages that survive a power cut. A chip says in `margin` whether all bits of a page are firm.
struct Pages([[u8; PAGE]; MEMORY_PAGES as usize]);

impl Pages {
    fn page(&mut self, page: u16) -> Result<&mut [u8; PAGE], MemoryError> {
        self.0.get_mut(usize::from(page)).ok_or(MemoryError::OutOfRange)
    }
}

impl Memory for Pages {
    fn read(&mut self, page: u16, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        let bytes = self.page(page)?.get(offset..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(bytes.ok_or(MemoryError::OutOfRange)?);
        Ok(())
    }
    fn erase(&mut self, page: u16) -> Result<(), MemoryError> {
        self.page(page).map(|bytes| bytes.fill(0xFF))
    }
    fn program(&mut self, page: u16, data: &[u8; PAGE]) -> Result<(), MemoryError> {
        self.page(page).map(|bytes| bytes.iter_mut().zip(data).for_each(|(byte, new)| *byte &= new))
    }
    fn margin(&mut self, page: u16) -> Result<bool, MemoryError> {
        self.page(page).map(|_| true)
    }
}

/// The meter's source of random numbers; a real one fails where it does not trust itself.
struct Noise;

impl Random for Noise {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        OsRandom.fill(out)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (company, mut card, id) = customer::customer()?;
    let scope = company.office.scope();
    // At the factory, once. AES is in software here; a chip's own is an `Engine`. The clock is read with every call.
    let hardware = Parts::new(SoftEngine, Noise, Pages([[0xFF; PAGE]; MEMORY_PAGES as usize]));
    let keys = company.keys.meter_keys(scope, id)?.to_install()?;
    let mut meter = Meter::install(hardware, MeterIdentity { id, scope }, keys, &from_the_maker())?;
    let now = company.office.now()?;
    tap(&mut meter, &mut card, now.into())?;
    meter.consume(now.into(), Energy(250))?;
    println!("2.50 kWh later: {} EGP", meter.state().balance);
    Ok(())
}
