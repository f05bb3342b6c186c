//! Power that fails during a command (specification, section 13): done wholly or not at all, and the command again brings it to its end.

use card_core::id::{Binding, Channel};
use card_core::scp03::SecurityLevel;

use super::{ADMIN, METER};
use crate::issuer::{BINDING, GENERATION, history, settle};
use crate::report::TEARING;
use crate::subject::{Check, Failure, Subject, equal, wrap};

/// The binding that the stage before has left.
const PRESENT: Binding = Binding { number: BINDING.number + 1, ..BINDING };

/// More writes than any command makes: where power still fails after as many, the card never ends.
const MOST_WRITES: u64 = 200;

pub(super) fn run(subject: &mut Subject<'_>) -> bool {
    if !subject.tear(None) {
        subject.not_examined(
            TEARING,
            "power that fails during a command",
            "this reader cannot take power away at a chosen moment",
        );
        return true;
    }
    let mut sequence = 1;
    torn(subject, "LOAD VOUCHER", |subject| {
        sequence += 1;
        let certificate =
            subject.issuer.certificate_of(PRESENT, GENERATION, sequence, 1000 * u64::from(sequence), 0)?;
        let voucher = subject.issuer.voucher(certificate, Channel::Kiosk)?.emit();
        Ok(Act::plain([0x80, 0x40, 0x00, 0x00], &voucher))
    });
    let mut version = 0;
    torn(subject, "PUT MAIL", |subject| {
        version += 1;
        let delivery = subject.issuer.delivery(&subject.issuer.envelope(PRESENT, 5, version)?)?;
        Ok(Act::plain([0x80, 0x42, 0x00, 0x00], &delivery))
    });
    let mut report = 0;
    torn(subject, "SETTLE", |subject| {
        report += 1;
        let receipt = subject.issuer.meter_receipt(PRESENT, report, 1000, 0)?;
        let data = settle(&receipt, 70, &[2 * report, 2 * report + 1]);
        Ok(Act { session: Some(METER), header: [0x80, 0x48, 0x00, 0x00], data })
    });
    let mut profile = 0;
    torn(subject, "STORE DATA", |_| {
        profile = (profile + 1) % 250;
        Ok(Act { session: Some(ADMIN), header: [0x80, 0xE2, 0x00, 0x01], data: vec![profile; 96] })
    });
    let (mut index, mut number) = (100, 1000);
    torn(subject, "PUT HISTORY", |_| {
        (index, number) = (index + 1, number + 2);
        let data = history(&[index], &[number, number + 1]);
        Ok(Act { session: Some(METER), header: [0x80, 0x4A, 0x00, 0x00], data })
    });
    true
}

/// A command, with the session that it needs.
struct Act {
    session: Option<(u8, SecurityLevel)>,
    header: [u8; 4],
    data: Vec<u8>,
}

impl Act {
    fn plain(header: [u8; 4], data: &[u8]) -> Self {
        Self { session: None, header, data: data.to_vec() }
    }
}

/// Tears a command at each of its writes: after each, what the card shows is what it showed before or what it shows afterwards, it stays so
/// at the next power-up, and the command again is answered as if nothing had been.
fn torn(subject: &mut Subject<'_>, name: &str, mut next: impl FnMut(&mut Subject<'_>) -> Check<Act>) {
    subject.rule(
        TEARING,
        format!("{name}: done wholly or not at all, at whichever write power fails"),
        |subject| {
            for write in 0..MOST_WRITES {
                let act = next(subject)?;
                let before = everything(subject)?;
                let mut session = match act.session {
                    Some((version, level)) => Some(subject.open(version, level)?),
                    None => None,
                };
                let command = match &mut session {
                    Some(session) => wrap(session, act.header, &act.data)?,
                    None => crate::subject::apdu(act.header, &act.data),
                };
                subject.tear(Some(write));
                let whole = subject.transmit(&command).is_ok();
                subject.tear(None);
                subject.reset()?;
                let after = everything(subject)?;
                subject.reset()?;
                equal(&after, &everything(subject)?)?;
                // Seen here and not below: a command that finds itself done repairs nothing.
                if readable(&after) < readable(&before) {
                    let expected = format!("as much to be read as before, power failing at write {write}");
                    return Err(Failure::Differs { expected, found: after });
                }
                let answer = match act.session {
                    Some((version, level)) => {
                        let mut session = subject.open(version, level)?;
                        subject.send(&mut session, act.header, &act.data)?
                    }
                    None => subject.plain(act.header, &act.data)?,
                };
                answer.with(0x9000)?;
                let done = everything(subject)?;
                if after != done && (whole || after != before) {
                    let expected = format!("what was before or after, power failing at write {write}");
                    return Err(Failure::Differs { expected, found: after });
                }
                if whole {
                    return Ok(());
                }
            }
            let expected = format!("at most {MOST_WRITES} writes");
            Err(Failure::Differs { expected, found: "more".into() })
        },
    );
}

/// How many things could be read.
fn readable(shown: &str) -> usize {
    shown.split(' ').filter(|answer| answer.ends_with("9000")).count()
}

/// All that a command of these changes, as the card shows it.
fn everything(subject: &mut Subject<'_>) -> Check<String> {
    let mut session = subject.open(ADMIN.0, ADMIN.1)?;
    let mut shown = Vec::new();
    let binaries = [0x82, 0x84, 0x86, 0x89].map(|sfi| [0x00, 0xB0, sfi, 0x00]);
    let records = [0x2C, 0x44].map(|p2| [[0x00, 0xB2, 1, p2], [0x00, 0xB2, 2, p2]]);
    for header in binaries.into_iter().chain(records.into_iter().flatten()) {
        let answer = subject.send(&mut session, header, &[])?;
        shown.push(format!("{}{:04X}", hex::encode_upper(answer.data), answer.status));
    }
    let mail = subject.plain([0x80, 0x44, 0x05, 0x00], &[])?;
    shown.push(format!("{}{:04X}", hex::encode_upper(mail.data), mail.status));
    Ok(shown.join(" "))
}
