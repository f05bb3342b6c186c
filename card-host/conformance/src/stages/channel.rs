//! Keys in the field: which ones open a session, their rotation, and a new binding (specification, sections 4, 8 and 12).

use card_core::id::Binding;
use card_core::scp03::SecurityLevel;

use super::{ADMIN, METER};
use crate::issuer::{BINDING, GENERATION, METER as METER_ID};
use crate::subject::{Subject, equal, holds};

pub(super) fn run(subject: &mut Subject<'_>) -> bool {
    choice(subject);
    rotation(subject);
    binding(subject);
    true
}

fn choice(subject: &mut Subject<'_>) {
    for (p1, version) in [(0x00, 0x21), (0x10, 0x11), (0x20, 0x21), (0x30, 0x31), (0x40, 0x41)] {
        subject.rule("8", format!("P1 = {p1:02X} selects the keys {version:02X}"), |subject| {
            let answer = subject.plain([0x80, 0x50, p1, 0x00], &[1; 8])?.with(0x9000)?;
            let expected =
                [&subject.issuer.card.0[..], &GENERATION.to_be_bytes(), &[version, 0x03, 0x60]].concat();
            equal(&hex::encode_upper(expected), &hex::encode_upper(answer.get(..13).unwrap_or_default()))
        });
    }
    subject.rule("8", "keys of one role do not open a session of another", |subject| {
        let (_, mut command) = subject.handshake(0x20, 0x21, SecurityLevel::Full)?;
        // The cryptogram is right for role 2; the handshake that is open is role 1's.
        subject.plain([0x80, 0x50, 0x10, 0x00], &[1; 8])?.with(0x9000)?;
        if let Some(level) = command.get_mut(2) {
            *level = 0x33;
        }
        subject.transmit(&command)?.is(0x6300)
    });
}

fn rotation(subject: &mut Subject<'_>) {
    subject.rule("12", "PUT KEY with another number than the present one in P1: 6A88", |subject| {
        let mut session = subject.open(ADMIN.0, ADMIN.1)?;
        let (data, _) = subject.issuer.wrapped(0x22, &session)?;
        subject.send(&mut session, [0x80, 0xD8, 0x23, 0x81], &data)?.is(0x6A88)?;
        subject.send(&mut session, [0x80, 0xD8, 0x00, 0x81], &data)?.is(0x6A88)
    });
    subject.rule(
        "12",
        "PUT KEY rotates the vending keys: the new ones open, the old ones are gone",
        |subject| {
            let mut session = subject.open(ADMIN.0, ADMIN.1)?;
            let (data, answer) = subject.issuer.wrapped(0x22, &session)?;
            subject.send(&mut session, [0x80, 0xD8, 0x21, 0x81], &data)?.has(&answer)?;
            subject.open(0x22, SecurityLevel::Full)?;
            subject.plain([0x80, 0x50, 0x21, 0x00], &[1; 8])?.is(0x6A88)?;
            let mut session = subject.open(ADMIN.0, ADMIN.1)?;
            let (data, answer) = subject.issuer.wrapped(0x21, &session)?;
            subject.send(&mut session, [0x80, 0xD8, 0x22, 0x81], &data)?.has(&answer)
        },
    );
    subject.rule("12", "PUT KEY rotates the load key: a voucher of the old one is 9409", |subject| {
        let mut session = subject.open(ADMIN.0, ADMIN.1)?;
        let (data, answer) = subject.issuer.wrapped(0x52, &session)?;
        subject.send(&mut session, [0x80, 0xD8, 0x51, 0x01], &data)?.has(&answer)?;
        let voucher = subject.issuer.branch(10, 26_000, 700)?;
        subject.plain([0x80, 0x40, 0x00, 0x00], &voucher)?.is(0x9409)?;
        let mut session = subject.open(ADMIN.0, ADMIN.1)?;
        let (data, answer) = subject.issuer.wrapped(0x51, &session)?;
        subject.send(&mut session, [0x80, 0xD8, 0x52, 0x01], &data)?.has(&answer)?;
        subject.plain([0x80, 0x40, 0x00, 0x00], &voucher)?.with(0x9000).map(drop)
    });
}

/// A new binding of the meter, and back to a card that the later stages know: only its number is higher.
fn binding(subject: &mut Subject<'_>) {
    subject.rule("12", "a different BIND of the same binding on a card in use: 9405", |subject| {
        let mut session = subject.open(ADMIN.0, ADMIN.1)?;
        let data = subject.issuer.bind(subject.issuer.certificate(11, 30_000, 700)?, &session)?;
        subject.send(&mut session, [0x80, 0x52, 0x00, 0x00], &data)?.is(0x9405)
    });
    subject.rule(
        "12",
        "BIND to the next binding empties mail, months, events and settled totals; loads stay",
        |subject| {
            let next = Binding { meter: METER_ID, number: BINDING.number + 1 };
            let mut session = subject.open(ADMIN.0, ADMIN.1)?;
            let certificate = subject.issuer.certificate_of(next, GENERATION, 1, 0, 0)?;
            let data = subject.issuer.bind(certificate, &session)?;
            subject.send(&mut session, [0x80, 0x52, 0x00, 0x00], &data)?.has(&[])?;
            subject.send(&mut session, [0x00, 0xB0, 0x89, 0x00], &[])?.has(&[0; 64])?;
            for header in [[0x00, 0xB2, 1, 0x3C], [0x00, 0xB2, 1, 0x44]] {
                subject.send(&mut session, header, &[])?.is(0x6A83)?;
            }
            let loads = subject.send(&mut session, [0x00, 0xB2, 1, 0x2C], &[])?.with(0x9000)?;
            holds(
                loads.get(..4) == Some(&[0, 0, 0, 4]),
                "load 4",
                &hex::encode_upper(loads.get(..4).unwrap_or_default()),
            )?;
            subject.plain([0x80, 0x44, 0x00, 0x00], &[])?.is(0x6A88)?;
            let mut meter = subject.open(METER.0, METER.1)?;
            let shown = subject.send(&mut meter, [0x80, 0x46, 0x00, 0x00], &[])?.with(0x9000)?;
            let shown = card_core::layout::CertificateAnswer::parse(&shown)
                .map_err(|error| crate::subject::Failure::Unanswered(error.to_string()))?;
            equal(
                &format_args!("settled 0, report 0 of {}", next.number),
                &format_args!(
                    "settled {}, report {} of {}",
                    shown.settled_credit.0, shown.report_number, shown.certificate.binding.number
                ),
            )
        },
    );
}
