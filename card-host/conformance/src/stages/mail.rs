//! PUT MAIL, GET MAIL and PUT METER MAIL (specification, section 10).

use card_core::id::{Binding, CardId, Company, Scope};

use super::METER;
use crate::issuer::{BINDING, OTHER_METER, SCOPE};
use crate::subject::{Check, Subject};

const PUT: [u8; 4] = [0x80, 0x42, 0x00, 0x00];
const GET: [u8; 4] = [0x80, 0x44, 0x00, 0x00];
const PUT_METER: [u8; 4] = [0x80, 0x4E, 0x00, 0x00];

pub(super) fn run(subject: &mut Subject<'_>) -> bool {
    to_meter(subject);
    to_issuer(subject);
    true
}

/// What PUT MAIL answers for an envelope of this binding, slot and version.
fn put(subject: &mut Subject<'_>, binding: Binding, slot: u8, version: u32) -> Check<crate::subject::Answer> {
    let delivery = subject.issuer.delivery(&subject.issuer.envelope(binding, slot, version)?)?;
    subject.plain(PUT, &delivery)
}

/// What both answer.
fn answer(outcome: u8, slot: u8, version: u32) -> Vec<u8> {
    [&[outcome, slot][..], &version.to_be_bytes()].concat()
}

fn to_meter(subject: &mut Subject<'_>) {
    subject.answers("10", "an empty slot: 6A88", 0x6A88, GET, &[]);
    for (rule, status, scope, card, version) in [
        (
            "of another company",
            0x9402,
            Scope { company: Company(0x0103), ..SCOPE },
            subject.issuer.card,
            0x51,
        ),
        ("for another card", 0x9401, SCOPE, CardId([1; 8]), 0x51),
        ("of another load key version", 0x9409, SCOPE, subject.issuer.card, 0x52),
    ] {
        subject.rule("10", format!("mail {rule}: {status:04X}"), |subject| {
            let envelope = subject.issuer.envelope(BINDING, 0, 1)?;
            let delivery = subject.issuer.delivery_of(&envelope, scope, card, version)?;
            subject.plain(PUT, &delivery)?.is(status)
        });
    }
    subject.rule("10", "mail with a wrong code: 9408", |subject| {
        let mut delivery = subject.issuer.delivery(&subject.issuer.envelope(BINDING, 0, 1)?)?;
        if let Some(byte) = delivery.last_mut() {
            *byte ^= 1;
        }
        subject.plain(PUT, &delivery)?.is(0x9408)
    });
    subject.answers("10", "mail of 63 bytes: 6700", 0x6700, PUT, &[1; 63]);
    for (rule, status, binding, slot) in [
        ("in a slot of the other direction", 0x6A80, BINDING, 0x11),
        ("for another meter", 0x9404, Binding { meter: OTHER_METER, ..BINDING }, 0),
        ("for another binding", 0x9405, Binding { number: 2, ..BINDING }, 0),
    ] {
        subject.rule("10", format!("mail {rule}: {status:04X}"), |subject| {
            put(subject, binding, slot, 1)?.is(status)
        });
    }
    for slot in 0..0x0C {
        subject.rule(
            "10",
            format!("slot {slot:02X} takes mail, gives it to everybody, and knows it again"),
            |subject| {
                put(subject, BINDING, slot, 5)?.has(&answer(1, slot, 5))?;
                let envelope = subject.issuer.envelope(BINDING, slot, 5)?;
                subject.plain([0x80, 0x44, slot, 0x00], &[])?.has(envelope.as_bytes())?;
                put(subject, BINDING, slot, 5)?.has(&answer(2, slot, 5))
            },
        );
    }
    subject.rule("10", "older mail: 940A", |subject| put(subject, BINDING, 0, 4)?.is(0x940A));
    subject.rule("10", "newer mail takes the place of older, and stays at power-up", |subject| {
        put(subject, BINDING, 0, 6)?.has(&answer(1, 0, 6))?;
        subject.reset()?;
        let envelope = subject.issuer.envelope(BINDING, 0, 6)?;
        subject.plain(GET, &[])?.has(envelope.as_bytes())
    });
}

fn to_issuer(subject: &mut Subject<'_>) {
    let put = |subject: &mut Subject<'_>, binding: Binding, slot, version| {
        let envelope = subject.issuer.envelope(binding, slot, version)?;
        let mut session = subject.open(METER.0, METER.1)?;
        subject.send(&mut session, PUT_METER, envelope.as_bytes())
    };
    for (rule, status, binding, slot) in [
        ("in a slot of the other direction", 0x6A80, BINDING, 0x00),
        ("of another meter", 0x9404, Binding { meter: OTHER_METER, ..BINDING }, 0x11),
        ("of an older binding, but in slot 10", 0x9405, Binding { number: 2, ..BINDING }, 0x11),
        ("of a newer binding in slot 10", 0x9405, Binding { number: 4, ..BINDING }, 0x10),
    ] {
        subject.rule("10", format!("meter mail {rule}: {status:04X}"), |subject| {
            put(subject, binding, slot, 1)?.is(status)
        });
    }
    for (slot, binding) in
        [(0x10, Binding { number: 2, ..BINDING }), (0x11, BINDING), (0x12, BINDING), (0x13, BINDING)]
    {
        subject.rule("10", format!("slot {slot:02X} takes the meter's mail and knows it again"), |subject| {
            put(subject, binding, slot, 2)?.has(&answer(1, slot, 2))?;
            put(subject, binding, slot, 2)?.has(&answer(2, slot, 2))?;
            put(subject, binding, slot, 1)?.is(0x940A)
        });
    }
}
