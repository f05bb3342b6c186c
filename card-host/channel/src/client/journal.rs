//! What a kiosk has asked for, kept in a directory until it is done with: nothing is lost over a power cut, and nothing is sold twice.
//!
//! Each request is a file of its own. It is there, durably, before the request is sent, and it is removed when nothing can come of it any
//! more: the voucher is on the card, the sale was cancelled or refunded, or it is sure that nothing was sold.

use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use card_core::message::Receipt;
use card_core::platform::Random;

use super::{Buyer, Client, ClientError};
use crate::wire::{self, Code, ConfirmRequest, Payment, Problem, Sale, SaleRequest, SaleState};
use card_host::durable;
use card_host::random::OsRandom;

/// How long a first try may still be under way after the server knew nothing of it: longer than any server works on a request.
const SETTLED: Duration = Duration::from_secs(120);

/// How far a request is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It may have been sent, and there is no answer.
    Asked,
    /// A repetition was refused, and an earlier try may still be under way; asked again for two minutes.
    Refused {
        /// Why.
        problem: Box<Problem>,
        /// POSIX seconds.
        since: u64,
    },
    /// Announced. The customer has not paid.
    Reserved(Box<Sale>),
    /// The customer has paid, and it is to be confirmed until it is certified.
    Paid(Box<Sale>),
    /// The customer has not paid, and will not: to be cancelled.
    GivenUp,
    /// Given up, and the server knows nothing of it. An earlier try may still be under way; cancelled again for two minutes.
    NotThere {
        /// POSIX seconds.
        since: u64,
    },
    /// To be given back.
    Refunding {
        /// Why.
        reason: String,
    },
    /// Certified. The voucher waits to be loaded onto the card.
    Sold(Box<Sale>),
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// When it was asked first, POSIX seconds.
    pub time: u64,
    /// What was asked for; its receipt is what the card showed last.
    pub asked: SaleRequest,
    /// How far it is.
    pub stage: Stage,
}

/// What came of going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Sold: load the voucher onto the card, then say [`Journal::loaded`].
    Sold(Box<Sale>),
    /// Announced: [`Journal::paid`] or [`Journal::give_up`].
    Reserved(Box<Sale>),
    /// Paid, and not certified; it says what it waits for. Go on later, or [`Journal::refund`].
    Paid(Box<Sale>),
    /// Cancelled: nothing was sold and nothing is booked. Give back what the customer has paid.
    Cancelled,
    /// Given back.
    Refunded,
    /// It is sure that nothing was sold.
    Nothing(Box<Problem>),
}

/// Why the journal did not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The server, or the way to it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The disk. What was asked is repeated with the same id.
    #[error("the journal cannot be written or read at {} ({}): see to the disk before anything is sold", .0.display(), .1)]
    Disk(PathBuf, #[source] io::Error),
    /// A file is not one of a journal.
    #[error("{} is no request of a journal ({}): keep the file and show it to support; it may be a sale", .0.display(), .1)]
    Damaged(PathBuf, String),
    /// Another program uses it.
    #[error("another program uses the journal {}: end that one first", .0.display())]
    InUse(PathBuf),
    /// No such request.
    #[error("there is no request {0} in the journal")]
    NoRecord(String),
    /// It is at another stage.
    #[error("request {0} is at another stage: see how it stands")]
    OtherStage(String),
}

/// A journal of requests in a directory.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    prefix: String,
    // Held as long as the journal is open; the operating system lets go of it whatever happens to the process.
    _lock: File,
}

impl Journal {
    /// Opens the journal in a directory, which is made where it is not there. Ids of its requests begin with `prefix`, the name of the
    /// kiosk: 1 to 24 characters of `A-Z a-z 0-9 - . _ :`.
    pub fn open(folder: &Path, prefix: &str) -> Result<Self, JournalError> {
        if prefix.len() > 24 || !wire::is_request_id(prefix) {
            return Err(ClientError::Invalid(format!("{prefix:?} is no beginning of an id")).into());
        }
        let disk = |error| JournalError::Disk(folder.to_owned(), error);
        fs::create_dir_all(folder).map_err(disk)?;
        let path = folder.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(disk)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(JournalError::InUse(folder.to_owned())),
            Err(fs::TryLockError::Error(error)) => return Err(disk(error)),
        }
        Ok(Self { folder: folder.to_owned(), prefix: prefix.to_owned(), _lock: lock })
    }

    /// All requests that are not done with, oldest first. After a start, [`go_on`](Self::go_on) with each. Files that cannot be read
    /// come after them, each with what is wrong: one damaged file hides no other sale.
    pub fn records(&self) -> Result<Vec<Result<Record, JournalError>>, JournalError> {
        let disk = |error| JournalError::Disk(self.folder.clone(), error);
        let (mut records, mut damaged) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.folder).map_err(disk)? {
            let path = entry.map_err(disk)?.path();
            // Drafts have other ends, and were never anything.
            if path.extension().is_some_and(|extension| extension == "json") {
                match read_record(&path) {
                    Ok(record) => records.push(record),
                    Err(error) => damaged.push(error),
                }
            }
        }
        records.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
        Ok(records.into_iter().map(Ok).chain(damaged.into_iter().map(Err)).collect())
    }

    /// One request.
    pub fn record(&self, id: &str) -> Result<Record, JournalError> {
        let path = self.path(id)?;
        match path.try_exists() {
            Ok(true) => read_record(&path),
            Ok(false) => Err(JournalError::NoRecord(id.to_owned())),
            Err(error) => Err(JournalError::Disk(path, error)),
        }
    }

    /// Sells what the kiosk has the money for: to the card in its reader ([`Buyer::in_reader`]), or to a [`Payee`](wire::Payee). Where it is
    /// offline or refused, nothing was sold and nothing is kept. Where the outcome is [unknown](ClientError::Unknown) the request is kept:
    /// [`go_on`](Self::go_on) with it until it is known.
    pub fn sell(
        &mut self,
        client: &Client,
        point: &str,
        to: impl Into<Buyer>,
        piastres: u64,
    ) -> Result<Progress, JournalError> {
        self.ask(client, to.into().request(point, piastres, Payment::Received))
    }

    /// The same for a sale that is announced before the customer pays.
    pub fn reserve(
        &mut self,
        client: &Client,
        point: &str,
        to: impl Into<Buyer>,
        piastres: u64,
    ) -> Result<Progress, JournalError> {
        self.ask(client, to.into().request(point, piastres, Payment::Pending))
    }

    fn ask(&mut self, client: &Client, asked: SaleRequest) -> Result<Progress, JournalError> {
        let record = Record { id: self.new_id()?, time: now(), asked, stage: Stage::Asked };
        let path = self.path(&record.id)?;
        durable::create(&path, &text(&record)).map_err(|error| JournalError::Disk(path, error))?;
        match client.ask_for(&record.id, &record.asked) {
            Ok(sale) => self.answered(record, sale),
            Err(error @ (ClientError::Offline(_) | ClientError::Refused(_) | ClientError::Invalid(_))) => {
                // It was the first try, so there is no other that could still be under way.
                self.remove(&record.id)?;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Does what is to be done next with a request, as often as needed: repeats it with the same id, confirms it, cancels it, gives it back.
    pub fn go_on(&mut self, client: &Client, id: &str) -> Result<Progress, JournalError> {
        let record = self.record(id)?;
        let point = record.asked.point.clone();
        match record.stage.clone() {
            Stage::Asked => match client.ask_for(id, &record.asked) {
                Ok(sale) => self.answered(record, sale),
                Err(ClientError::Refused(problem)) => {
                    if problem.is_final {
                        let since = now();
                        self.write(&Record {
                            stage: Stage::Refused { problem: problem.clone(), since },
                            ..record
                        })?;
                    }
                    Err(ClientError::Refused(problem).into())
                }
                Err(error) => Err(error.into()),
            },
            Stage::Refused { problem, since } => match client.status(id) {
                Ok(sale) => self.answered(record, sale),
                Err(ClientError::Refused(none)) if none.known() == Some(Code::NoRequest) => {
                    if now().abs_diff(since) < SETTLED.as_secs() {
                        return Err(ClientError::Refused(problem).into());
                    }
                    self.remove(id)?;
                    Ok(Progress::Nothing(problem))
                }
                Err(error) => Err(error.into()),
            },
            Stage::Reserved(sale) => Ok(Progress::Reserved(sale)),
            Stage::Paid(_) => {
                let receipt = record.asked.receipt.clone();
                match client.confirm_as(id, &ConfirmRequest { receipt, ..ConfirmRequest::new(&point, None) })
                {
                    Ok(sale) => self.answered(record, sale),
                    // It was ended elsewhere.
                    Err(error) if is_one_of(&error, &[Code::Cancelled, Code::Refunded]) => {
                        self.answered(record, client.status(id)?)
                    }
                    Err(error) => Err(error.into()),
                }
            }
            Stage::GivenUp | Stage::NotThere { .. } => self.cancel(client, record),
            Stage::Refunding { reason } => match client.refund(id, &point, &reason) {
                Ok(sale) => self.answered(record, sale),
                Err(error) if is_one_of(&error, &[Code::AlreadyConfirmed, Code::WrongStep]) => {
                    // It has been certified after all, or the payment was never confirmed and there is nothing to give back.
                    let sale = client.status(id)?;
                    match sale.state {
                        SaleState::Reserved => self.answered(record, client.cancel(id, &point)?),
                        SaleState::Paid => Err(error.into()),
                        _ => self.answered(record, sale),
                    }
                }
                Err(error) => Err(error.into()),
            },
            Stage::Sold(sale) => Ok(Progress::Sold(sale)),
        }
    }

    /// Cancels what was given up.
    fn cancel(&mut self, client: &Client, record: Record) -> Result<Progress, JournalError> {
        match client.cancel(&record.id, &record.asked.point) {
            Ok(sale) => self.answered(record, sale),
            Err(error) if is_one_of(&error, &[Code::NoRequest]) => {
                let Stage::NotThere { since } = record.stage else {
                    self.write(&Record { stage: Stage::NotThere { since: now() }, ..record })?;
                    return Err(error.into());
                };
                if now().abs_diff(since) < SETTLED.as_secs() {
                    return Err(error.into());
                }
                self.remove(&record.id)?;
                Ok(Progress::Cancelled)
            }
            // It was confirmed elsewhere.
            Err(error) if is_one_of(&error, &[Code::AlreadyConfirmed]) => {
                let sale = client.status(&record.id)?;
                self.answered(record, sale)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The customer has paid for an announced sale. This is durable when it returns; [`go_on`](Self::go_on) confirms it. `shown` is what the
    /// card in the reader shows now; without one, what it showed when the sale was announced. Said again with another card, that one counts.
    pub fn paid(&mut self, id: &str, shown: Option<&Receipt>) -> Result<(), JournalError> {
        let mut record = self.record(id)?;
        let (Stage::Reserved(sale) | Stage::Paid(sale)) = record.stage else {
            return Err(JournalError::OtherStage(id.to_owned()));
        };
        record.stage = Stage::Paid(sale);
        if let Some(shown) = shown {
            record.asked = record.asked.showing(shown);
        }
        self.write(&record)
    }

    /// The customer will not pay for an announced sale; [`go_on`](Self::go_on) cancels it.
    pub fn give_up(&mut self, id: &str) -> Result<(), JournalError> {
        let record = self.record(id)?;
        match &record.stage {
            Stage::Reserved(_) => {}
            Stage::Asked | Stage::Refused { .. } if record.asked.payment == Payment::Pending => {}
            Stage::GivenUp | Stage::NotThere { .. } => return Ok(()),
            _ => return Err(JournalError::OtherStage(id.to_owned())),
        }
        self.write(&Record { stage: Stage::GivenUp, ..record })
    }

    /// What was paid and could not be certified is to be given back; [`go_on`](Self::go_on) has it booked, or cancels the sale where the
    /// payment was never confirmed. Give the money back after that.
    pub fn refund(&mut self, id: &str, reason: &str) -> Result<(), JournalError> {
        let record = self.record(id)?;
        if !matches!(record.stage, Stage::Paid(_) | Stage::Refunding { .. }) {
            return Err(JournalError::OtherStage(id.to_owned()));
        }
        self.write(&Record { stage: Stage::Refunding { reason: reason.to_owned() }, ..record })
    }

    /// The voucher is on the card: the request is done with.
    pub fn loaded(&mut self, id: &str) -> Result<(), JournalError> {
        match self.record(id)?.stage {
            Stage::Sold(_) => self.remove(id),
            _ => Err(JournalError::OtherStage(id.to_owned())),
        }
    }

    /// A sale as the server says it stands.
    fn answered(&mut self, record: Record, sale: Sale) -> Result<Progress, JournalError> {
        let sale = Box::new(sale);
        let (stage, progress) = match sale.state {
            SaleState::Certified => (Stage::Sold(sale.clone()), Progress::Sold(sale)),
            SaleState::Reserved => match record.stage {
                // What this kiosk has decided stays.
                Stage::Paid(_) | Stage::GivenUp | Stage::NotThere { .. } | Stage::Refunding { .. } => {
                    return Ok(Progress::Reserved(sale));
                }
                _ => (Stage::Reserved(sale.clone()), Progress::Reserved(sale)),
            },
            SaleState::Paid => match record.stage {
                Stage::Refunding { .. } => return Ok(Progress::Paid(sale)),
                _ => (Stage::Paid(sale.clone()), Progress::Paid(sale)),
            },
            SaleState::Cancelled => {
                self.remove(&record.id)?;
                return Ok(Progress::Cancelled);
            }
            SaleState::Refunded => {
                self.remove(&record.id)?;
                return Ok(Progress::Refunded);
            }
        };
        self.write(&Record { stage, ..record })?;
        Ok(progress)
    }

    fn new_id(&self) -> Result<String, JournalError> {
        let mut bytes = [0; 16];
        let random = OsRandom.fill(&mut bytes);
        random.map_err(|_| ClientError::Invalid("there are no random numbers".to_owned()))?;
        Ok(format!("{}-{}", self.prefix, hex::encode(bytes)))
    }

    fn path(&self, id: &str) -> Result<PathBuf, JournalError> {
        if !wire::is_request_id(id) {
            return Err(JournalError::NoRecord(id.chars().take(80).collect()));
        }
        // No file system objects to digits, and ids differ by case and have colons.
        Ok(self.folder.join(format!("{}.json", hex::encode(id))))
    }

    fn write(&self, record: &Record) -> Result<(), JournalError> {
        let path = self.path(&record.id)?;
        durable::replace(&path, &text(record)).map_err(|error| JournalError::Disk(path, error))
    }

    /// Removes a request for good: one that came back after a power cut would be asked again.
    fn remove(&self, id: &str) -> Result<(), JournalError> {
        let path = self.path(id)?;
        let removed = fs::remove_file(&path).and_then(|()| durable::sync_all(&self.folder));
        removed.map_err(|error| JournalError::Disk(path, error))
    }
}

fn is_one_of(error: &ClientError, codes: &[Code]) -> bool {
    matches!(error, ClientError::Refused(problem) if problem.known().is_some_and(|code| codes.contains(&code)))
}

fn text(record: &Record) -> Vec<u8> {
    // A structure of texts and integers can always be written.
    serde_json::to_vec_pretty(record).unwrap_or_default()
}

fn read_record(path: &Path) -> Result<Record, JournalError> {
    let bytes = fs::read(path).map_err(|error| JournalError::Disk(path.to_owned(), error))?;
    serde_json::from_slice(&bytes).map_err(|error| JournalError::Damaged(path.to_owned(), error.to_string()))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}
