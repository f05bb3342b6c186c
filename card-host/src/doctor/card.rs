//! What a card says of itself, and how well it is reached.

use std::time::{Duration, Instant};

use card_core::id::State;
use card_core::terminal::read;

use super::{Cause, Check, Finding, others};
use crate::atr::Atr;
use crate::card::{self, CardError};
use crate::transport::{Card, Link, Transport};

/// How often a round trip is measured.
const ROUNDS: usize = 50;
/// A round trip takes so long at most where a visit is to be quick.
const QUICK: Duration = Duration::from_millis(100);
/// The longest command of our card, and what is tried on the way to it: bytes of data.
const LENGTHS: [usize; 5] = [16, 64, 128, 200, 255];
/// A page of flash or EEPROM bears at least so many erasures.
const ENDURANCE: u32 = 100_000;

/// What is known of a card besides what it answers.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// Its answer to reset.
    pub atr: Vec<u8>,
    /// The protocol that was agreed on, where the reader says it.
    pub protocol: Option<&'static str>,
    /// How often its most worn page was erased; only a simulated card tells.
    pub most_erased: Option<u32>,
}

/// Looks at the card behind a link.
pub fn examine(link: impl Link, subject: &Subject) -> Vec<Finding> {
    let place = link.description();
    let mut card = Card::open(link);
    let atr = Atr::parse(&subject.atr);
    let mut findings = vec![Finding::good(Check::Card, format!("answers in {place}"))];
    let digits = hex::encode_upper(&subject.atr);
    findings.push(match &atr {
        Some(atr) => Finding::good(Check::Atr, format!("{digits}: {atr}")),
        None => Finding::new(Check::Atr, Cause::AtrWrong, digits),
    });
    findings.push(protocol(atr.as_ref(), subject));
    match card::select(&mut card) {
        Ok(summary) => {
            let text = format!(
                "card {}, generation {}, company {}, {} environment",
                summary.card.id, summary.card.generation, summary.scope.company.0, summary.scope.environment
            );
            findings.push(Finding::good(Check::Application, text));
            findings.push(state(summary.state));
            findings.push(wear(subject.most_erased));
            findings.push(round_trip(&mut card));
            findings.push(payload(&mut card));
        }
        Err(error) => findings.extend(not_selected(&mut card, &error, atr.as_ref(), subject)),
    }
    findings
}

/// The card that could not be selected: another one, or ours with a fault.
fn not_selected(
    card: &mut impl Transport,
    error: &CardError,
    atr: Option<&Atr>,
    subject: &Subject,
) -> Vec<Finding> {
    let cause = Cause::from(error);
    let mut findings = Vec::new();
    match cause {
        Cause::NotOurs => {
            let kind = others::kind(card, atr).unwrap_or_else(|error| error.to_string());
            findings.push(Finding::new(Check::Application, Cause::NotOurs, kind));
            findings.push(Finding::before(Check::State));
        }
        Cause::MemoryFailed => {
            findings.push(Finding::good(Check::Application, "ours"));
            findings.push(Finding::new(Check::State, cause, error.to_string()));
        }
        cause => {
            findings.push(Finding::new(Check::Application, cause, error.to_string()));
            findings.push(Finding::before(Check::State));
        }
    }
    findings.push(match cause {
        Cause::MemoryFailed => wear(subject.most_erased),
        _ => Finding::before(Check::Wear),
    });
    findings.extend([Check::RoundTrip, Check::Payload].map(Finding::before));
    findings
}

fn protocol(atr: Option<&Atr>, subject: &Subject) -> Finding {
    let Some(atr) = atr else { return Finding::before(Check::Protocol) };
    let agreed = subject.protocol.map(|protocol| format!("{protocol}, ")).unwrap_or_default();
    if atr.contactless {
        return Finding::good(Check::Protocol, format!("{agreed}contactless"));
    }
    let speed = atr.bits_per_second(3_571_200);
    let text = speed.map_or_else(|| "unknown speed".to_owned(), |bits| format!("{bits} bit/s at 3.57 MHz"));
    let cause = if speed.is_some_and(|bits| bits <= 9_600) { Cause::SlowSpeed } else { Cause::Good };
    Finding::new(Check::Protocol, cause, format!("{agreed}contacts, up to {text}"))
}

fn state(state: Option<State>) -> Finding {
    let cause = match state {
        Some(State::Blank) => Cause::Blank,
        Some(State::Personalised) => Cause::NotActivated,
        Some(State::Active) => Cause::Good,
        Some(State::Blocked) => Cause::Blocked,
        Some(State::Terminated) => Cause::Terminated,
        None => Cause::MemoryFailed,
    };
    Finding::new(Check::State, cause, state.map_or_else(String::new, |state| state.to_string()))
}

fn wear(most_erased: Option<u32>) -> Finding {
    let Some(erased) = most_erased else { return Finding::new(Check::Wear, Cause::WearUnknown, "") };
    let cause = if erased >= ENDURANCE / 10 * 8 { Cause::Worn } else { Cause::Good };
    Finding::new(Check::Wear, cause, format!("{erased} of {ENDURANCE} erasures"))
}

/// Measured with the status that everybody may read.
fn round_trip(card: &mut impl Transport) -> Finding {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        if let Err(error) = card::ask(card, &read::public_status()) {
            return Finding::new(Check::RoundTrip, Cause::from(&error), error.to_string());
        }
        times.push(begun.elapsed());
    }
    times.sort();
    let at = |index: usize| times.get(index).copied().unwrap_or_default();
    let (median, p99) = (at(ROUNDS / 2), at(ROUNDS - 1));
    let cause = if median > QUICK { Cause::Slow } else { Cause::Good };
    let text = format!("median {} us, p99 {} us, of {ROUNDS}", median.as_micros(), p99.as_micros());
    Finding::new(Check::RoundTrip, cause, text)
}

/// Selects applications that there are not, with names that are too long: no card does anything then. The longest answer is that of
/// the key information.
fn payload(card: &mut impl Transport) -> Finding {
    let mut passed = 0;
    for length in LENGTHS {
        let size = u8::try_from(length).unwrap_or_default();
        let command = [&[0x00, 0xA4, 0x04, 0x00, size][..], &vec![0xF0; length]].concat();
        match card.transmit(&command) {
            // Whatever it says to that, it has got it.
            Ok(answer) if answer.len() >= 2 => passed = command.len(),
            Ok(_) => break,
            Err(error) => {
                let text = format!("commands of {passed} bytes pass, longer ones do not: {error}");
                return Finding::new(Check::Payload, Cause::ShortPayload, text);
            }
        }
    }
    // Ours again, as it was.
    let again = card::select(card).map(drop);
    let answers = again.and_then(|()| {
        let mut longest = 0;
        for command in
            [[0x00, 0xCA, 0x00, 0x66, 0x00], [0x00, 0xCA, 0x00, 0xE0, 0x00], [0x00, 0xB0, 0x81, 0, 0]]
        {
            longest = longest.max(card.transmit(&command)?.len());
        }
        Ok(longest)
    });
    match answers {
        Ok(longest) => {
            Finding::good(Check::Payload, format!("commands of {passed} bytes, answers of {longest} bytes"))
        }
        Err(error) => Finding::new(Check::Payload, Cause::from(&error), error.to_string()),
    }
}
