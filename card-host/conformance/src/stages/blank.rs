//! The blank card: what its state refuses, how a session is opened, and how it is not (specification, sections 3 and 8).

use card_core::message::Voucher;
use card_core::scp03::SecurityLevel;

use super::INITIAL;
use crate::subject::{Subject, apdu, equal, holds, wrap};

pub(super) fn run(subject: &mut Subject<'_>) -> bool {
    state(subject);
    initialize_update(subject);
    external_authenticate(subject);
    secure_messaging(subject);
    subject.in_session(
        "8",
        "a session with the public initial keys opens",
        0x6A86,
        INITIAL,
        [0x80, 0xF0, 0x01, 0x02],
        &[],
    )
}

fn state(subject: &mut Subject<'_>) {
    for (role, p1) in [("vending", 0x20), ("meter", 0x30), ("holder", 0x40)] {
        let rule = format!("a {role} session with a blank card: 6985");
        subject.answers("3", rule, 0x6985, [0x80, 0x50, p1, 0x00], &[1; 8]);
    }
    for (rule, header, data) in [
        ("LOAD VOUCHER on a blank card", [0x80, 0x40, 0x00, 0x00], &[0; Voucher::SIZE][..]),
        ("PUT MAIL on a blank card", [0x80, 0x42, 0x00, 0x00], &[0; 64]),
        ("GET MAIL on a blank card", [0x80, 0x44, 0x00, 0x00], &[]),
    ] {
        subject.answers("3", format!("{rule}: 6985"), 0x6985, header, data);
    }
    for sfi in [3, 4] {
        let rule = format!("file {sfi:02X} without a session: 6982");
        subject.answers("7.2", rule, 0x6982, [0x00, 0xB0, 0x80 | sfi, 0x00], &[]);
    }
}

fn initialize_update(subject: &mut Subject<'_>) {
    for (rule, status, p1, p2, data) in [
        ("P2 = 01", 0x6A86, 0x10, 0x01, &[1; 8][..]),
        ("7 bytes of challenge", 0x6700, 0x10, 0x00, &[1; 7]),
        ("16 bytes of challenge in S8", 0x6700, 0x10, 0x00, &[1; 16]),
        ("role 5", 0x6A88, 0x51, 0x00, &[1; 8]),
        ("a key version that is not there", 0x6A88, 0x12, 0x00, &[1; 8]),
    ] {
        subject.answers(
            "8",
            format!("INITIALIZE UPDATE, {rule}: {status:04X}"),
            status,
            [0x80, 0x50, p1, p2],
            data,
        );
    }
    subject.rule("8", "P1 = 00 selects the admin keys of a blank card", |subject| {
        let answer = subject.plain([0x80, 0x50, 0x00, 0x00], &[1; 8])?.with(0x9000)?;
        holds(answer.len() == 29, "29 bytes", &format!("{} bytes", answer.len()))?;
        let id = &answer.get(..13).unwrap_or_default();
        let expected = [&subject.issuer.card.0[..], &[0, 0, 0x10, 0x03, 0x60]].concat();
        equal(&hex::encode_upper(expected), &hex::encode_upper(id))
    });
    subject.rule("8", "card challenges are not repeated", |subject| {
        let mut seen = Vec::new();
        for _ in 0..8 {
            let answer = subject.plain([0x80, 0x50, 0x10, 0x00], &[1; 8])?.with(0x9000)?;
            let challenge = answer.get(13..21).unwrap_or_default().to_vec();
            holds(!seen.contains(&challenge), "another challenge", "the same challenge")?;
            seen.push(challenge);
        }
        Ok(())
    });
    subject.rule("8", "the card cryptogram is right for a random host challenge", |subject| {
        subject.handshake(0x10, 0x10, SecurityLevel::Full).map(drop)
    });
}

fn external_authenticate(subject: &mut Subject<'_>) {
    subject.rule("8", "EXTERNAL AUTHENTICATE without a handshake: 6985", |subject| {
        subject.reset()?;
        subject.plain([0x84, 0x82, 0x33, 0x00], &[1; 16])?.is(0x6985)
    });
    subject.answers("8", "an unknown security level: 6A86", 0x6A86, [0x84, 0x82, 0x02, 0x00], &[1; 16]);
    let handshake = |subject: &mut Subject<'_>| subject.handshake(0x10, 0x10, SecurityLevel::Full);
    subject.rule("8", "15 bytes of cryptogram and C-MAC: 6700, and the handshake stays", |subject| {
        let (pending, right) = handshake(subject)?;
        subject.plain([0x84, 0x82, 0x33, 0x00], &[1; 15])?.is(0x6700)?;
        let answer = subject.transmit(&right)?;
        pending.finish(&answer.status.to_be_bytes())?;
        Ok(())
    });
    for (what, at) in [("cryptogram", 5), ("C-MAC", 20)] {
        subject.rule("8", format!("a wrong {what}: 6300, and the handshake ends"), |subject| {
            let (_, right) = handshake(subject)?;
            let mut wrong = right.clone();
            if let Some(byte) = wrong.get_mut(at) {
                *byte ^= 1;
            }
            subject.transmit(&wrong)?.is(0x6300)?;
            subject.transmit(&right)?.is(0x6985)
        });
    }
    subject.rule("8", "the C-MAC covers the security level", |subject| {
        let (_, mut command) = handshake(subject)?;
        if let Some(level) = command.get_mut(2) {
            *level = 0x01;
        }
        subject.transmit(&command)?.is(0x6300)
    });
    subject.rule("8", "a SELECT that succeeds ends a handshake", |subject| {
        let (_, command) = handshake(subject)?;
        subject.plain([0x00, 0xA4, 0x04, 0x0C], &[])?.is(0x9000)?;
        subject.transmit(&command)?.is(0x6985)
    });
    subject.rule("8", "ten failures in a row lock nothing", |subject| {
        for _ in 0..10 {
            let (_, mut command) = handshake(subject)?;
            if let Some(byte) = command.last_mut() {
                *byte ^= 1;
            }
            subject.transmit(&command)?.is(0x6300)?;
        }
        subject.open(0x10, SecurityLevel::Full).map(drop)
    });
}

/// What a session protects. SET STATUS with P1 = 01 is refused for its form at every level, and changes nothing.
fn secure_messaging(subject: &mut Subject<'_>) {
    let read = [0x00, 0xB0, 0x81, 0x00];
    for level in SecurityLevel::ALL {
        subject.rule(
            "8",
            format!("level {:02X}: four commands, each answer with its code", level as u8),
            |subject| {
                let mut session = subject.open(0x10, level)?;
                for _ in 0..4 {
                    let identity = subject.send(&mut session, read, &[])?.with(0x9000)?;
                    holds(
                        identity.len() == 32,
                        "32 bytes of identity",
                        &format!("{} bytes", identity.len()),
                    )?;
                }
                Ok(())
            },
        );
    }
    subject.rule("8", "a wrong C-MAC: 6988, and the session has ended", |subject| {
        let mut session = subject.open(0x10, SecurityLevel::Full)?;
        let mut command = wrap(&mut session, read, &[])?;
        if let Some(byte) = command.get_mut(6) {
            *byte ^= 1;
        }
        subject.transmit(&command)?.is(0x6988)?;
        subject.plain([0x84, 0xB0, 0x81, 0x00], &[1; 8])?.is(0x6985)
    });
    subject.rule("8", "a command cannot be sent twice", |subject| {
        let mut session = subject.open(0x10, SecurityLevel::Full)?;
        let command = wrap(&mut session, read, &[])?;
        subject.transmit(&command)?.with(0x9000)?;
        subject.transmit(&command)?.is(0x6988)
    });
    subject.rule("8", "the C-MAC covers P1 and P2", |subject| {
        let mut session = subject.open(0x10, SecurityLevel::Full)?;
        let mut command = wrap(&mut session, [0x00, 0xB0, 0x81, 0x08], &[])?;
        if let Some(offset) = command.get_mut(3) {
            *offset = 0;
        }
        subject.transmit(&command)?.is(0x6988)
    });
    subject.rule("7", "a refused command leaves the session open", |subject| {
        let mut session = subject.open(0x10, SecurityLevel::Full)?;
        subject.send(&mut session, [0x80, 0xF0, 0x01, 0x02], &[])?.is(0x6A86)?;
        subject.send(&mut session, [0x80, 0x10, 0x00, 0x00], &[])?.is(0x6D00)?;
        subject.send(&mut session, read, &[])?.with(0x9000).map(drop)
    });
    subject.rule(
        "7",
        "without secure messaging a command has public rights only, in an open session too",
        |subject| {
            let mut session = subject.open(0x10, SecurityLevel::Full)?;
            subject.plain([0x80, 0xE2, 0x00, 0x00], &[0; 111])?.is(0x6982)?;
            subject.send(&mut session, read, &[])?.with(0x9000).map(drop)
        },
    );
    for (what, command) in [
        ("SELECT", apdu([0x00, 0xA4, 0x04, 0x0C], &[])),
        ("INITIALIZE UPDATE", apdu([0x80, 0x50, 0x10, 0x00], &[1; 8])),
    ] {
        subject.rule("7", format!("{what} ends a session"), |subject| {
            let mut session = subject.open(0x10, SecurityLevel::Full)?;
            let next = wrap(&mut session, read, &[])?;
            subject.transmit(&command)?.with(0x9000)?;
            subject.transmit(&next)?.is(0x6985)
        });
    }
    subject.rule("8", "power-up ends a session", |subject| {
        let mut session = subject.open(0x10, SecurityLevel::Full)?;
        let next = wrap(&mut session, read, &[])?;
        subject.reset()?;
        subject.transmit(&next)?.is(0x6985)
    });
}
