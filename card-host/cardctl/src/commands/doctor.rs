//! `cardctl doctor`: looks at everything between this program and a card, and at what the office works with.

mod office;

use applet_sim::vpcd::VirtualCard;
use card_host::doctor::{Cause, Check, Finding, Subject, examine, examine_readers};
use card_host::durable;
use card_host::transport::{Replay, TcpCard};
use std::io;
use std::path::Path;

use super::Error;
use crate::context::reader::Place;
use crate::context::trace;
use crate::context::{self, Context, books::now};
use crate::view::doctor::{Bundle, Diagnosis};

/// Looks at the reader that is meant, the card in it, and the office. Nothing ends it early.
pub(crate) fn run(context: &Context, server: &str, bundle: Option<&Path>) -> Result<Diagnosis, Error> {
    let mut findings = match context.place() {
        Place::Pcsc(name) => examine_readers(Some(name)),
        Place::Simulated => with(simulated(context)),
        Place::Tcp(address) => with(at_port(address)),
        Place::Recorded(path) => with(recorded(path)),
    };
    findings.extend(office::examine(context, server));
    let diagnosis = Diagnosis::new(findings);
    if let Some(path) = bundle {
        let wrong = |error| context::Error::Report { path: path.to_owned(), error };
        let bytes = serde_json::to_vec_pretty(&Bundle::new(&diagnosis, &context.reader, now()));
        bytes.map_err(io::Error::from).and_then(|bytes| durable::create(path, &bytes)).map_err(wrong)?;
    }
    Ok(diagnosis)
}

/// Readers are not needed then, and are looked at all the same.
fn with(card: Vec<Finding>) -> Vec<Finding> {
    let mut findings = examine_readers(None);
    findings.extend(card);
    findings
}

fn simulated(context: &Context) -> Vec<Finding> {
    use context::workplace::WorkplaceError;
    let opened = context.alone().and_then(|workplace| Ok((workplace.card()?, workplace)));
    match opened {
        Ok((mut simulator, _workplace)) => {
            let card = simulator.card();
            let pages = card.chip().map(|chip| chip.memory.flash().pages());
            let subject = Subject {
                atr: card.atr().to_vec(),
                protocol: Some("T=1"),
                most_erased: pages.and_then(|pages| pages.iter().map(|page| page.wear).max()),
            };
            examine(&mut simulator, &subject)
        }
        Err(context::Error::Workplace(WorkplaceError::NoCard)) => nothing(Cause::NoSimulatedCard, ""),
        Err(context::Error::Workplace(error @ WorkplaceError::InUse(_))) => {
            nothing(Cause::InUse, &error.to_string())
        }
        Err(error) => nothing(Cause::Other, &error.to_string()),
    }
}

fn at_port(address: &str) -> Vec<Finding> {
    match TcpCard::connect(address) {
        Ok(card) => {
            let subject = Subject { atr: card.atr().to_vec(), ..Subject::default() };
            examine(card, &subject)
        }
        Err(error) => nothing(Cause::from(&error), address),
    }
}

/// What was recorded answers what it was asked, in that order: as a rule that is not what is asked here.
fn recorded(path: &Path) -> Vec<Finding> {
    match trace::read(path) {
        Ok(recording) => examine(Replay::new(&recording), &Subject::default()),
        Err(error) => nothing(Cause::Other, &error.to_string()),
    }
}

/// There is no card to ask.
fn nothing(cause: Cause, found: &str) -> Vec<Finding> {
    let mut findings = vec![Finding::new(Check::Card, cause, found)];
    let rest = [Check::Atr, Check::Protocol, Check::Application, Check::State];
    findings.extend(rest.map(Finding::before));
    findings.extend([Check::Wear, Check::RoundTrip, Check::Payload].map(Finding::before));
    findings
}
