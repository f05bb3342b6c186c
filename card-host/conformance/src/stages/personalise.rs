//! Personalisation (specification, section 12): each step's refusals, then the step, then the step again.

use card_core::id::{Binding, Channel};
use card_core::scp03::SecurityLevel;

use super::INITIAL;
use crate::issuer::{BINDING, GENERATION, METER, OTHER_METER, SCOPE};
use crate::subject::{Check, Subject, equal, holds};

const STORE: [u8; 4] = [0x80, 0xE2, 0x00, 0x00];
const BIND: [u8; 4] = [0x80, 0x52, 0x00, 0x00];
const COMPLETE: [u8; 4] = [0x80, 0xF0, 0x00, 0x02];

pub(super) fn run(subject: &mut Subject<'_>) -> bool {
    too_early(subject);
    store_data(subject) && put_keys(subject) && bind(subject) && complete(subject)
}

/// The data of STORE DATA.
fn data(generation: u16, mode: u8) -> Vec<u8> {
    let mut data = SCOPE.company.0.to_be_bytes().to_vec();
    data.push(SCOPE.environment.code());
    data.extend(generation.to_be_bytes());
    data.extend([mode, 0]);
    data.extend(0x0BFF_0000_u32.to_be_bytes());
    data.extend([0; 4]);
    data.extend([0xA5; 96]);
    data
}

fn changed(mut data: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    if let Some(place) = data.get_mut(at) {
        *place = byte;
    }
    data
}

fn too_early(subject: &mut Subject<'_>) {
    subject.in_session(
        "12",
        "SET STATUS 02 on a card that is not complete: 6985",
        0x6985,
        INITIAL,
        COMPLETE,
        &[],
    );
    subject.rule("12", "BIND before STORE DATA: 6985", |subject| {
        bind_answers(subject, 0x6985, BINDING, GENERATION)
    });
    subject.rule("12", "PUT KEY of role 3 before BIND: 6985", |subject| put(subject, 0x31, 0x00)?.is(0x6985));
}

fn store_data(subject: &mut Subject<'_>) -> bool {
    let right = data(GENERATION, 0x08);
    for (rule, status, data) in [
        ("company 0000", 0x6A80, changed(changed(right.clone(), 0, 0), 1, 0)),
        ("company FFFF", 0x6A80, changed(changed(right.clone(), 0, 0xFF), 1, 0xFF)),
        ("environment production on a test card", 0x9403, changed(right.clone(), 2, 0x50)),
        ("generation 0", 0x6A80, data(0, 0x08)),
        ("mode 09", 0x6A80, data(GENERATION, 0x09)),
        ("110 bytes", 0x6700, right.get(..110).unwrap_or_default().to_vec()),
    ] {
        subject.in_session("12", format!("STORE DATA, {rule}: {status:04X}"), status, INITIAL, STORE, &data);
    }
    subject.in_session(
        "12",
        "STORE DATA with P2 = 01 on a blank card: 6985",
        0x6985,
        INITIAL,
        [0x80, 0xE2, 0, 1],
        &[0; 96],
    );
    for level in [SecurityLevel::CMac, SecurityLevel::CMacCEncRMac] {
        let rule = format!("STORE DATA at level {:02X}: 6982", level as u8);
        subject.in_session("7", rule, 0x6982, (0x10, level), STORE, &right);
    }
    let s16 = data(GENERATION, 0x10);
    subject.in_session("12", "STORE DATA with mode S16", 0x9000, INITIAL, STORE, &s16);
    subject.rule("8", "the next session is of S16", |subject| {
        let recognition = subject.plain([0x00, 0xCA, 0x00, 0x66], &[])?.with(0x9000)?;
        equal(&"61", &hex::encode(recognition.last().map_or(&[][..], std::slice::from_ref)))?;
        subject.plain([0x80, 0x50, 0x10, 0x00], &[1; 8])?.is(0x6700)?;
        let mut session = subject.open(0x10, SecurityLevel::Full)?;
        subject.send(&mut session, [0x00, 0xB0, 0x81, 0x00], &[])?.with(0x9000).map(drop)
    });
    subject.in_session("12", "STORE DATA again, with mode S8", 0x9000, INITIAL, STORE, &right);
    subject.rule("6", "file 01 is what STORE DATA brought", |subject| {
        let mut identity = vec![1];
        identity.extend(subject.issuer.card.0);
        identity.extend(GENERATION.to_be_bytes());
        identity.extend(SCOPE.company.0.to_be_bytes());
        identity.extend([SCOPE.environment.code(), 0x60, 0, 0x0B, 0xFF, 0, 0]);
        identity.resize(32, 0);
        subject.plain([0x00, 0xB0, 0x81, 0x00], &[])?.has(&identity)
    })
}

/// PUT KEY of the keys with this version, in place of `replaced`.
fn put(subject: &mut Subject<'_>, version: u8, replaced: u8) -> Check<crate::subject::Answer> {
    let mut session = subject.open(0x10, SecurityLevel::Full)?;
    let (data, _) = subject.issuer.wrapped(version, &session)?;
    subject.send(&mut session, [0x80, 0xD8, replaced, kind(version)], &data)
}

const fn kind(version: u8) -> u8 {
    if version >= 0x50 { 0x01 } else { 0x81 }
}

fn put_keys(subject: &mut Subject<'_>) -> bool {
    type Change = fn(&mut Vec<u8>);
    let wrong: [(&str, u16, u8, u8, Change); 8] = [
        ("role 7", 0x6A80, 0x00, 0x81, |data| *data = changed(data.clone(), 0, 0x71)),
        ("version 0", 0x6A80, 0x00, 0x81, |data| *data = changed(data.clone(), 0, 0x20)),
        ("a key set with P2 = 01", 0x6A80, 0x00, 0x01, |_| {}),
        ("P2 = 02", 0x6A86, 0x00, 0x02, |_| {}),
        ("no data", 0x6A80, 0x00, 0x81, |data| data.clear()),
        ("a wrong check value", 0x6A80, 0x00, 0x81, |data| {
            if let Some(byte) = data.last_mut() {
                *byte ^= 1;
            }
        }),
        ("P1 of another role", 0x6A88, 0x11, 0x81, |_| {}),
        ("P1 of the role, where it has no keys", 0x6A88, 0x22, 0x81, |_| {}),
    ];
    for (rule, status, replaced, p2, change) in wrong {
        subject.rule("12", format!("PUT KEY, {rule}: {status:04X}"), |subject| {
            let mut session = subject.open(0x10, SecurityLevel::Full)?;
            let (mut data, _) = subject.issuer.wrapped(0x21, &session)?;
            change(&mut data);
            subject.send(&mut session, [0x80, 0xD8, replaced, p2], &data)?.is(status)
        });
    }
    let mut all = true;
    for version in [0x21, 0x41, 0x51, 0x61] {
        all &= subject.rule(
            "12",
            format!("PUT KEY {version:02X} answers its check values, also when it is repeated"),
            |subject| {
                let mut session = subject.open(0x10, SecurityLevel::Full)?;
                for _ in 0..2 {
                    let (data, answer) = subject.issuer.wrapped(version, &session)?;
                    subject.send(&mut session, [0x80, 0xD8, 0x00, kind(version)], &data)?.has(&answer)?;
                }
                Ok(())
            },
        );
    }
    subject.rule(
        "12",
        "PUT KEY where the encrypted key has no length before it, as other tools send it",
        |subject| {
            let mut session = subject.open(0x10, SecurityLevel::Full)?;
            let (data, answer) = subject.issuer.wrapped(0x21, &session)?;
            let alone = without_lengths(&data);
            subject.send(&mut session, [0x80, 0xD8, 0x00, 0x81], &alone)?.has(&answer)
        },
    );
    all
}

/// The same keys in the form of GP 11.8: 88 || L || encrypted key || 03 || check value.
fn without_lengths(data: &[u8]) -> Vec<u8> {
    let mut alone = data.get(..1).unwrap_or_default().to_vec();
    for key in data.get(1..).unwrap_or_default().chunks(39) {
        if let [kind, total, _, rest @ ..] = key {
            alone.extend([*kind, total.saturating_sub(1)]);
            alone.extend(rest);
        }
    }
    alone
}

fn bind_answers(subject: &mut Subject<'_>, status: u16, binding: Binding, generation: u16) -> Check {
    let mut session = subject.open(0x10, SecurityLevel::Full)?;
    let certificate = subject.issuer.certificate_of(binding, generation, 1, 0, 0)?;
    let data = subject.issuer.bind(certificate, &session)?;
    subject.send(&mut session, BIND, &data)?.is(status)
}

fn bind(subject: &mut Subject<'_>) -> bool {
    for (rule, status, binding) in [
        ("meters that disagree", 0x9404, Binding { meter: OTHER_METER, ..BINDING }),
        ("bindings that disagree", 0x9405, Binding { number: 4, ..BINDING }),
    ] {
        subject.rule("12", format!("BIND, {rule}: {status:04X}"), |subject| {
            let mut session = subject.open(0x10, SecurityLevel::Full)?;
            let other = subject.issuer.binding_certificate(binding)?;
            let data = subject.issuer.bind_with(other, subject.issuer.certificate(1, 0, 0)?, &session)?;
            subject.send(&mut session, BIND, &data)?.is(status)
        });
    }
    subject.rule("12", "BIND, another generation: 9406", |subject| bind_answers(subject, 0x9406, BINDING, 2));
    subject.rule("12", "BIND, one byte too few: 6700", |subject| {
        let mut session = subject.open(0x10, SecurityLevel::Full)?;
        let mut data = subject.issuer.bind(subject.issuer.certificate(1, 0, 0)?, &session)?;
        data.pop();
        subject.send(&mut session, BIND, &data)?.is(0x6700)
    });
    let bound = subject.rule("12", "BIND", |subject| bind_answers(subject, 0x9000, BINDING, GENERATION));
    subject.rule("12", "the same BIND again", |subject| bind_answers(subject, 0x9000, BINDING, GENERATION));
    subject.rule("12", "BIND to a lower binding of the meter: 9405", |subject| {
        bind_answers(subject, 0x9405, Binding { meter: METER, number: 2 }, GENERATION)
    });
    bound
}

fn complete(subject: &mut Subject<'_>) -> bool {
    subject.in_session(
        "12",
        "SET STATUS 02 with the initial admin keys: 6985",
        0x6985,
        INITIAL,
        COMPLETE,
        &[],
    );
    let replaced = subject.rule(
        "12",
        "PUT KEY replaces the initial keys; the open session goes on with its own",
        |subject| {
            let mut session = subject.open(0x10, SecurityLevel::Full)?;
            let (data, answer) = subject.issuer.wrapped(0x11, &session)?;
            subject.send(&mut session, [0x80, 0xD8, 0x10, 0x81], &data)?.has(&answer)?;
            subject.send(&mut session, [0x00, 0xB0, 0x81, 0x00], &[])?.with(0x9000).map(drop)
        },
    );
    subject.answers(
        "12",
        "the initial keys are gone: 6A88",
        0x6A88,
        [0x80, 0x50, 0x10 | 0x0F, 0x00],
        &[1; 8],
    );
    subject.rule("7.4", "key information names the keys of all six roles", |subject| {
        let information = subject.plain([0x00, 0xCA, 0x00, 0xE0], &[])?.with(0x9000)?;
        let mut expected = vec![0xE0, 84];
        for (version, ids) in [(0x11, 3), (0x21, 3), (0x31, 3), (0x41, 3), (0x51, 1), (0x61, 1)] {
            (1..=ids).for_each(|id| expected.extend([0xC0, 4, id, version, 0x88, 32]));
        }
        equal(&hex::encode_upper(expected), &hex::encode_upper(information))
    });
    let complete = replaced && subject.in_session("12", "SET STATUS 02", 0x9000, super::ADMIN, COMPLETE, &[]);
    subject.in_session("3", "SET STATUS 02 again succeeds", 0x9000, super::ADMIN, COMPLETE, &[]);
    subject.in_session(
        "3",
        "STORE DATA of identity on an issued card: 6985",
        0x6985,
        super::ADMIN,
        STORE,
        &data(GENERATION, 8),
    );
    subject.answers(
        "3",
        "a meter session before the first charge: 6985",
        0x6985,
        [0x80, 0x50, 0x30, 0x00],
        &[1; 8],
    );
    subject.rule("9", "a first charge that is not a branch's: 940D", |subject| {
        let certificate = subject.issuer.certificate(2, 10_000, 0)?;
        let voucher = subject.issuer.voucher(certificate, Channel::Kiosk)?.emit();
        subject.plain([0x80, 0x40, 0x00, 0x00], &voucher)?.is(0x940D)
    });
    subject.rule("7.4", "it left the card as it was", |subject| {
        let status = subject.plain([0x00, 0xCA, 0xDF, 0x21], &[])?.with(0x9000)?;
        holds(status.get(4) == Some(&2), "state 02", &format!("state {:02X?}", status.get(4)))
    });
    complete
}
