//! Blocked and terminated (specification, sections 3 and 7.6): the end of the card.

use card_core::scp03::SecurityLevel;

use super::{ADMIN, HOLDER, VENDING};
use crate::subject::{Subject, holds};

const fn status(state: u8) -> [u8; 4] {
    [0x80, 0xF0, 0x00, state]
}

pub(super) fn run(subject: &mut Subject<'_>) -> bool {
    subject.in_session("7.6", "SET STATUS with data: 6700", 0x6700, ADMIN, status(4), &[1]);
    subject.in_session("7.6", "SET STATUS 02 on an active card: 6985", 0x6985, ADMIN, status(2), &[]);
    subject.in_session("7.6", "SET STATUS 05 by a vending desk: 6982", 0x6982, VENDING, status(5), &[]);
    subject.in_session(
        "7",
        "SET STATUS at level 01: 6982",
        0x6982,
        (0x11, SecurityLevel::CMac),
        status(4),
        &[],
    );
    blocked(subject);
    subject.in_session("7.6", "SET STATUS 03 by a vending desk: 6982", 0x6982, VENDING, status(3), &[]);
    subject.in_session(
        "3",
        "SET STATUS 02 on a blocked card that was active: 6985",
        0x6985,
        ADMIN,
        status(2),
        &[],
    );
    subject.in_session("3", "an admin unblocks the card", 0x9000, ADMIN, status(3), &[]);
    subject.answers("3", "it takes part again: a meter session", 0x9000, [0x80, 0x50, 0x30, 0x00], &[1; 8]);
    terminated(subject);
    true
}

fn blocked(subject: &mut Subject<'_>) {
    subject.in_session("3", "a vending desk blocks the card", 0x9000, VENDING, status(4), &[]);
    subject.rule("3", "a blocked card says so without a session", |subject| {
        let status = subject.plain([0x00, 0xCA, 0xDF, 0x21], &[])?.with(0x9000)?;
        holds(status.get(4) == Some(&4), "state 04", &format!("state {:02X?}", status.get(4)))
    });
    subject.rule("3", "LOAD VOUCHER on a blocked card: 6985", |subject| {
        let voucher = subject.issuer.branch(9, 25_000, 700)?;
        subject.plain([0x80, 0x40, 0x00, 0x00], &voucher)?.is(0x6985)
    });
    subject.answers("3", "PUT MAIL on a blocked card: 6985", 0x6985, [0x80, 0x42, 0x00, 0x00], &[0; 64]);
    subject.answers(
        "3",
        "a meter session with a blocked card: 6985",
        0x6985,
        [0x80, 0x50, 0x30, 0x00],
        &[1; 8],
    );
    subject.answers("3", "GET MAIL on a blocked card goes on", 0x6A88, [0x80, 0x44, 0x01, 0x00], &[]);
    subject.in_session("3", "the holder reads a blocked card", 0x9000, HOLDER, [0x00, 0xB0, 0x84, 0x00], &[]);
    subject.in_session("7.6", "SET STATUS 04 again succeeds", 0x9000, VENDING, status(4), &[]);
}

fn terminated(subject: &mut Subject<'_>) {
    subject.in_session("3", "an admin terminates the card", 0x9000, ADMIN, status(5), &[]);
    for (role, p1) in [("vending", 0x20), ("meter", 0x30), ("holder", 0x40)] {
        let rule = format!("a {role} session with a terminated card: 6985");
        subject.answers("3", rule, 0x6985, [0x80, 0x50, p1, 0x00], &[1; 8]);
    }
    for (rule, expected, header) in [
        ("an admin still reads it", 0x9000, [0x00, 0xB0, 0x84, 0x00]),
        ("SET STATUS 05 again succeeds", 0x9000, status(5)),
        ("it never comes back: SET STATUS 03, 6985", 0x6985, status(3)),
        ("it is not blocked either: SET STATUS 04, 6985", 0x6985, status(4)),
    ] {
        subject.in_session("3", rule, expected, ADMIN, header, &[]);
    }
    subject.rule("3", "PUT KEY on a terminated card: 6985", |subject| {
        let mut session = subject.open(ADMIN.0, ADMIN.1)?;
        let (data, _) = subject.issuer.wrapped(0x22, &session)?;
        subject.send(&mut session, [0x80, 0xD8, 0x21, 0x81], &data)?.is(0x6985)
    });
    subject.rule("3", "terminated outlives power-up", |subject| {
        subject.reset()?;
        subject.plain([0x80, 0x50, 0x30, 0x00], &[1; 8])?.is(0x6985)
    });
}
