//! The card and its issuer for firmware in C (`card-core/ffi/examples/qemu/card.h`).
#![allow(unsafe_code, reason = "names without mangling, and a static: what C needs")]

use core::cell::UnsafeCell;

use card_core::tariff::EGYPT_2024_08;
use card_meter::{METER_TARIFF_SIZE, MeterCommand, MeterInstallation, MeterKey, MeterResponse};

use crate::card::Card;
use crate::chip::Alone;
use crate::issuer;

static CARD: Alone<Option<Card>> = Alone(UnsafeCell::new(None));

fn card() -> &'static mut Option<Card> {
    // SAFETY: none of the functions below calls another one, and the program has one thread.
    unsafe { &mut *CARD.0.get() }
}

/// What the maker writes into the meter; 0: done.
#[unsafe(no_mangle)]
pub extern "C" fn simulated_installation(out: &mut MeterInstallation) -> u8 {
    let Some(made) = installation() else { return 1 };
    *out = made;
    0
}

/// A customer's card for the meter, without credit; 0: done.
#[unsafe(no_mangle)]
pub extern "C" fn simulated_card_issue() -> u8 {
    *card() = Card::new();
    card().is_none().into()
}

/// A kiosk loads a voucher: all credit that was ever sold, in piastres, and which voucher it is, from 2 on; 0: done.
#[unsafe(no_mangle)]
pub extern "C" fn simulated_card_load(total: u64, sequence: u32) -> u8 {
    let voucher = issuer::voucher(1, sequence, total);
    let loaded = card().as_mut().zip(voucher).and_then(|(card, voucher)| card.load(&voucher));
    loaded.is_none().into()
}

/// The card answers a command.
#[unsafe(no_mangle)]
pub extern "C" fn simulated_card_answer(command: &MeterCommand, response: &mut MeterResponse) {
    response.length = 0;
    let Some(card) = card() else { return };
    let reply = card.process(command.bytes.get(..command.length.into()).unwrap_or_default());
    for (to, from) in response.bytes.iter_mut().zip(reply.as_slice()) {
        *to = *from;
        response.length += 1;
    }
}

/// The card is taken out.
#[unsafe(no_mangle)]
pub extern "C" fn simulated_card_leave() {
    if let Some(card) = card() {
        card.leave();
    }
}

/// What the maker writes into the meter. `None` never comes.
#[inline(never)]
pub fn installation() -> Option<MeterInstallation> {
    fn key(version: u8, key: &card_core::key::AesKey) -> MeterKey {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(key.expose()) {
            *to = *from;
        }
        MeterKey { version, length: key.expose().len() as u8, bytes }
    }
    let (parameter, report) = (issuer::mail_keys(0x81)?, issuer::mail_keys(0x91)?);
    let emitted = EGYPT_2024_08.as_bytes();
    let mut tariff = [0; METER_TARIFF_SIZE];
    tariff.get_mut(..emitted.len())?.copy_from_slice(emitted);
    Some(MeterInstallation {
        id: issuer::METER.0,
        company: issuer::SCOPE.company.0,
        environment: issuer::SCOPE.environment.code(),
        tariff_length: emitted.len() as u8,
        tariff,
        base: key(0xA1, &issuer::meter_key(0xA1)?),
        credit: key(0x71, &issuer::meter_key(0x71)?),
        parameter_mac: key(0x81, &parameter.mac),
        parameter_enc: key(0x81, &parameter.enc),
        report_mac: key(0x91, &report.mac),
        report_enc: key(0x91, &report.enc),
        report_receipt: key(0x91, &issuer::receipt_key(0x91)?),
        transport: key(0xB1, &issuer::master(0xB1)?),
        energy: 1000,
        firmware: 1,
    })
}
