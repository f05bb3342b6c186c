//! Service, rights, readers, their driver, and the card in the one that is meant.

use std::path::Path;

use super::card::{Subject, examine};
use super::{Cause, Check, Finding};
use crate::pcsc::{self, Connection, Limits, Protocol};
use crate::reader_error::{Holder, ReaderError};
use std::time::Duration;

const CARD_LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    transaction: Duration::from_secs(2),
    command: Duration::from_secs(5),
};

/// Looks at service and readers, and at the card in the reader with `name` in its name (empty: any). Without a name nothing of it is
/// needed, and what is missing is no problem.
pub fn examine_readers(name: Option<&str>) -> Vec<Finding> {
    let listed = pcsc::readers_and_cards();
    let mut findings = readers_in(&listed, name.is_some(), Path::new("/sys/bus/usb/devices"));
    let Some(name) = name else { return findings };
    match pcsc::connect_with(name, CARD_LIMITS) {
        Ok(connection) => {
            findings.push(holder(&pcsc::holders()));
            findings.extend(card(connection));
        }
        Err(error) => {
            findings.extend(no_card(&error, listed.is_ok()));
        }
    }
    findings
}

/// What can be said of the readers by their list, and by the devices of the USB (Linux).
pub fn readers_in(
    listed: &Result<Vec<(String, bool)>, ReaderError>,
    needed: bool,
    devices: &Path,
) -> Vec<Finding> {
    let or_not = |cause: Cause| if needed { cause } else { Cause::NotNeeded };
    let mut findings = Vec::new();
    match listed {
        Err(error @ ReaderError::AccessDenied) => {
            findings.push(Finding::good(Check::Service, "running"));
            findings.push(Finding::new(Check::Rights, or_not(error.into()), ""));
        }
        Err(error) => {
            let cause = or_not(Cause::from(error));
            let text = if cause == Cause::Other { error.to_string() } else { String::new() };
            findings.push(Finding::new(Check::Service, cause, text));
            findings.push(Finding::before(Check::Rights));
        }
        Ok(_) => {
            findings.push(Finding::good(Check::Service, library()));
            findings.push(Finding::good(Check::Rights, "this user may use readers"));
        }
    }
    let Ok(readers) = listed else {
        findings.extend([Check::Readers, Check::Driver].map(Finding::before));
        return findings;
    };
    if readers.is_empty() {
        findings.push(Finding::new(Check::Readers, or_not(Cause::NoReader), ""));
    } else {
        let one =
            |(name, card): &(String, bool)| format!("{name} ({})", if *card { "card" } else { "empty" });
        let all: Vec<String> = readers.iter().map(one).collect();
        findings.push(Finding::good(Check::Readers, all.join(", ")));
    }
    let attached = usb_readers(devices);
    findings.push(match (attached.is_empty(), readers.is_empty()) {
        (false, true) => Finding::new(Check::Driver, or_not(Cause::DriverMissing), attached.join(", ")),
        (true, true) => Finding::before(Check::Driver),
        (_, false) => Finding::good(Check::Driver, "there is one for what is attached"),
    });
    findings
}

/// Devices of the class "smart card" (0B) that are attached, by what they call themselves.
fn usb_readers(devices: &Path) -> Vec<String> {
    let read = |path: &Path| std::fs::read_to_string(path).map(|text| text.trim().to_owned()).ok();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(devices).into_iter().flatten().flatten() {
        if read(&entry.path().join("bInterfaceClass")).as_deref() != Some("0b") {
            continue;
        }
        // An interface 1-2:1.0 is one of the device 1-2.
        let name = entry.file_name().to_string_lossy().into_owned();
        let device = devices.join(name.split(':').next().unwrap_or_default());
        let product = read(&device.join("product")).unwrap_or_else(|| "a reader".to_owned());
        let [vendor, number] =
            ["idVendor", "idProduct"].map(|file| read(&device.join(file)).unwrap_or_else(|| "?".to_owned()));
        found.push(format!("{product} (USB {vendor}:{number})"));
    }
    found.sort();
    found
}

/// That the library is there is certain, or this program would not have started; which one it is can be useful.
fn library() -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let path = maps.lines().find_map(|line| {
        let start = line.find('/')?;
        line.get(start..).filter(|path| path.contains("/libpcsclite"))
    });
    path.map_or_else(|| "running".to_owned(), |path| format!("running, reached by {path}"))
}

fn holder(others: &[Holder]) -> Finding {
    let names: Vec<String> = others.iter().map(ToString::to_string).collect();
    let text = if names.is_empty() { "no other program".to_owned() } else { names.join(", ") };
    Finding::good(Check::Holder, text)
}

fn card(connection: Connection) -> Vec<Finding> {
    let subject = Subject {
        atr: connection.atr().to_vec(),
        protocol: Some(match connection.protocol() {
            Protocol::T0 => "T=0",
            Protocol::T1 => "T=1",
        }),
        most_erased: None,
    };
    // At its end the card is left as it is: no session was opened.
    examine(connection, &subject)
}

/// What is left to say where there is no card to ask.
fn no_card(error: &ReaderError, listed: bool) -> Vec<Finding> {
    let cause = Cause::from(error);
    let mut findings = Vec::new();
    findings.push(match error {
        ReaderError::InUse { holders, .. } | ReaderError::OtherProtocol { holders, .. } => {
            Finding { cause, ..holder(holders) }
        }
        _ if listed => holder(&pcsc::holders()),
        _ => Finding::before(Check::Holder),
    });
    // What was said of service and readers is not said again of the card.
    let said = !listed || matches!(cause, Cause::NoReader | Cause::InUse | Cause::OtherProtocol);
    findings.push(match cause {
        _ if said => Finding::before(Check::Card),
        cause => Finding::new(Check::Card, cause, facts(error)),
    });
    let rest = [Check::Atr, Check::Protocol, Check::Application, Check::State, Check::Wear];
    findings.extend(rest.map(Finding::before));
    findings.extend([Check::RoundTrip, Check::Payload].map(Finding::before));
    findings
}

/// Which reader it is about.
fn facts(error: &ReaderError) -> String {
    match error {
        ReaderError::UnknownReader { name, .. } => name.clone(),
        ReaderError::AmbiguousReader { matching, .. } => matching.join(", "),
        ReaderError::NoCard { reader }
        | ReaderError::UnresponsiveCard { reader }
        | ReaderError::CardRemoved { reader }
        | ReaderError::CardReset { reader }
        | ReaderError::NoPower { reader }
        | ReaderError::NoProtocol { reader }
        | ReaderError::ReaderGone { reader } => reader.clone(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;
    use std::fs;

    fn of(findings: &[Finding], check: Check) -> Cause {
        findings.iter().find(|finding| finding.check == check).map(|finding| finding.cause).unwrap()
    }

    #[test]
    fn a_reader_without_its_driver_is_named() {
        let devices = tempfile::tempdir().unwrap();
        for (folder, file, text) in [
            ("1-2", "product", "Acme Reader\n"),
            ("1-2", "idVendor", "04e6\n"),
            ("1-2", "idProduct", "5116\n"),
            ("1-2:1.0", "bInterfaceClass", "0b\n"),
            ("1-3:1.0", "bInterfaceClass", "03\n"),
        ] {
            fs::create_dir_all(devices.path().join(folder)).unwrap();
            fs::write(devices.path().join(folder).join(file), text).unwrap();
        }
        let findings = readers_in(&Ok(vec![]), true, devices.path());
        assert_eq!(of(&findings, Check::Readers), Cause::NoReader);
        let driver = findings.iter().find(|finding| finding.check == Check::Driver).unwrap();
        assert_eq!((driver.cause, driver.verdict()), (Cause::DriverMissing, Verdict::Failure));
        assert_eq!(driver.found, "Acme Reader (USB 04e6:5116)");
        let known = readers_in(&Ok(vec![("Acme Reader 00 00".into(), false)]), true, devices.path());
        assert!(known.iter().all(|finding| finding.cause == Cause::Good), "an empty one is none the worse");
    }

    #[test]
    fn what_is_not_needed_is_no_problem() {
        for listed in [
            Ok(vec![]),
            Err(ReaderError::ServiceNotRunning),
            Err(ReaderError::AccessDenied),
            Err(ReaderError::TimedOut { during: "x", limit: Duration::ZERO }),
        ] {
            let needed = readers_in(&listed, true, Path::new("/nonexistent"));
            assert!(needed.iter().any(|finding| finding.verdict() == Verdict::Failure), "{needed:?}");
            let not = readers_in(&listed, false, Path::new("/nonexistent"));
            assert!(not.iter().all(|finding| finding.verdict() < Verdict::Warning), "{not:?}");
        }
    }
}
