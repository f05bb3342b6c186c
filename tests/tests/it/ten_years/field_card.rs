//! A card in the field: the real application on a board, and hands that take it away too early.

use applet_sim::chip::Cut;
use card_applet::{CardApplication, PAGES, Protocol, Reply, manufacture};
use card_core::id::{CardId, Environment, MeterId};
use card_core::key::{AesKey, KeyLength};
use card_core::role::TEST_INITIAL_MASTER;
use card_host::reader_error::ReaderError;
use card_host::transport::{Card, Link, TransportError};

use super::board::Board;
use super::dice::Dice;

pub struct FieldCard {
    pub id: CardId,
    /// The meter that it is bound to.
    pub meter: Option<MeterId>,
    pub board: Board,
    /// `None` without power.
    application: Option<CardApplication<Board>>,
    /// Exchanges until it is taken away, and whether it still does what the last one says.
    removal: Option<(u32, bool)>,
}

impl FieldCard {
    pub fn blank(id: CardId, length: KeyLength) -> Self {
        let mut board = Board::new(PAGES, u64::from_be_bytes(id.0));
        let master = AesKey::new(&TEST_INITIAL_MASTER).expect("a key");
        manufacture(&mut board, id, Environment::Test, &master, length).expect("a blank card");
        let application = Some(CardApplication::power_up(board.clone(), Protocol::Block));
        Self { id, meter: None, board, application, removal: None }
    }

    /// It will be taken away after so many exchanges.
    pub const fn remove_after(&mut self, exchanges: u32, done: bool) {
        self.removal = Some((exchanges, done));
    }

    /// It is put in again. Says how often its power failed again while it recovered.
    pub fn insert(&mut self, dice: &mut Dice, troubled: bool) -> u64 {
        let mut cuts = 0;
        self.removal = None;
        loop {
            self.application = None;
            self.board.power_up();
            if troubled && dice.one_in(2) {
                self.board.cut_after(dice.below(3), any_cut(dice));
            }
            let application = CardApplication::power_up(self.board.clone(), Protocol::Block);
            if self.board.is_powered() {
                self.board.no_cut();
                self.application = Some(application);
                return cuts;
            }
            cuts += 1;
        }
    }

    /// As what is done with a card takes it.
    pub const fn open(&mut self) -> Card<&mut Self> {
        Card::open(self)
    }

    pub const fn has_power(&self) -> bool {
        self.application.is_some()
    }
}

pub fn any_cut(dice: &mut Dice) -> Cut {
    match dice.below(4) {
        0 => Cut::Before,
        1 => Cut::After,
        _ => Cut::Partly { seed: dice.next() },
    }
}

impl Link for FieldCard {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mute = || TransportError::from(ReaderError::UnresponsiveCard { reader: "a hand".into() });
        let removed = match &mut self.removal {
            Some((0, done)) => Some(*done),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        let mut reply = Reply::new();
        if removed != Some(false) {
            let application = self.application.as_mut().ok_or_else(mute)?;
            application.process(command, &mut reply);
        }
        if removed.is_some() || !self.board.is_powered() {
            self.application = None;
            return Err(mute());
        }
        Ok(reply.as_slice().to_vec())
    }

    fn description(&self) -> String {
        "card in the field".into()
    }
}
