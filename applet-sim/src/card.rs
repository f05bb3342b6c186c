//! A whole simulated card: the application on its chip, an ATR, a link, and an account of what each command cost.

use crate::chip::{
    CHIP, Chip, Entropy, FlashModel, Image, ImageError, ImageMemory, Link, METADATA, SimulatedMemory, Usage,
    chip, time, usage,
};
use crate::vpcd::{VirtualCard, atr_contact_t0, atr_contact_t1, atr_contactless_a};
use card_applet::{CardApplication, ManufactureError, PAGES, Protocol, Reply, manufacture};
use card_core::id::{CardId, Environment};
use card_core::key::{AesKey, KeyLength};
use card_core::role::TEST_INITIAL_MASTER;
use std::path::Path;
use std::str::FromStr;

/// Historical bytes of the ATR (specification, section 16).
const HISTORICAL: [u8; 13] = [0x80, 0x31, 0xC9, 0x73, 0xCE, 0x01, 0x00, 0x55, 0x45, 0x47, 0x45, 0x4C, 0x43];

/// How the card is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Contacts, T=1 at 115200 baud.
    T1,
    /// Contacts, T=0 at 115200 baud; its time is modelled as that of T=1.
    T0,
    /// ISO/IEC 14443-4 type A at 106 kbit/s.
    Contactless,
}

impl Profile {
    const fn protocol(self) -> Protocol {
        match self {
            Self::T1 | Self::Contactless => Protocol::Block,
            Self::T0 => Protocol::T0,
        }
    }

    /// The link whose cost counts.
    pub const fn link(self) -> Link {
        match self {
            Self::T1 | Self::T0 => Link::ContactT1At115200,
            Self::Contactless => Link::ContactlessA106,
        }
    }
}

/// A text names no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no profile \"{0}\": it is one of t1, t0, contactless")]
pub struct UnknownProfile(String);

impl FromStr for Profile {
    type Err = UnknownProfile;
    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        match text {
            "t1" => Ok(Self::T1),
            "t0" => Ok(Self::T0),
            "contactless" => Ok(Self::Contactless),
            other => Err(UnknownProfile(other.to_owned())),
        }
    }
}

/// What one or more exchanges cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Commands and their responses.
    pub exchanges: u64,
    /// Bytes of commands and responses, with status words, without framing.
    pub bytes: u64,
    /// Records written to memory.
    pub records: u64,
    /// What the chip did.
    pub usage: Usage,
    /// Time on the link, in microseconds.
    pub link_time: u64,
    /// Time in the card, waits included, in microseconds.
    pub card_time: u64,
}

impl Cost {
    /// Time of link and card, in microseconds.
    pub const fn time(&self) -> u64 {
        self.link_time + self.card_time
    }

    /// What was spent since `earlier`, a reading of the same account.
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            exchanges: self.exchanges.saturating_sub(earlier.exchanges),
            bytes: self.bytes.saturating_sub(earlier.bytes),
            records: self.records.saturating_sub(earlier.records),
            usage: self.usage.since(&earlier.usage),
            link_time: self.link_time.saturating_sub(earlier.link_time),
            card_time: self.card_time.saturating_sub(earlier.card_time),
        }
    }
}

impl core::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            exchanges: self.exchanges + other.exchanges,
            bytes: self.bytes + other.bytes,
            records: self.records + other.records,
            usage: self.usage + other.usage,
            link_time: self.link_time + other.link_time,
            card_time: self.card_time + other.card_time,
        }
    }
}

/// A card could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// The image file.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The blank card's data.
    #[error(transparent)]
    Manufacture(#[from] ManufactureError),
    /// No number for the card.
    #[error("no random numbers are available for a card number")]
    Random,
    /// The image is a good image, but of another memory than this application's.
    #[error(
        "the card image is of another version of the card: it has {found} pages of memory, and {needed} are needed"
    )]
    OtherVersion {
        /// Pages in the image.
        found: u16,
        /// Pages of this version.
        needed: u16,
    },
}

/// A simulated card.
pub struct SimulatedCard<M: SimulatedMemory> {
    /// `None` only while power is off; then the chip is in `off`.
    on: Option<CardApplication<Chip<M>>>,
    off: Option<Chip<M>>,
    profile: Profile,
    atr: Vec<u8>,
    cost: Cost,
}

impl SimulatedCard<FlashModel> {
    /// Another blank card in memory, powered: of the test environment, with a random number, and for keys of 256 bits.
    pub fn fresh(profile: Profile) -> Result<Self, CardError> {
        let mut id = [0; 8];
        getrandom::fill(&mut id).map_err(|_| CardError::Random)?;
        Ok(Self::blank(CardId(id), Environment::Test, KeyLength::Aes256, profile)?)
    }

    /// A blank card in memory, powered.
    pub fn blank(
        card: CardId,
        environment: Environment,
        length: KeyLength,
        profile: Profile,
    ) -> Result<Self, ManufactureError> {
        let master = AesKey::new(&TEST_INITIAL_MASTER).ok_or(ManufactureError)?;
        Self::blank_of(&master, card, environment, length, profile)
    }

    /// The same of a maker with this initial master.
    pub fn blank_of(
        master: &AesKey,
        card: CardId,
        environment: Environment,
        length: KeyLength,
        profile: Profile,
    ) -> Result<Self, ManufactureError> {
        let mut chip = chip(FlashModel::new(PAGES, u64::from_be_bytes(card.0)), Entropy::System);
        manufacture(&mut chip, card, environment, master, length)?;
        Ok(Self::new(chip, profile))
    }
}

impl SimulatedCard<ImageMemory> {
    /// Makes a blank card in a new image file. The environment of a simulated card is always "test".
    pub fn create(path: &Path, card: CardId, length: KeyLength, profile: Profile) -> Result<Self, CardError> {
        let mut metadata = [0; METADATA];
        for (to, from) in metadata.iter_mut().zip(card.0) {
            *to = from;
        }
        let seed = u64::from_be_bytes(card.0);
        let memory = ImageMemory::create_new(path, PAGES, metadata, seed)?;
        let mut chip = chip(memory, Entropy::System);
        let master = AesKey::new(&TEST_INITIAL_MASTER).ok_or(ManufactureError)?;
        manufacture(&mut chip, card, Environment::Test, &master, length)?;
        Ok(Self::new(chip, profile))
    }

    /// Opens the card in an image file.
    pub fn open(path: &Path, profile: Profile) -> Result<Self, CardError> {
        let memory = ImageMemory::open(path, std::process::id().into())?;
        let found = Image::pages(memory.image());
        if found != PAGES {
            return Err(CardError::OtherVersion { found, needed: PAGES });
        }
        Ok(Self::new(chip(memory, Entropy::System), profile))
    }

    /// The number that it was made with.
    pub fn id(&self) -> Option<CardId> {
        let metadata = self.chip()?.memory.image().metadata();
        metadata.first_chunk().copied().map(CardId)
    }
}

impl<M: SimulatedMemory> SimulatedCard<M> {
    /// A card on this chip, powered.
    pub fn new(chip: Chip<M>, profile: Profile) -> Self {
        // The historical bytes are at most 15, which is all that these can refuse.
        let atr = match profile {
            Profile::T1 => atr_contact_t1(&HISTORICAL),
            Profile::T0 => atr_contact_t0(&HISTORICAL),
            Profile::Contactless => atr_contactless_a(&HISTORICAL),
        };
        let mut card =
            Self { on: None, off: Some(chip), profile, atr: atr.unwrap_or_default(), cost: Cost::default() };
        card.power_up();
        card
    }

    /// Gives power, also after a power cut.
    pub fn power_up(&mut self) {
        if let Some(mut chip) = self.take_chip() {
            chip.memory.flash_mut().power_up();
            self.on = Some(CardApplication::power_up(chip, self.profile.protocol()));
        }
    }

    /// Takes power away.
    pub fn power_down(&mut self) {
        self.off = self.take_chip();
    }

    /// Answers a command; `None` where power is off or was lost meanwhile: the reader then sees a mute card.
    pub fn answer(&mut self, apdu: &[u8]) -> Option<Vec<u8>> {
        let application = self.on.as_mut()?;
        let (before, began) = (usage(application.platform()), time(application.platform()));
        let records = application.records_written();
        let mut reply = Reply::new();
        application.process(apdu, &mut reply);
        let mut used = usage(application.platform()).since(&before);
        used.commands = 1;
        self.cost.usage += used;
        self.cost.card_time += time(application.platform()) - began + CHIP.command;
        self.cost.records += u64::from(application.records_written().saturating_sub(records));
        if !application.platform().memory.flash().is_powered() {
            self.power_down();
            return None;
        }
        self.cost.exchanges += 1;
        self.cost.bytes += (apdu.len() + reply.len()) as u64;
        self.cost.link_time += self.profile.link().exchange(apdu.len(), reply.len());
        Some(reply.as_slice().to_vec())
    }

    /// What all commands so far cost.
    pub const fn cost(&self) -> Cost {
        self.cost
    }

    /// How the card is connected.
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Whether it has power.
    pub const fn is_on(&self) -> bool {
        self.on.is_some()
    }

    /// The chip, with or without power.
    pub fn chip(&self) -> Option<&Chip<M>> {
        self.on.as_ref().map(CardApplication::platform).or(self.off.as_ref())
    }

    /// The chip, to plan faults.
    pub fn chip_mut(&mut self) -> Option<&mut Chip<M>> {
        match &mut self.on {
            Some(application) => Some(application.platform_mut()),
            None => self.off.as_mut(),
        }
    }

    fn take_chip(&mut self) -> Option<Chip<M>> {
        self.on.take().map(CardApplication::into_platform).or_else(|| self.off.take())
    }
}

impl<M: SimulatedMemory> VirtualCard for SimulatedCard<M> {
    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn power_on(&mut self) {
        self.power_up();
    }

    fn power_off(&mut self) {
        self.power_down();
    }

    fn reset(&mut self) {
        self.power_up();
    }

    fn transmit(&mut self, apdu: &[u8]) -> Option<Vec<u8>> {
        self.answer(apdu)
    }
}
