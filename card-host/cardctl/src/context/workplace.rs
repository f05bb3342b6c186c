//! The data directory: development keys, the ledger, the simulated card, the simulated meters. One program at a time uses cards and meters;
//! several use the ledger.

use applet_sim::card::CardError as SimulatedCardError;
use applet_sim::chip::{FlashModel, ImageMemory};
use card_core::id::{CardId, Environment, MeterId, Scope};
use card_core::key::KeyLength;
use card_core::role::{KeyVersion, Role};
use card_host::card_work::development_scope;
use card_host::issuer::SystemClock;
use card_host::keystore::{KeyStore, KeyStoreError};
use card_host::simulated_meter::{SimulatedMeter, SimulatedMeterError, from_the_maker};
use card_ledger::{LedgerError, PostgresLedger, SqliteLedger};
use card_signer::rules::Ceilings;
use card_signer::{Durability, Memory, Signer};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::custody::{Keys, NoPin};
use super::lock::{self, InUse};
use super::office_keys::{self, KeysAt, OfficeKeys};
use crate::say;
use crate::words::said;

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkplaceError {
    #[error("this user has no data directory: name one with --data")]
    NoDirectory,
    #[error("{}: {error}: see that the directory can be written", path.display())]
    Io { path: PathBuf, error: std::io::Error },
    #[error(transparent)]
    InUse(#[from] InUse),
    #[error("the simulated card, {}: {error}", path.display())]
    Card { path: PathBuf, error: SimulatedCardError },
    #[error(
        "there is no simulated card in the simulated reader: make one with `cardctl issue --meter 1 --account 7`, or put one in with \
         `cardctl sim insert`"
    )]
    NoCard,
    #[error(
        "{fitting} simulated cards have a number that begins with {number:?}: `cardctl sim list` lists them"
    )]
    WhichCard { number: String, fitting: usize },
    #[error("{}: this is not what the simulated reader had in it: remove the file, and put a card in with `cardctl sim insert`", .0.display())]
    Reader(PathBuf),
    #[error("there is no simulated meter {0}: issue a card for it first")]
    NoMeter(MeterId),
    #[error("{} is older than the ledger, which has entered master {version}: put the newest copy of the keys there", path.display())]
    OldKeys { path: PathBuf, version: KeyVersion },
    #[error(
        "the masters are with a signer in a process of its own, and this needs them here: draw masters there (`cardctl keys rotate`); keys of meters \
         come from their factory"
    )]
    AtSigner,
    #[error("there is a ledger of another company or environment: name another directory with --data")]
    Founded,
    #[error(
        "this is a company of production, which has no simulated cards and no simulated meters: name the reader with --reader, and take real ones"
    )]
    Simulated,
    #[error(
        "{} does not exist here, and nothing of production is signed without it: make it with `cardctl signer init`; where it was lost, with --adopt",
        .0.display()
    )]
    NoMemory(PathBuf),
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    #[error("{0}")]
    Ledger(Box<LedgerError>),
    #[error(transparent)]
    NoPin(#[from] NoPin),
    #[error(transparent)]
    Meter(#[from] SimulatedMeterError),
}

/// Where things are.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    /// The data directory, where it is not the user's own.
    pub(crate) data: Option<&'a Path>,
    /// The keys, when they are not in a file of it.
    pub(crate) keys: Option<&'a KeysAt>,
    /// The database, where the ledger is in one.
    pub(crate) database: Option<&'a str>,
}

pub(crate) struct Workplace {
    directory: PathBuf,
    /// Where the keys are, when they are not in a file of the directory.
    keys: Option<KeysAt>,
    /// The database, where the ledger is in one.
    database: Option<String>,
    /// Company and environment, once they are known.
    scope: OnceLock<Scope>,
    /// Held as long as the program runs, where it works with cards or meters.
    lock: Option<File>,
}

impl Workplace {
    /// For work with cards and meters, alone.
    pub(crate) fn open(at: At<'_>) -> Result<Self, WorkplaceError> {
        let mut workplace = Self::shared(at)?;
        workplace.lock = workplace.alone()?;
        Ok(workplace)
    }

    /// For work with the ledger only, beside other programs.
    pub(crate) fn shared(at: At<'_>) -> Result<Self, WorkplaceError> {
        let directory = named(at.data)?;
        create_directory(&directory)
            .map_err(|error| WorkplaceError::Io { path: directory.clone(), error })?;
        Ok(Self::at(directory, at))
    }

    /// The same where the directory is there; none is made.
    pub(crate) fn there(at: At<'_>) -> Result<Option<Self>, WorkplaceError> {
        let directory = named(at.data)?;
        Ok(directory.is_dir().then(|| Self { keys: None, ..Self::at(directory, at) }))
    }

    fn at(directory: PathBuf, at: At<'_>) -> Self {
        let (keys, database) = (at.keys.cloned(), at.database.map(str::to_owned));
        Self { directory, keys, database, scope: OnceLock::new(), lock: None }
    }

    /// Company and environment: those of the ledger that is there, else those of a signer, else those of development.
    pub(crate) fn scope(&self) -> Result<Scope, WorkplaceError> {
        if let Some(scope) = self.scope.get() {
            return Ok(*scope);
        }
        let (ledger, memory) = (self.ledger_path(), self.memory_path());
        let books = match &self.database {
            Some(url) => PostgresLedger::scope_of(url),
            None if ledger.exists() => SqliteLedger::scope_of(&ledger),
            None => Ok(None),
        };
        let scope = match books.map_err(|error| WorkplaceError::Ledger(Box::new(error)))? {
            Some(scope) => scope,
            None if memory.exists() => {
                Memory::open(&memory, Durability::Each).map_err(KeyStoreError::from)?.scope()
            }
            None => development_scope(),
        };
        Ok(*self.scope.get_or_init(|| scope))
    }

    /// A ledger is founded with these.
    pub(crate) fn founds(&self, scope: Scope) -> Result<(), WorkplaceError> {
        if *self.scope.get_or_init(|| scope) == scope { Ok(()) } else { Err(WorkplaceError::Founded) }
    }

    /// Before a ledger is founded: in production, that masters which this program asks itself have a memory of what they sign.
    pub(crate) fn ready(&self) -> Result<(), WorkplaceError> {
        let production = self.scope()?.environment == Environment::Production;
        match &self.keys {
            Some(KeysAt::Token(_)) if production && !self.memory_path().exists() => {
                Err(WorkplaceError::NoMemory(self.memory_path()))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what is for development only.
    pub(crate) fn simulates(&self) -> Result<(), WorkplaceError> {
        match self.scope()?.environment {
            Environment::Test => Ok(()),
            Environment::Production => Err(WorkplaceError::Simulated),
        }
    }

    /// Keeps other programs out as long as the file is there; nothing where they are kept out already.
    pub(crate) fn alone(&self) -> Result<Option<File>, WorkplaceError> {
        if self.lock.is_some() {
            return Ok(None);
        }
        let io = |error| WorkplaceError::Io { path: self.directory.clone(), error };
        Ok(Some(lock::alone(&self.directory).map_err(io)??))
    }

    /// The office's keys, where they are there.
    pub(crate) fn keys(&self) -> Result<Option<OfficeKeys>, WorkplaceError> {
        if self.keys.is_none() && self.scope()?.environment == Environment::Production {
            return Err(KeyStoreError::Production.into());
        }
        OfficeKeys::find(self.keys.as_ref(), &self.keys_path())
    }

    /// New keys. Where another program has made them meanwhile, those.
    pub(crate) fn new_keys(&self, length: KeyLength) -> Result<OfficeKeys, WorkplaceError> {
        OfficeKeys::new(self.keys.as_ref(), &self.keys_path(), length, self.scope()?.environment)
    }

    /// The masters that this program asks itself, where they are there.
    pub(crate) fn own_keys(&self) -> Result<Option<Keys>, WorkplaceError> {
        office_keys::own(self.keys.as_ref(), &self.keys_path())
    }

    /// New ones.
    pub(crate) fn new_own_keys(
        &self,
        length: KeyLength,
        environment: Environment,
    ) -> Result<Keys, WorkplaceError> {
        office_keys::new_own(self.keys.as_ref(), &self.keys_path(), length, environment)
    }

    /// What signs for the office, and remembers: over masters of this program a signer whose memory is in the directory. In production that
    /// was made by custodians, and is written before a signature leaves.
    pub(crate) fn signer(&self, keys: &OfficeKeys) -> Result<Arc<dyn KeyStore>, WorkplaceError> {
        let own = match keys {
            OfficeKeys::Signer(signer) => return Ok(Arc::clone(signer)),
            OfficeKeys::Own(own) => Arc::clone(own),
        };
        let (path, scope) = (self.memory_path(), self.scope()?);
        let memory = match scope.environment {
            Environment::Test => {
                Memory::open_or_create(&path, scope, Durability::Late, &Ceilings::DEVELOPMENT)
            }
            Environment::Production if !path.exists() => return Err(WorkplaceError::NoMemory(path)),
            Environment::Production => Memory::open(&path, Durability::Each),
        };
        Ok(Arc::new(Signer::new(own, memory.map_err(KeyStoreError::from)?, SystemClock)))
    }

    /// Where the development keys are.
    pub(crate) fn keys_path(&self) -> PathBuf {
        self.directory.join("development-keys.json")
    }

    /// Where the ledger is.
    pub(crate) fn ledger_path(&self) -> PathBuf {
        self.directory.join("ledger.sqlite")
    }

    /// Where a signer's memory is.
    pub(crate) fn memory_path(&self) -> PathBuf {
        self.directory.join("signer.sqlite")
    }

    /// A file of this name.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Draws the master with this key version number, where it has not been drawn. It is stored before it is used.
    pub(crate) fn master(
        &self,
        keys: &OfficeKeys,
        role: Role,
        version: KeyVersion,
    ) -> Result<(), WorkplaceError> {
        let keys = keys.own()?;
        let current = keys.current(role)?;
        if current < version {
            if current.master().saturating_add(1) != version.master() {
                return Err(WorkplaceError::OldKeys { path: self.keys_path(), version });
            }
            keys.masters().rotate(role, &self.keys_path())?;
        }
        Ok(())
    }

    /// Where the last voucher for a card is kept.
    pub(crate) fn voucher_path(&self, card: CardId) -> PathBuf {
        self.directory.join(format!("{card}.voucher.json"))
    }

    fn meter_path(&self, meter: MeterId) -> PathBuf {
        self.directory.join(format!("{meter:X}.meter"))
    }

    /// Installs a simulated meter, with the memory that its maker gives it; nothing where it is there. `served` is whether it has had credit:
    /// a meter that has forgotten that would take it once more, so none is made again.
    pub(crate) fn install_meter(
        &self,
        keys: &OfficeKeys,
        scope: Scope,
        meter: MeterId,
        served: bool,
    ) -> Result<(), WorkplaceError> {
        let path = self.meter_path(meter);
        if path.exists() || scope.environment == Environment::Production {
            return Ok(());
        }
        if served {
            say::remark(said!(
                say::language(),
                "the simulated meter {meter} is not here, and none is made in its place, since credit was certified to it: put its file back, {path}",
                "عداد المحاكاة {meter} غير موجود، ولا يُنشأ غيره لأن شحنات صدرت له: يرجى إعادة ملفه {path}",
                meter,
                path = path.display(),
            ));
            return Ok(());
        }
        let keys = keys.own()?.meter_keys(scope, meter)?;
        SimulatedMeter::create(&path, meter, scope, keys, &from_the_maker())?;
        Ok(())
    }

    /// The simulated meters.
    pub(crate) fn meters(&self) -> Result<Vec<MeterId>, WorkplaceError> {
        let mut found = Vec::new();
        for path in self.files("meter")? {
            let mut number = [0; 8];
            let name = path.file_stem().and_then(|name| name.to_str());
            if name.is_some_and(|name| hex::decode_to_slice(name, &mut number).is_ok()) {
                found.push(MeterId(number));
            }
        }
        Ok(found)
    }

    /// The files of the directory with this ending.
    pub(crate) fn files(&self, ending: &str) -> Result<Vec<PathBuf>, WorkplaceError> {
        let io = |error| WorkplaceError::Io { path: self.directory.clone(), error };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.directory).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|end| end == ending) {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// A simulated meter that acts in memory; what came of it is stored at the end, whole or not at all.
    pub(crate) fn in_memory<T>(
        &self,
        meter: MeterId,
        act: impl FnOnce(&mut SimulatedMeter<FlashModel>) -> Result<T, SimulatedMeterError>,
    ) -> Result<T, WorkplaceError> {
        let path = self.meter_path(meter);
        if !path.exists() {
            self.simulates()?;
            return Err(WorkplaceError::NoMeter(meter));
        }
        Ok(SimulatedMeter::of_image(&path, act)?)
    }

    pub(crate) fn meter(&self, meter: MeterId) -> Result<SimulatedMeter<ImageMemory>, WorkplaceError> {
        let path = self.meter_path(meter);
        if !path.exists() {
            self.simulates()?;
            return Err(WorkplaceError::NoMeter(meter));
        }
        Ok(SimulatedMeter::open(&path)?)
    }
}

/// The data directory: the one that is named, or the user's own.
fn named(directory: Option<&Path>) -> Result<PathBuf, WorkplaceError> {
    match directory {
        Some(directory) => Ok(directory.to_owned()),
        None => Ok(directories::ProjectDirs::from("", "", "cardctl")
            .ok_or(WorkplaceError::NoDirectory)?
            // Not where Windows copies a user's files from computer to computer: a ledger that is copied is an older one.
            .data_local_dir()
            .to_owned()),
    }
}

/// For its owner only: images and keys are secrets.
fn create_directory(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
