//! Where a tour is played: cards, and a reader with one of them in it.

use applet_sim::card::{CardError, Cost, Profile, SimulatedCard};
use applet_sim::chip::{Cut, FlashModel};

use crate::reader_error::ReaderError;
use crate::transport::{Card, Simulator, Transport};

/// Reader and cards cannot do what they are asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// The reader.
    #[error(transparent)]
    Reader(#[from] ReaderError),
    /// There is no card with that number, or none in the reader.
    #[error("there is no such card")]
    NoCard,
    /// A blank card cannot be made.
    #[error("a blank card could not be made: {0}")]
    Blank(#[from] CardError),
}

/// Cards in software, one of which is in a reader.
pub trait Stage {
    /// Makes a blank card and gives its number.
    fn new_card(&mut self) -> Result<usize, StageError>;
    /// Puts a card into the reader, whichever was there before; also the same card again, which gives it power again.
    fn insert(&mut self, card: usize) -> Result<(), StageError>;
    /// Lets the card in the reader lose its power in the next but `operations` operation on its memory, in the middle of it.
    fn tear(&mut self, operations: u64) -> Result<(), StageError>;
    /// The card in the reader.
    fn card(&mut self) -> Result<Box<dyn Transport + '_>, StageError>;
    /// What all cards together have spent.
    fn cost(&mut self) -> Cost;
}

/// A stage in this process.
pub struct Table {
    cards: Vec<Simulator<FlashModel>>,
    inserted: Option<usize>,
    profile: Profile,
}

impl Table {
    /// No cards yet.
    pub const fn new(profile: Profile) -> Self {
        Self { cards: Vec::new(), inserted: None, profile }
    }

    /// As [`Stage::tear`], with a choice of how the operation is cut.
    pub fn tear_how(&mut self, operations: u64, how: Cut) -> Result<(), StageError> {
        tear_how(self.inserted()?.card_mut(), operations, how);
        Ok(())
    }

    fn inserted(&mut self) -> Result<&mut Simulator<FlashModel>, StageError> {
        let index = self.inserted.ok_or(StageError::NoCard)?;
        self.cards.get_mut(index).ok_or(StageError::NoCard)
    }
}

impl Stage for Table {
    fn new_card(&mut self) -> Result<usize, StageError> {
        self.cards.push(Simulator::new(SimulatedCard::fresh(self.profile)?));
        Ok(self.cards.len() - 1)
    }

    fn insert(&mut self, card: usize) -> Result<(), StageError> {
        let inserted = self.cards.get_mut(card).ok_or(StageError::NoCard)?;
        inserted.card_mut().power_up();
        self.inserted = Some(card);
        Ok(())
    }

    fn tear(&mut self, operations: u64) -> Result<(), StageError> {
        tear(self.inserted()?.card_mut(), operations);
        Ok(())
    }

    fn card(&mut self) -> Result<Box<dyn Transport + '_>, StageError> {
        Ok(Box::new(Card::open(self.inserted()?)))
    }

    fn cost(&mut self) -> Cost {
        self.cards.iter().fold(Cost::default(), |sum, card| sum + card.card().cost())
    }
}

/// Plans the loss of power in the middle of a memory operation.
pub fn tear(card: &mut SimulatedCard<FlashModel>, operations: u64) {
    tear_how(card, operations, Cut::Partly { seed: operations });
}

fn tear_how(card: &mut SimulatedCard<FlashModel>, operations: u64, how: Cut) {
    if let Some(chip) = card.chip_mut() {
        chip.memory.cut_after(operations, how);
    }
}
