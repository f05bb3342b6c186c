//! LOAD VOUCHER (specification, section 9), from the first charge on.

use card_core::id::{Binding, CardId, Channel, Company, Environment, Scope, State};
use card_core::message::{Receipt, Voucher};
use card_core::role::KeyVersion;

use crate::issuer::{BINDING, GENERATION, OTHER_METER, SCOPE};
use crate::subject::{Check, Subject, equal, holds};

const LOAD: [u8; 4] = [0x80, 0x40, 0x00, 0x00];

pub(super) fn run(subject: &mut Subject<'_>) -> bool {
    refused(subject);
    let active = subject.rule("9", "a branch's first charge activates the card", |subject| {
        let voucher = subject.issuer.branch(2, 10_000, 0)?;
        loaded(subject, &voucher, 0x01, (2, 10_000, 0, 1))
    });
    if active {
        later(subject);
    }
    active
}

/// Loads a voucher: outcome, and what the receipt, whose code is checked, says of sequence, totals and loads.
fn loaded(
    subject: &mut Subject<'_>,
    voucher: &[u8],
    outcome: u8,
    (sequence, credit, debited, loads): (u32, u64, u64, u32),
) -> Check {
    let answer = subject.plain(LOAD, voucher)?.with(0x9000)?;
    let (first, receipt) = answer.split_first().unwrap_or((&0, &[]));
    equal(&format_args!("outcome {outcome:02X}"), &format_args!("outcome {first:02X}"))?;
    let receipt =
        Receipt::parse(receipt).map_err(|error| crate::subject::Failure::Unanswered(error.to_string()))?;
    subject.issuer.receipt(receipt)?;
    equal(
        &format_args!("sequence {sequence}, totals {credit} and {debited}, {loads} loads"),
        &format_args!(
            "sequence {}, totals {} and {}, {} loads",
            receipt.sequence, receipt.total_credit.0, receipt.total_debited.0, receipt.loads
        ),
    )?;
    equal(&format_args!("{:?}", State::Active), &format_args!("{:?}", receipt.state))?;
    holds(
        receipt.binding == BINDING && receipt.card.id == subject.issuer.card,
        "its card and binding",
        "others",
    )
}

/// A good voucher of a branch, changed and signed again.
fn changed(subject: &Subject<'_>, change: impl FnOnce(&mut Voucher)) -> Check<Vec<u8>> {
    let certificate = subject.issuer.certificate(2, 10_000, 0)?;
    let mut voucher = subject.issuer.voucher(certificate, Channel::Branch)?;
    change(&mut voucher);
    Ok(subject.issuer.sign(voucher)?)
}

fn refused(subject: &mut Subject<'_>) {
    type Change = fn(&mut Voucher);
    let company = |voucher: &mut Voucher| voucher.scope = Scope { company: Company(0x0103), ..SCOPE };
    let card = |voucher: &mut Voucher| voucher.card = CardId([1; 8]);
    let version = |voucher: &mut Voucher| voucher.key_version = KeyVersion::from_byte(0x52);
    let rules: [(&str, u16, Change); 3] = [
        ("of another company", 0x9402, company),
        ("for another card", 0x9401, card),
        ("of another load key version", 0x9409, version),
    ];
    for (rule, status, change) in rules {
        subject.rule("9", format!("a voucher {rule}: {status:04X}"), |subject| {
            let voucher = changed(subject, change)?;
            subject.plain(LOAD, &voucher)?.is(status)
        });
    }
    type Bytes = fn(&mut Vec<u8>);
    let bytes: [(&str, u16, Bytes); 6] = [
        ("of one byte less", 0x6700, |data| data.truncate(data.len().saturating_sub(1))),
        ("of one byte more", 0x6700, |data| data.push(0)),
        ("of format 02", 0x6A80, |data| set(data, 0, 0x02)),
        ("of channel 06", 0x6A80, |data| set(data, 13, 0x06)),
        ("of production", 0x9403, |data| set(data, 4, Environment::Production.code())),
        ("with a wrong code", 0x9408, |data| flip(data)),
    ];
    for (rule, status, change) in bytes {
        subject.rule("9", format!("a voucher {rule}: {status:04X}"), |subject| {
            let mut voucher = subject.issuer.branch(2, 10_000, 0)?;
            change(&mut voucher);
            subject.plain(LOAD, &voucher)?.is(status)
        });
    }
    subject.rule("9", "each byte of a voucher is under its code", |subject| {
        let voucher = subject.issuer.branch(2, 10_000, 0)?;
        for at in 14..voucher.len() {
            let mut wrong = voucher.clone();
            if let Some(byte) = wrong.get_mut(at) {
                *byte ^= 0x10;
            }
            let answer = subject.plain(LOAD, &wrong)?;
            equal(
                &format_args!("9408 where byte {at} differs"),
                &format_args!("{:04X} where byte {at} differs", answer.status),
            )?;
        }
        Ok(())
    });
    for (rule, status, binding, generation) in [
        ("another meter", 0x9404, Binding { meter: OTHER_METER, ..BINDING }, GENERATION),
        ("another binding", 0x9405, Binding { number: 4, ..BINDING }, GENERATION),
        ("another generation", 0x9406, BINDING, 2),
    ] {
        subject.rule("9", format!("a certificate for {rule}: {status:04X}"), |subject| {
            let certificate = subject.issuer.certificate_of(binding, generation, 2, 10_000, 0)?;
            let voucher = subject.issuer.voucher(certificate, Channel::Branch)?.emit();
            subject.plain(LOAD, &voucher)?.is(status)
        });
    }
}

fn set(data: &mut [u8], at: usize, byte: u8) {
    if let Some(place) = data.get_mut(at) {
        *place = byte;
    }
}

fn flip(data: &mut [u8]) {
    if let Some(byte) = data.last_mut() {
        *byte ^= 1;
    }
}

fn later(subject: &mut Subject<'_>) {
    subject.rule("9", "the same voucher again: outcome 02, and nothing is added", |subject| {
        let voucher = subject.issuer.branch(2, 10_000, 0)?;
        loaded(subject, &voucher, 0x02, (2, 10_000, 0, 1))
    });
    subject.rule(
        "9",
        "the same sequence with other totals: outcome 02, and the receipt shows what the card holds",
        |subject| {
            let voucher = subject.issuer.branch(2, 99_000, 0)?;
            loaded(subject, &voucher, 0x02, (2, 10_000, 0, 1))
        },
    );
    subject.rule("9", "a kiosk's voucher after the first charge", |subject| {
        let certificate = subject.issuer.certificate(7, 25_000, 500)?;
        let voucher = subject.issuer.voucher(certificate, Channel::Kiosk)?.emit();
        loaded(subject, &voucher, 0x01, (7, 25_000, 500, 2))
    });
    subject.rule("9", "a lower sequence, with higher totals: outcome 03, and nothing is added", |subject| {
        let voucher = subject.issuer.branch(6, 90_000, 900)?;
        loaded(subject, &voucher, 0x03, (7, 25_000, 500, 2))
    });
    for (what, credit, debited) in [("credit", 24_999, 500), ("debited", 25_000, 499)] {
        subject.rule("9", format!("a higher sequence with less total {what}: 9407"), |subject| {
            let voucher = subject.issuer.branch(8, credit, debited)?;
            subject.plain(LOAD, &voucher)?.is(0x9407)
        });
    }
    subject.rule("9", "a refresh: outcome 04, the certificate is replaced, no load is counted", |subject| {
        let voucher = subject.issuer.branch(8, 25_000, 500)?;
        loaded(subject, &voucher, 0x04, (8, 25_000, 500, 2))
    });
    subject.rule("9", "a debit alone is a load", |subject| {
        let voucher = subject.issuer.branch(9, 25_000, 700)?;
        loaded(subject, &voucher, 0x01, (9, 25_000, 700, 3))
    });
    subject.rule("13", "power-up changes nothing of it", |subject| {
        subject.reset()?;
        let voucher = subject.issuer.branch(9, 25_000, 700)?;
        loaded(subject, &voucher, 0x02, (9, 25_000, 700, 3))
    });
}
