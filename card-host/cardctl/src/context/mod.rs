//! Where and for whom a command works: the data directory, the reader, the ledger with its keys, and files with vouchers.

pub(crate) mod books;
pub(crate) mod custody;
pub(crate) mod lock;
pub(crate) mod national_id;
pub(crate) mod office_keys;
pub(crate) mod reader;
mod request;
pub(crate) mod secret;
pub(crate) mod simulated_reader;
pub(crate) mod trace;
pub(crate) mod voucher_file;
pub(crate) mod workplace;

use self::books::{Books, CONNECTIONS, Founding, NoBooks};
use self::national_id::NoNationalId;
use self::office_keys::KeysAt;
use self::request::NotShown;
pub(crate) use self::request::Request;
use self::secret::{Credential, NoSecret};
use self::trace::TraceError;
use self::workplace::{Workplace, WorkplaceError};
use card_host::keystore::KeyStoreError;
use card_host::reader_error::ReaderError;
use card_ledger::{LedgerError, PointCode, RequestId, StaffName, StaffSecret};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What holds for every command.
pub(crate) struct Context {
    /// The data directory, where it is not the user's own.
    pub(crate) data: Option<PathBuf>,
    /// The reader's name, or a part of it.
    pub(crate) reader: String,
    /// How long a card is waited for.
    pub(crate) wait: Option<Duration>,
    /// The file that gets a trace of what goes to and from the card; "-" is standard error.
    pub(crate) trace: Option<PathBuf>,
    /// Where the keys are, when they are not in a file of the data directory.
    pub(crate) keys: Option<KeysAt>,
    /// The database, where the ledger is in one.
    pub(crate) database: Option<String>,
    /// Who does it, where that is not the user of the operating system.
    pub(crate) actor: Option<StaffName>,
    /// Where the secret of that one is, if it is not typed.
    pub(crate) secret_file: Option<PathBuf>,
    /// The name and the secret, where they are known already.
    pub(crate) credential: Option<Credential>,
    /// The vending point, where it is not the office.
    pub(crate) point: Option<PointCode>,
    /// The id of what is asked for.
    pub(crate) request: Arc<Request>,
}

/// Why there is nothing to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
    #[error(transparent)]
    Reader(#[from] ReaderError),
    #[error(transparent)]
    NoBooks(#[from] NoBooks),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error("{}: the report cannot be written ({error}): name another file with --bundle, which must not exist", path.display())]
    Report { path: PathBuf, error: std::io::Error },
    #[error(transparent)]
    NoSecret(#[from] NoSecret),
    #[error(transparent)]
    NoNationalId(#[from] NoNationalId),
    #[error(transparent)]
    NotShown(#[from] NotShown),
}

impl Context {
    /// The same for another request, whose id whoever asks has seen; done by `actor` with this secret where one is named, else by who it is.
    pub(crate) fn as_asked(
        &self,
        id: RequestId,
        actor: Option<(StaffName, Option<Arc<StaffSecret>>)>,
    ) -> Self {
        let (actor, credential) = match actor {
            Some((name, secret)) => {
                let credential = secret.map(|secret| Credential { name: Some(name.clone()), secret });
                (Some(name), credential)
            }
            None => (self.actor.clone(), self.credential.clone()),
        };
        Self {
            data: self.data.clone(),
            reader: self.reader.clone(),
            wait: self.wait,
            trace: self.trace.clone(),
            keys: self.keys.clone(),
            database: self.database.clone(),
            actor,
            secret_file: self.secret_file.clone(),
            credential,
            point: self.point.clone(),
            request: Arc::new(Request::new(id, true, false)),
        }
    }

    /// The data directory for work with cards and meters, alone.
    pub(crate) fn alone(&self) -> Result<Workplace, Error> {
        Ok(Workplace::open(self.data.as_deref(), self.keys.clone())?)
    }

    /// The data directory for work with the ledger only, beside other programs.
    pub(crate) fn shared(&self) -> Result<Workplace, Error> {
        Ok(Workplace::shared(self.data.as_deref(), self.keys.clone())?)
    }

    /// The ledger that is there.
    pub(crate) fn books(&self, workplace: &Workplace) -> Result<Books, Error> {
        self.books_or(workplace, Founding::Never)
    }

    /// The ledger that is there; else perhaps a new one.
    pub(crate) fn books_or(&self, workplace: &Workplace, founding: Founding) -> Result<Books, Error> {
        Books::open(self, workplace, founding, CONNECTIONS)
    }
}
