//! Files and who may read them (specification, sections 6 and 7).

use card_core::layout::File;
use card_core::message::LoadRecord;
use card_core::scp03::SecurityLevel;

use super::{ADMIN, HOLDER, METER, VENDING};
use crate::subject::{Subject, equal, holds};

pub(super) fn run(subject: &mut Subject<'_>) -> bool {
    rights(subject);
    transparent(subject);
    records(subject);
    public_status(subject);
    true
}

/// Reading by short identifier: the first byte of a transparent file, the first record of another.
const fn first(file: File) -> [u8; 4] {
    match file {
        File::LoadLog | File::Months | File::Events => [0x00, 0xB2, 0x01, file.sfi() << 3 | 4],
        _ => [0x00, 0xB0, 0x80 | file.sfi(), 0x00],
    }
}

fn rights(subject: &mut Subject<'_>) {
    for file in File::ALL {
        let open = file == File::Identity;
        if !open {
            let rule = format!("file {:02X} without a session: 6982", file.sfi());
            subject.answers("6", rule, 0x6982, first(file), &[]);
        }
        for (role, session) in [("admin", ADMIN), ("vending", VENDING), ("holder", HOLDER)] {
            subject.rule("6", format!("file {:02X} may be read by {role}", file.sfi()), |subject| {
                let mut session = subject.open(session.0, session.1)?;
                let answer = subject.send(&mut session, first(file), &[])?;
                // A history without records has been read, too.
                holds(
                    matches!(answer.status, 0x9000 | 0x6A83),
                    "9000 or 6A83",
                    &format!("{:04X}", answer.status),
                )
            });
        }
        let (rule, status) = match file {
            File::Identity | File::Binding | File::MailDirectory => ("may be read by the meter", 0x9000),
            _ => ("is not the meter's to read: 6982", 0x6982),
        };
        subject.in_session("6", format!("file {:02X} {rule}", file.sfi()), status, METER, first(file), &[]);
    }
}

fn transparent(subject: &mut Subject<'_>) {
    for (rule, status, header) in [
        ("an unknown file: 6A82", 0x6A82, [0x00, 0xB0, 0x9E, 0x00]),
        ("a file of records with READ BINARY: 6981", 0x6981, [0x00, 0xB0, 0x85, 0x00]),
        ("an offset beyond the end: 6B00", 0x6B00, [0x00, 0xB0, 0x81, 32]),
        ("a transparent file with READ RECORD: 6981", 0x6981, [0x00, 0xB2, 0x01, 0x0C]),
        ("record 33 of 32: 6A83", 0x6A83, [0x00, 0xB2, 33, 0x2C]),
        ("a record that was never written: 6A83", 0x6A83, [0x00, 0xB2, 4, 0x2C]),
    ] {
        subject.in_session("7.2", rule, status, ADMIN, header, &[]);
    }
    subject.rule("7.2", "READ BINARY makes a file the current one, until SELECT: 6986", |subject| {
        let identity = subject.plain([0x00, 0xB0, 0x81, 0x00], &[])?.with(0x9000)?;
        subject.plain([0x00, 0xB0, 0x00, 0x04], &[])?.has(identity.get(4..).unwrap_or_default())?;
        subject.plain([0x00, 0xA4, 0x04, 0x0C], &[])?.is(0x9000)?;
        subject.plain([0x00, 0xB0, 0x00, 0x04], &[])?.is(0x6986)
    });
    if !subject.is_t0() {
        subject.rule("7.2", "READ BINARY gives Ne bytes, and 6282 at the end", |subject| {
            let part = subject.transmit_once(&[0x00, 0xB0, 0x81, 0x00, 0x08])?.with(0x9000)?;
            holds(part.len() == 8, "8 bytes", &format!("{} bytes", part.len()))?;
            let end = subject.transmit_once(&[0x00, 0xB0, 0x81, 0x1C, 0x08])?.with(0x6282)?;
            holds(end.len() == 4, "4 bytes", &format!("{} bytes", end.len()))
        });
    }
    subject.rule("12", "STORE DATA with P2 = 01 by a vending desk replaces the profile", |subject| {
        let profile = [0x5A; 96];
        let mut session = subject.open(0x21, SecurityLevel::Full)?;
        subject.send(&mut session, [0x80, 0xE2, 0x00, 0x01], &profile)?.is(0x9000)?;
        subject.send(&mut session, [0x00, 0xB0, 0x82, 0x00], &[])?.has(&profile)
    });
    for (rule, status, session, header) in [
        ("STORE DATA of identity by a vending desk: 6982", 0x6982, VENDING, [0x80, 0xE2, 0x00, 0x00]),
        ("STORE DATA of the profile by the holder: 6982", 0x6982, HOLDER, [0x80, 0xE2, 0x00, 0x01]),
        ("BIND by a vending desk: 6982", 0x6982, VENDING, [0x80, 0x52, 0x00, 0x00]),
        ("PUT KEY by a vending desk: 6982", 0x6982, VENDING, [0x80, 0xD8, 0x00, 0x81]),
        ("SET STATUS by the holder: 6982", 0x6982, HOLDER, [0x80, 0xF0, 0x00, 0x04]),
        ("READ CERTIFICATE by an admin: 6982", 0x6982, ADMIN, [0x80, 0x46, 0x00, 0x00]),
        ("SETTLE by an admin: 6982", 0x6982, ADMIN, [0x80, 0x48, 0x00, 0x00]),
    ] {
        subject.in_session("7", rule, status, session, header, &[0; 96]);
    }
}

fn records(subject: &mut Subject<'_>) {
    subject.rule("6", "the load log has each load, the newest first", |subject| {
        let mut session = subject.open(0x21, SecurityLevel::Full)?;
        for (record, number, credited, debited, total) in
            [(1, 3, 0, 200, 25_000), (2, 2, 15_000, 500, 25_000), (3, 1, 10_000, 0, 10_000)]
        {
            let bytes = subject.send(&mut session, [0x00, 0xB2, record, 0x2C], &[])?.with(0x9000)?;
            let load = LoadRecord::parse(&bytes)
                .map_err(|error| crate::subject::Failure::Unanswered(error.to_string()))?;
            equal(
                &format_args!("load {number}: {credited} and {debited}, in all {total}"),
                &format_args!(
                    "load {}: {} and {}, in all {}",
                    load.number, load.credited.0, load.debited.0, load.total_credit.0
                ),
            )?;
        }
        Ok(())
    });
    subject.rule("7.3", "all records from one on, in one answer", |subject| {
        let mut session = subject.open(0x21, SecurityLevel::Full)?;
        let all = subject.send(&mut session, [0x00, 0xB2, 0x01, 0x2D], &[])?.with(0x9000)?;
        let mut single = Vec::new();
        for record in 1..=3 {
            single.extend(subject.send(&mut session, [0x00, 0xB2, record, 0x2C], &[])?.with(0x9000)?);
        }
        equal(&hex::encode_upper(single), &hex::encode_upper(all))
    });
}

fn public_status(subject: &mut Subject<'_>) {
    subject.rule("7.4", "public status: what is certified and not settled is pending", |subject| {
        let status = subject.plain([0x00, 0xCA, 0xDF, 0x21], &[])?.with(0x9000)?;
        let mut expected = vec![0xDF, 0x21, 0x20, 0x01, 0x03, 0x01];
        expected.extend(25_000_u64.to_be_bytes());
        expected.extend(700_u64.to_be_bytes());
        expected.resize(35, 0);
        equal(&hex::encode_upper(expected), &hex::encode_upper(status))
    });
    subject.rule("7.4", "the card receipt without a session, where balances are public", |subject| {
        let object = subject.plain([0x00, 0xCA, 0xDF, 0x22], &[])?.with(0x9000)?;
        let receipt = object.strip_prefix(&[0xDF, 0x22, 0x51]).unwrap_or_default();
        let receipt = card_core::message::Receipt::parse(receipt)
            .map_err(|error| crate::subject::Failure::Unanswered(error.to_string()))?;
        Ok(subject.issuer.receipt(receipt)?)
    });
}
