//! SELECT, GET DATA, and what is refused before a command is looked at (specification, sections 6 and 7), on a blank card.

use card_core::id::Environment;
use card_core::id::{AID, CardRef, Company, Scope, State};
use card_core::layout::CardSummary;

use crate::subject::{Subject, holds};

/// SELECT by the whole AID.
const SELECT: [u8; 4] = [0x00, 0xA4, 0x04, 0x00];
const RECOGNITION: &str =
    "6630732E06072A864886FC6B01600B06092A864886FC6B020203630906072A864886FC6B03640B06092A864886FC6B0403";

pub(super) fn run(subject: &mut Subject<'_>) -> bool {
    select(subject);
    data_objects(subject);
    refused(subject);
    true
}

fn select(subject: &mut Subject<'_>) {
    let summary = CardSummary {
        state: Some(State::Blank),
        scope: Scope { company: Company::NONE, environment: Environment::Test },
        card: CardRef { id: subject.issuer.card, generation: 0 },
    };
    let answer = [
        &[0x6F, 0x21, 0x84, 0x08][..],
        &AID,
        &[0xA5, 0x15, 0x9F, 0x65, 0x01, 0xFF, 0xC1, 0x0F],
        &summary.emit(),
    ]
    .concat();
    for length in [8, 5, 0] {
        let part = AID.get(..length).unwrap_or_default();
        let rule = format!("SELECT with {length} bytes of the AID: file control information");
        subject.rule("7.1", rule, |subject| subject.plain(SELECT, part)?.has(&answer));
    }
    subject.rule("7.1", "SELECT with P2 = 0C answers nothing", |subject| {
        subject.plain([0x00, 0xA4, 0x04, 0x0C], &AID)?.has(&[])
    });
    let [other @ .., _] = AID;
    for (rule, status, header, data) in [
        ("4 bytes of the AID", 0x6A82, SELECT, &AID[..4]),
        ("9 bytes", 0x6A82, SELECT, &[&AID[..], &[0]].concat()),
        ("another AID", 0x6A82, SELECT, &[&other[..], &[2]].concat()),
        ("SELECT with P2 = 04", 0x6A86, [0x00, 0xA4, 0x04, 0x04], &AID),
        ("SELECT with P1 = 00", 0x6A86, [0x00, 0xA4, 0x00, 0x00], &AID),
    ] {
        subject.answers("7.1", format!("{rule}: {status:04X}"), status, header, data);
    }
}

fn data_objects(subject: &mut Subject<'_>) {
    for cla in [0x00, 0x80] {
        subject.rule("7.4", format!("card recognition data in class {cla:02X}"), |subject| {
            let data = subject.plain([cla, 0xCA, 0x00, 0x66], &[])?.with(0x9000)?;
            let text = hex::encode_upper(data);
            crate::subject::equal(&format!("{RECOGNITION}60"), &text)
        });
    }
    subject.rule("7.4", "key information of a blank card names the initial keys", |subject| {
        let length = subject.issuer.initial_length.bytes();
        let [.., length] = length.to_be_bytes();
        let keys = [1, 2, 3].map(|id| [0xC0, 0x04, id, 0x10, 0x88, length]).concat();
        subject.plain([0x00, 0xCA, 0x00, 0xE0], &[])?.has(&[&[0xE0, 18][..], &keys].concat())
    });
    subject.rule("7.4", "public status before BIND: balances shown, all of them 0", |subject| {
        let mut status = [0; 32];
        let [layout, state, flags, ..] = &mut status;
        (*layout, *state, *flags) = (1, 1, 1);
        subject.plain([0x00, 0xCA, 0xDF, 0x21], &[])?.has(&[&[0xDF, 0x21, 0x20][..], &status].concat())
    });
    for (rule, status, p1, p2, data) in [
        ("the card receipt before BIND", 0x6A88, 0xDF, 0x22, &[][..]),
        ("an unknown data object", 0x6A88, 0x00, 0x42, &[]),
        ("GET DATA with a data field", 0x6700, 0x00, 0x66, &[1]),
    ] {
        subject.answers("7.4", format!("{rule}: {status:04X}"), status, [0x00, 0xCA, p1, p2], data);
    }
}

/// Class, instruction and parameters, in the order of the specification.
fn refused(subject: &mut Subject<'_>) {
    for (cla, ins, status, why) in [
        (0xFF, 0xA4, 0x6E00, "FF"),
        (0x40, 0xA4, 0x6881, "further interindustry range"),
        (0x20, 0xA4, 0x6E00, "bit 20"),
        (0x01, 0xA4, 0x6881, "logical channel"),
        (0x08, 0xA4, 0x6882, "ISO secure messaging"),
        (0x10, 0xA4, 0x6884, "chaining"),
        (0x19, 0xA4, 0x6881, "channel, secure messaging and chaining"),
        (0x18, 0xA4, 0x6882, "secure messaging and chaining"),
        (0x04, 0xA4, 0x6E00, "SELECT with secure messaging"),
        (0x84, 0x50, 0x6E00, "INITIALIZE UPDATE with secure messaging"),
        (0x84, 0xF0, 0x6985, "secure messaging without a session"),
        (0x84, 0x10, 0x6985, "secure messaging without a session, unknown instruction"),
        (0x00, 0x10, 0x6D00, "unknown instruction"),
        (0x80, 0xA4, 0x6D00, "SELECT in the proprietary class"),
        (0x00, 0x40, 0x6D00, "LOAD VOUCHER in the interindustry class"),
        (0x80, 0x82, 0x6D00, "EXTERNAL AUTHENTICATE without secure messaging"),
    ] {
        let rule = format!("class {cla:02X}, instruction {ins:02X}, {why}: {status:04X}");
        subject.answers("7", rule, status, [cla, ins, 0x04, 0x00], &[]);
    }
    for (rule, header) in [
        ("LOAD VOUCHER with P1 = 01", [0x80, 0x40, 0x01, 0x00]),
        ("PUT MAIL with P2 = 01", [0x80, 0x42, 0x00, 0x01]),
        ("GET MAIL with P2 = 01", [0x80, 0x44, 0x00, 0x01]),
        ("READ RECORD with P1 = 00", [0x00, 0xB2, 0x00, 0x2C]),
        ("READ RECORD with low bits 6", [0x00, 0xB2, 0x01, 0x2E]),
        ("GET RESPONSE with P2 = 01", [0x00, 0xC0, 0x00, 0x01]),
        ("READ CERTIFICATE with P1 = 02", [0x80, 0x46, 0x02, 0x00]),
        ("SET STATUS 01", [0x80, 0xF0, 0x00, 0x01]),
        ("SET STATUS 06", [0x80, 0xF0, 0x00, 0x06]),
    ] {
        subject.answers("7", format!("{rule}: 6A86"), 0x6A86, header, &[]);
    }
    for (name, ins) in [
        ("READ CERTIFICATE", 0x46),
        ("SETTLE", 0x48),
        ("PUT HISTORY", 0x4A),
        ("PUT METER MAIL", 0x4E),
        ("BIND", 0x52),
        ("STORE DATA", 0xE2),
    ] {
        subject.answers("7", format!("{name} without a session: 6982"), 0x6982, [0x80, ins, 0x00, 0x00], &[]);
    }
    for (name, header) in [("PUT KEY", [0x80, 0xD8, 0x00, 0x81]), ("SET STATUS", [0x80, 0xF0, 0x00, 0x02])] {
        subject.answers("7", format!("{name} without a session: 6982"), 0x6982, header, &[]);
    }
    if subject.is_t0() {
        // Form and rest are the protocol's business there.
        return;
    }
    subject.rule("7", "a data field of another length than Lc: 6700", |subject| {
        subject.transmit(&[0x00, 0xA4, 0x04, 0x00, 0x08, 0xF0, 0x45, 0x47, 0x45, 0x4C])?.is(0x6700)
    });
    subject.rule("7", "an answer longer than Ne comes in parts, in class 00", |subject| {
        let first = subject.transmit_once(&[0x00, 0xCA, 0x00, 0x66, 0x0A])?;
        holds(first.data.len() == 10, "10 bytes", &format!("{} bytes", first.data.len()))?;
        first.is(0x6128)?;
        let refused = subject.transmit_once(&[0x80, 0xC0, 0x00, 0x00, 0x00])?;
        crate::subject::equal(
            &"6985 to GET RESPONSE in another class",
            &format_args!("{:04X} to GET RESPONSE in another class", refused.status),
        )?;
        let rest = subject.transmit_once(&[0x00, 0xC0, 0x00, 0x00, 0x00])?;
        holds(rest.data.len() == 40, "40 bytes", &format!("{} bytes", rest.data.len()))?;
        rest.is(0x9000)?;
        subject.transmit_once(&[0x00, 0xC0, 0x00, 0x00, 0x00])?.is(0x6985)
    });
    subject.rule("7", "another command forgets the rest of an answer", |subject| {
        subject.transmit_once(&[0x00, 0xCA, 0x00, 0x66, 0x0A])?.is(0x6128)?;
        subject.transmit_once(&[0x00, 0x10, 0x00, 0x00])?.is(0x6D00)?;
        subject.transmit_once(&[0x00, 0xC0, 0x00, 0x00, 0x00])?.is(0x6985)
    });
}
