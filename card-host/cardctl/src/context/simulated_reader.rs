//! The simulated reader of a data directory: cards in files, each under its number, and which of them is in the reader.

use applet_sim::card::{Profile, SimulatedCard};
use applet_sim::chip::{Cut, ImageMemory};
use card_core::id::{CardId, State};
use card_core::key::KeyLength;
use card_core::platform::Random;
use card_host::durable::{self, Draft};
use card_host::keystore::KeyStoreError;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::transport::{Card, Simulator};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

use super::workplace::{Workplace, WorkplaceError};
use crate::say;
use crate::words::said;

/// What is in the reader.
#[derive(Default, Serialize, Deserialize)]
struct Contents {
    /// The card's number.
    card: Option<String>,
    /// Its power fails in the next command that uses it, in the middle of the next but so many operation on its memory.
    power_cut: Option<u64>,
}

/// A card of the data directory.
pub(crate) struct Known {
    pub(crate) id: CardId,
    /// Nothing where its memory cannot be read.
    pub(crate) state: Option<State>,
    pub(crate) in_reader: bool,
}

/// A new card in the simulated reader.
pub(crate) struct Inserted {
    path: PathBuf,
    pub(crate) id: CardId,
    /// The card that was there before.
    former: Option<CardId>,
}

impl Inserted {
    /// It stays.
    pub(crate) fn keep(self) {
        if let Some(former) = self.former {
            say::remark(said!(
                say::language(),
                "the card {former} is out of the simulated reader; it is back with `{command}`",
                "خرج الكارت {former} من قارئ المحاكاة، ويعود بالأمر {command}",
                former,
                command = format_args!("cardctl sim insert {former}"),
            ));
        }
    }

    /// It is thrown away, and the former one is back.
    pub(crate) fn take_out(self, workplace: &Workplace) -> Result<(), WorkplaceError> {
        workplace.write_reader(self.former, None)?;
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(WorkplaceError::Io { path: self.path, error })
            }
            _ => Ok(()),
        }
    }
}

impl Workplace {
    /// The simulated card that is in the reader, for work with it.
    pub(crate) fn card(&self) -> Result<Simulator<ImageMemory>, WorkplaceError> {
        self.simulates()?;
        let contents = self.read_reader()?;
        let id = number(&contents).ok_or(WorkplaceError::NoCard)?;
        let mut card = self.simulated(id)?;
        if let Some(after) = contents.power_cut {
            self.write_reader(Some(id), None)?;
            if let Some(chip) = card.chip_mut() {
                chip.memory.flash_mut().cut_after(after, Cut::Partly { seed: after });
            }
        }
        Ok(Simulator::new(card))
    }

    /// The number of the card in the simulated reader, where there is one that works, and whether it is blank.
    pub(crate) fn present(&self) -> Result<Option<(CardId, bool)>, WorkplaceError> {
        let Some(id) = number(&self.read_reader()?) else { return Ok(None) };
        Ok(self.state(id)?.map(|state| (id, state == State::Blank)))
    }

    /// Puts a new blank card into the simulated reader; what was there is kept.
    pub(crate) fn insert_blank(&self) -> Result<Inserted, WorkplaceError> {
        self.simulates()?;
        let former = number(&self.read_reader()?);
        let id = self.make_blank()?;
        self.write_reader(Some(id), None)?;
        Ok(Inserted { path: self.image_path(id), id, former })
    }

    /// Makes a new blank card, which is not in the reader.
    pub(crate) fn make_blank(&self) -> Result<CardId, WorkplaceError> {
        let mut number_of = [0; 8];
        OsRandom.fill(&mut number_of).map_err(KeyStoreError::from)?;
        let id = CardId(number_of);
        let path = self.image_path(id);
        // Under its name it is whole, whenever the program is ended.
        let draft = Draft::new(&path);
        match SimulatedCard::create(draft.path(), id, KeyLength::Aes256, Profile::T1) {
            Ok(_) => {}
            Err(error) => return Err(WorkplaceError::Card { path, error }),
        }
        draft.become_new().map_err(|error| WorkplaceError::Io { path, error })?;
        Ok(id)
    }

    /// Whether there is a card of this number, whoever has it in hand.
    pub(crate) fn has_image(&self, id: CardId) -> bool {
        self.image_path(id).exists()
    }

    /// All cards of the directory, by their numbers.
    pub(crate) fn simulated_cards(&self) -> Result<Vec<Known>, WorkplaceError> {
        let present = number(&self.read_reader()?);
        let mut found = Vec::new();
        for path in self.files("card")? {
            if let Some(id) = path.file_stem().and_then(|name| name.to_str()).and_then(card_id) {
                found.push(Known { id, state: self.state(id)?, in_reader: present == Some(id) });
            }
        }
        found.sort_by_key(|known| known.id.0);
        Ok(found)
    }

    /// Puts the card into the reader whose number begins so; what was there is kept.
    pub(crate) fn insert(&self, beginning: &str) -> Result<CardId, WorkplaceError> {
        let wanted = beginning.to_ascii_uppercase();
        let mut fitting = Vec::new();
        for path in self.files("card")? {
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            fitting.extend(card_id(name).filter(|_| name.starts_with(&wanted)));
        }
        match fitting.as_slice() {
            [id] => self.write_reader(Some(*id), None).map(|()| *id),
            fitting => {
                Err(WorkplaceError::WhichCard { number: beginning.to_owned(), fitting: fitting.len() })
            }
        }
    }

    /// Takes the card out of the reader, and gives its number.
    pub(crate) fn eject(&self) -> Result<CardId, WorkplaceError> {
        let id = number(&self.read_reader()?).ok_or(WorkplaceError::NoCard)?;
        self.write_reader(None, None)?;
        Ok(id)
    }

    /// Lets the power of the card in the reader fail in the next command that uses it.
    pub(crate) fn plan_power_cut(&self, operations: u64) -> Result<CardId, WorkplaceError> {
        let id = number(&self.read_reader()?).ok_or(WorkplaceError::NoCard)?;
        self.write_reader(Some(id), Some(operations))?;
        Ok(id)
    }

    fn state(&self, id: CardId) -> Result<Option<State>, WorkplaceError> {
        let Ok(card) = self.simulated(id) else { return Ok(None) };
        let public = operate::read_public(&mut Card::open(&mut Simulator::new(card)));
        Ok(public.ok().and_then(|public| public.summary.state))
    }

    /// A card of the directory, in the reader or not.
    pub(crate) fn simulated(&self, id: CardId) -> Result<SimulatedCard<ImageMemory>, WorkplaceError> {
        let path = self.image_path(id);
        SimulatedCard::open(&path, Profile::T1).map_err(|error| WorkplaceError::Card { path, error })
    }

    fn image_path(&self, id: CardId) -> PathBuf {
        self.path(&format!("{id}.card"))
    }

    fn reader_path(&self) -> PathBuf {
        self.path("simulated-reader.json")
    }

    fn read_reader(&self) -> Result<Contents, WorkplaceError> {
        let path = self.reader_path();
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| WorkplaceError::Reader(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Contents::default()),
            Err(error) => Err(WorkplaceError::Io { path, error }),
        }
    }

    fn write_reader(&self, card: Option<CardId>, power_cut: Option<u64>) -> Result<(), WorkplaceError> {
        let contents = Contents { card: card.map(|id| id.to_string()), power_cut };
        write(&self.reader_path(), &contents)
    }
}

fn write(path: &Path, contents: &Contents) -> Result<(), WorkplaceError> {
    let bytes = serde_json::to_vec(contents).map_err(io::Error::from);
    let written = bytes.and_then(|bytes| durable::replace(path, &bytes));
    written.map_err(|error| WorkplaceError::Io { path: path.to_owned(), error })
}

fn number(contents: &Contents) -> Option<CardId> {
    contents.card.as_deref().and_then(card_id)
}

fn card_id(text: &str) -> Option<CardId> {
    let mut bytes = [0; 8];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| CardId(bytes))
}
