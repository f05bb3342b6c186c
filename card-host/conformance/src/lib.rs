//! Whether a card is this card: what a maker runs who builds it in another technology.
//!
//! [`examine`] takes a blank card of the test environment through its whole life, with public keys, and holds each answer against the card
//! specification. What differs is named by the section that it violates. The card is used up by it: at the end it is terminated.
//!
//! ```
//! use applet_sim::card::{Profile, SimulatedCard};
//! use card_conformance::examine;
//! use card_host::transport::Simulator;
//!
//! let mut card = Simulator::new(SimulatedCard::fresh(Profile::Contactless)?);
//! let report = examine(&mut card, &mut |_| {});
//! assert!(report.conforms(), "{:?}", report.failures().collect::<Vec<_>>());
//! # Ok::<(), applet_sim::card::CardError>(())
//! ```

mod issuer;
mod reader;
mod report;
mod stages;
mod subject;

#[cfg(feature = "pcsc")]
pub use reader::PcscReader;
pub use reader::Reader;
pub use report::{Finding, Report, Result, Time};

use subject::Subject;

/// Examines the card in `reader`. `watch` is told each finding as it is made, for a program that shows progress.
///
/// # Errors
/// None: what the card or the reader does wrong is a finding. Where the card cannot be brought further, the rules that are left are
/// reported as not examined, and the report says that the card does not conform.
pub fn examine(reader: &mut dyn Reader, watch: &mut dyn FnMut(&Finding)) -> Report {
    let mut subject = Subject::new(reader, watch);
    stages::run(&mut subject);
    subject.into_report()
}
