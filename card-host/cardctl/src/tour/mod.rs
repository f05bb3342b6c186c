//! The main job from a blank card to a replaced meter, step by step, on simulated cards: in process, or in a virtual reader.
//!
//! Each step checks what came of it; a step that came out otherwise ends the tour with an error. At the end the money must add up
//! to the piastre.

mod steps;

use applet_sim::card::Cost;
use card_core::key::KeyLength;
use card_core::units::{Balance, Piastres};

use card_host::card_work::CardWorkError;
use card_host::keystore::{KeyStoreError, SoftwareKeyStore};
use card_host::operate::OperateError;
use card_host::random::OsRandom;
use card_host::simulated_meter::{SimulatedMeter, SimulatedMeterError};
use card_host::stage::{Stage, StageError};
use card_host::transport::TransportError;
use card_ledger::{BranchError, Development, LedgerError};

/// What a step did, and what it cost.
#[derive(Debug, Clone)]
pub struct Line {
    /// From 1.
    pub number: usize,
    /// What was done.
    pub title: &'static str,
    /// What came of it.
    pub outcome: String,
    /// What cards and link spent on it.
    pub cost: Cost,
}

/// Where the money went. [`Self::difference`] is 0, or the tour has failed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Money {
    /// Paid by the customer, through all channels.
    pub paid: Piastres,
    /// Taken back by debits.
    pub reversed: Piastres,
    /// Energy that was consumed, over both meters, as the tariff rates it.
    pub consumed: Piastres,
    /// Fees of months that were closed.
    pub fees: Balance,
    /// In the customer's present meter.
    pub in_meter: Piastres,
}

impl Money {
    /// Paid - reversed - consumed - fees - what is in the meter, in piastres.
    pub fn difference(&self) -> i128 {
        let [paid, rest @ ..] =
            [self.paid, self.reversed, self.consumed, self.in_meter].map(|p| i128::from(p.0));
        paid - rest.iter().sum::<i128>() - i128::from(self.fees.0)
    }
}

/// Why the tour ended early.
#[derive(Debug, thiserror::Error)]
#[error("step {step}, {title}: {cause}")]
pub struct TourError {
    /// Number of the step.
    pub step: usize,
    /// What was to be done.
    pub title: &'static str,
    /// Why it failed.
    pub cause: TourCause,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TourCause {
    /// Reader and cards.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The card in the reader.
    #[error(transparent)]
    Card(#[from] CardWorkError),
    /// The branch.
    #[error(transparent)]
    Branch(#[from] BranchError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An issued card.
    #[error(transparent)]
    Operate(#[from] OperateError),
    /// The meter.
    #[error(transparent)]
    Meter(#[from] SimulatedMeterError),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    /// It came out otherwise than it must.
    #[error("it came out wrong: {0}")]
    Unexpected(String),
}

impl From<TransportError> for TourCause {
    fn from(error: TransportError) -> Self {
        Self::Card(error.into())
    }
}

/// Plays the tour on a stage, and tells each step when it is done.
pub fn play(
    stage: &mut dyn Stage,
    length: KeyLength,
    tell: &mut dyn FnMut(&Line),
) -> Result<Money, TourError> {
    let mut tour = Tour { stage, tell, number: 0, money: Money::default() };
    let keys = SoftwareKeyStore::generate(length, &mut OsRandom);
    let keys = keys.map_err(|error| tour.error("keys", error.into()))?;
    let company = Development::new(keys).map_err(|error| tour.error("books", error.into()))?;
    steps::all(&mut tour, company)?;
    Ok(tour.money)
}

/// The tour while it is played.
struct Tour<'a> {
    stage: &'a mut dyn Stage,
    tell: &'a mut dyn FnMut(&Line),
    number: usize,
    money: Money,
}

type Meter = SimulatedMeter<applet_sim::chip::FlashModel>;

impl Tour<'_> {
    fn step<T>(
        &mut self,
        title: &'static str,
        act: impl FnOnce(&mut dyn Stage, &mut Money) -> Result<(T, String), TourCause>,
    ) -> Result<T, TourError> {
        self.number += 1;
        let before = self.stage.cost();
        let result = act(self.stage, &mut self.money);
        let (value, outcome) = result.map_err(|cause| self.error(title, cause))?;
        let cost = self.stage.cost().since(&before);
        (self.tell)(&Line { number: self.number, title, outcome, cost });
        Ok(value)
    }

    fn error(&self, title: &'static str, cause: TourCause) -> TourError {
        TourError { step: self.number, title, cause }
    }
}

/// Fails the step where something is not as it must be.
fn must<A: PartialEq + core::fmt::Debug>(what: &str, found: A, wanted: A) -> Result<(), TourCause> {
    if found == wanted {
        Ok(())
    } else {
        Err(TourCause::Unexpected(format!("{what} is {found:?} and must be {wanted:?}")))
    }
}
