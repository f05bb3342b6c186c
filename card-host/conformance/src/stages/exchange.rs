//! The meter's exchange (specification, section 11).

use card_core::id::Binding;
use card_core::layout::CertificateAnswer;
use card_core::scp03::SecurityLevel;

use super::{ADMIN, METER};
use crate::issuer::{BINDING, OTHER_METER, event, history, month, settle};
use crate::subject::{Check, Failure, Subject, equal};

const READ: [u8; 4] = [0x80, 0x46, 0x00, 0x00];
const SETTLE: [u8; 4] = [0x80, 0x48, 0x00, 0x00];
const HISTORY: [u8; 4] = [0x80, 0x4A, 0x00, 0x00];

pub(super) fn run(subject: &mut Subject<'_>) -> bool {
    levels(subject);
    read_certificate(subject);
    let settled = settling(subject);
    histories(subject);
    settled
}

fn levels(subject: &mut Subject<'_>) {
    for (name, header, level) in [
        ("READ CERTIFICATE", READ, SecurityLevel::CMac),
        ("READ CERTIFICATE", READ, SecurityLevel::CMacCEnc),
        ("SETTLE", SETTLE, SecurityLevel::CMacRMac),
        ("PUT HISTORY", HISTORY, SecurityLevel::CMacRMac),
    ] {
        let rule = format!("{name} at level {:02X}: 6982", level as u8);
        subject.in_session("7", rule, 0x6982, (METER.0, level), header, &[]);
    }
}

/// What the card shows the meter.
fn shown(subject: &mut Subject<'_>) -> Check<CertificateAnswer> {
    let mut session = subject.open(METER.0, METER.1)?;
    let data = subject.send(&mut session, READ, &[])?.with(0x9000)?;
    CertificateAnswer::parse(&data).map_err(|error| Failure::Unanswered(error.to_string()))
}

fn read_certificate(subject: &mut Subject<'_>) {
    subject.rule("11", "READ CERTIFICATE shows certificate, totals and mail", |subject| {
        let shown = shown(subject)?;
        let expected = subject.issuer.certificate(9, 25_000, 700)?;
        equal(&hex::encode_upper(expected.emit()), &hex::encode_upper(shown.certificate.emit()))?;
        equal(
            &"settled 0 and 0, report 0",
            &format_args!(
                "settled {} and {}, report {}",
                shown.settled_credit.0, shown.settled_debited.0, shown.report_number
            ),
        )?;
        let mail = [6, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 2, 2, 2, 2];
        equal(&format_args!("{mail:?}"), &format_args!("{:?}", shown.mail))
    });
    subject.rule("11", "READ CERTIFICATE with P1 = 01: the binding certificate", |subject| {
        let binding = subject.issuer.binding_certificate(BINDING)?;
        let mut session = subject.open(METER.0, METER.1)?;
        subject.send(&mut session, [0x80, 0x46, 0x01, 0x00], &[])?.has(&binding.emit())
    });
}

/// What the card answers to SETTLE in a session of its own.
fn send(subject: &mut Subject<'_>, header: [u8; 4], data: &[u8]) -> Check<crate::subject::Answer> {
    let mut session = subject.open(METER.0, METER.1)?;
    subject.send(&mut session, header, data)
}

fn settling(subject: &mut Subject<'_>) -> bool {
    for (rule, status, binding) in [
        ("another meter's receipt", 0x9404, Binding { meter: OTHER_METER, ..BINDING }),
        ("a receipt of another binding", 0x9405, Binding { number: 2, ..BINDING }),
    ] {
        subject.rule("11", format!("SETTLE with {rule}: {status:04X}"), |subject| {
            let receipt = subject.issuer.meter_receipt(binding, 1, 0, 0)?;
            send(subject, SETTLE, &settle(&receipt, 70, &[]))?.is(status)
        });
    }
    subject.rule("11", "SETTLE with one byte too many: 6700", |subject| {
        let receipt = subject.issuer.meter_receipt(BINDING, 1, 0, 0)?;
        send(subject, SETTLE, &[settle(&receipt, 70, &[]), vec![0]].concat())?.is(0x6700)
    });
    subject.rule("11", "SETTLE with events that do not rise: 6A80", |subject| {
        let receipt = subject.issuer.meter_receipt(BINDING, 1, 0, 0)?;
        send(subject, SETTLE, &settle(&receipt, 70, &[2, 2]))?.is(0x6A80)
    });
    let settled = subject.rule("11", "SETTLE: last month and last event", |subject| {
        let receipt = subject.issuer.meter_receipt(BINDING, 4, 20_000, 500)?;
        send(subject, SETTLE, &settle(&receipt, 70, &[1, 3]))?.has(&[0xFF, 0xFF, 0, 0, 0, 3])
    });
    subject.rule("11", "the same SETTLE again changes nothing", |subject| {
        let receipt = subject.issuer.meter_receipt(BINDING, 4, 20_000, 500)?;
        send(subject, SETTLE, &settle(&receipt, 70, &[1, 3]))?.has(&[0xFF, 0xFF, 0, 0, 0, 3])
    });
    subject.rule("11", "the totals that were settled are shown, as is the report", |subject| {
        let shown = shown(subject)?;
        equal(
            &"settled 20000 and 500, report 4",
            &format_args!(
                "settled {} and {}, report {}",
                shown.settled_credit.0, shown.settled_debited.0, shown.report_number
            ),
        )
    });
    subject.rule(
        "7.4",
        "public status after SETTLE: what is pending still, and what the meter said",
        |subject| {
            let mut expected = vec![0xDF, 0x21, 0x20, 0x01, 0x03, 0x03];
            expected.extend(5_000_u64.to_be_bytes());
            expected.extend(200_u64.to_be_bytes());
            expected.extend((-100_i64).to_be_bytes());
            expected.extend(0x0C10_0000_u32.to_be_bytes());
            expected.push(0x01);
            subject.plain([0x00, 0xCA, 0xDF, 0x21], &[])?.has(&expected)
        },
    );
    for (rule, status, number, credit, debited) in [
        ("the same report number and another receipt", 0x940A, 4, 25_000, 500),
        ("a lower report number", 0x940A, 3, 25_000, 500),
        ("less applied credit than was settled", 0x940C, 5, 19_999, 500),
        ("less applied debits than were settled", 0x940C, 5, 20_000, 499),
    ] {
        subject.rule("11", format!("SETTLE with {rule}: {status:04X}"), |subject| {
            let receipt = subject.issuer.meter_receipt(BINDING, number, credit, debited)?;
            send(subject, SETTLE, &settle(&receipt, 70, &[]))?.is(status)
        });
    }
    subject.rule("11", "SETTLE with an event that the card has: 6A80", |subject| {
        let receipt = subject.issuer.meter_receipt(BINDING, 5, 25_000, 500)?;
        send(subject, SETTLE, &settle(&receipt, 70, &[3]))?.is(0x6A80)
    });
    subject.rule("11", "what SETTLE brought stays at power-up", |subject| {
        subject.reset()?;
        let shown = shown(subject)?;
        equal(
            &"report 4, event 3",
            &format_args!("report {}, event {}", shown.report_number, shown.last_event),
        )
    });
    settled
}

fn histories(subject: &mut Subject<'_>) {
    for (rule, data) in [
        ("nothing", history(&[], &[])),
        ("6 months", vec![6]),
        ("fewer months than it says", [vec![2], month(69).emit().to_vec()].concat()),
        ("14 events", history(&[], &(10..24).collect::<Vec<_>>())),
        ("5 months and an event", history(&[66, 67, 68, 69, 70], &[4])),
    ] {
        subject.in_session("11", format!("PUT HISTORY, {rule}: 6700"), 0x6700, METER, HISTORY, &data);
    }
    for (rule, data) in [("months", history(&[69, 68], &[])), ("events", history(&[69], &[5, 4]))] {
        let rule = format!("PUT HISTORY with {rule} that do not rise: 6A80");
        subject.in_session("11", rule, 0x6A80, METER, HISTORY, &data);
    }
    subject.rule("11", "PUT HISTORY: the last ones; those that the card has are skipped", |subject| {
        send(subject, HISTORY, &history(&[66, 67, 69], &[]))?.has(&[0, 69, 0, 0, 0, 3])?;
        send(subject, HISTORY, &history(&[65, 69], &[4, 6]))?.has(&[0, 69, 0, 0, 0, 6])?;
        send(subject, HISTORY, &history(&[], &[2, 6, 7]))?.has(&[0, 69, 0, 0, 0, 7])
    });
    subject.rule("6", "records say their own numbers, and gaps have none", |subject| {
        let mut session = subject.open(ADMIN.0, ADMIN.1)?;
        for (record, index) in [(1, 69), (3, 67), (4, 66)] {
            subject.send(&mut session, [0x00, 0xB2, record, 0x3C], &[])?.has(&month(index).emit())?;
        }
        subject.send(&mut session, [0x00, 0xB2, 2, 0x3C], &[])?.is(0x6A83)?;
        for (record, number) in [(1, 7), (2, 6), (4, 4), (5, 3), (7, 1)] {
            subject.send(&mut session, [0x00, 0xB2, record, 0x44], &[])?.has(&event(number).emit())?;
        }
        subject.send(&mut session, [0x00, 0xB2, 3, 0x44], &[])?.is(0x6A83)
    });
}
