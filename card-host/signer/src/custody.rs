//! Two custodians: what the signer may certify, and when keys are valid, is changed by one and agreed to by another.

use card_core::platform::Random;
use card_core::role::KeyVersion;
use card_core::units::{CardTime, Piastres};
use card_host::keystore::MemoryError;
use card_host::random::OsRandom;
use rusqlite::{Connection, Error, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::memory::{Memory, failed};
use crate::rules::Ceilings;
use crate::table::{self, Validity};

/// So long a change waits for the second custodian, in seconds.
const WAITS: u64 = 86_400;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS custodian (name TEXT PRIMARY KEY, hash BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS change (number INTEGER PRIMARY KEY, time INTEGER NOT NULL, what TEXT NOT NULL, asked TEXT NOT NULL, agreed TEXT,
    done INTEGER) STRICT;
";

/// A change of what the signer does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// What may be certified, in piastres.
    Ceilings {
        /// By one certificate.
        certificate: u64,
        /// To one binding in a day.
        binding_day: u64,
        /// By the company in an hour.
        hour: u64,
        /// By the company in a day.
        day: u64,
    },
    /// When a key version may be used (POSIX seconds, the last one excluded).
    Validity {
        /// Key version number.
        version: u8,
        /// From when on.
        begin: u64,
        /// Until before.
        until: u64,
    },
    /// A master was drawn. By two who were both there, like what follows.
    Drawn {
        /// Its key version number.
        version: u8,
    },
    /// Keys of meters were sealed for their factory.
    Delivered {
        /// Of how many.
        meters: u64,
        /// SHA-256 of the sealed file.
        sha256: String,
    },
    /// The master of a maker's blank cards was taken in.
    Taken {
        /// Its check value.
        check: String,
    },
}

impl From<Ceilings> for Change {
    fn from(of: Ceilings) -> Self {
        let Ceilings { certificate, binding_day, hour, day } = of;
        Self::Ceilings { certificate: certificate.0, binding_day: binding_day.0, hour: hour.0, day: day.0 }
    }
}

/// A change, and who asked for it and agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Its number.
    pub number: u64,
    /// When it was asked for, POSIX seconds.
    pub time: u64,
    /// It.
    pub what: Change,
    /// By whom.
    pub asked: String,
    /// Who agreed; then it is done.
    pub agreed: Option<String>,
}

/// Why custodians cannot do it. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CustodyError {
    /// There are fewer than two, or one of them twice.
    #[error("a signer has two custodians, or more, each with a name of its own: name them with --custodian")]
    Two,
    /// A name that could be spelt in two ways.
    #[error("{0:?} is no name of a custodian: take 1 to 32 small letters, digits and hyphens")]
    Name(String),
    /// A name or secret that is not known.
    #[error("no custodian has this name and secret: look at the name, and at the file of the secret")]
    Unknown,
    /// The second is the first.
    #[error("{0} has asked for this, so another custodian agrees to it")]
    Same(String),
    /// There is no such change, or it is over.
    #[error("change {0} does not wait for anybody: it is done, or older than a day, or was never asked for")]
    NoChange(u64),
    /// What is asked for is no ceiling, or no time.
    #[error(
        "ceilings are above 0, and a certificate's is at most that of a binding's day, and an hour's at most that of the day; a time ends after it begins"
    )]
    Change,
    /// No random numbers.
    #[error("the operating system's random number source must work")]
    Random,
    /// The memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// Who somebody says to be.
pub struct Custodian<'a> {
    /// The name.
    pub name: &'a str,
    /// The secret that goes with it.
    pub secret: &'a str,
}

impl Memory {
    /// Gives custodians their secrets, which are kept nowhere: 64 characters each, in their order. Where there are some already, that is an error.
    pub fn appoint(&self, names: &[String]) -> Result<Vec<Zeroizing<String>>, CustodyError> {
        for name in names {
            let plain =
                |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
            if !(1..=32).contains(&name.len()) || !name.chars().all(plain) {
                return Err(CustodyError::Name(name.clone()));
            }
        }
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        if different.len() < 2 || different.len() != names.len() {
            return Err(CustodyError::Two);
        }
        let mut secrets = Vec::new();
        for _ in names {
            let mut bytes = Zeroizing::new([0; 32]);
            OsRandom.fill(&mut *bytes).map_err(|_| CustodyError::Random)?;
            secrets.push(Zeroizing::new(hex::encode(*bytes)));
        }
        let new = self.with(|connection| {
            connection.execute_batch(TABLES)?;
            let there: u32 = connection.query_row("SELECT count(*) FROM custodian", [], |row| row.get(0))?;
            for (name, secret) in names.iter().zip(&secrets).filter(|_| there == 0) {
                connection
                    .execute("INSERT INTO custodian VALUES (?, ?)", params![name, &hash(secret)[..]])?;
            }
            Ok(there == 0)
        })?;
        if new { Ok(secrets) } else { Err(MemoryError::Knows.into()) }
    }

    /// A custodian asks for a change, and gets its number.
    pub fn ask(&self, by: &Custodian<'_>, what: &Change, now: CardTime) -> Result<u64, CustodyError> {
        if !possible(what) {
            return Err(CustodyError::Change);
        }
        self.known(by)?;
        let text = serde_json::to_string(what).map_err(|error| MemoryError::Store(error.to_string()))?;
        let number = self.with(|connection| {
            let sql = "INSERT INTO change (time, what, asked) VALUES (?, ?, ?)";
            connection.execute(sql, params![seconds(now), text, by.name])?;
            Ok(connection.last_insert_rowid())
        })?;
        Ok(u64::try_from(number).unwrap_or_default())
    }

    /// Another one agrees, and it is done.
    pub fn agree(&self, by: &Custodian<'_>, number: u64, now: CardTime) -> Result<Asked, CustodyError> {
        self.known(by)?;
        let waits =
            |asked: &Asked| asked.agreed.is_none() && now.to_unix().saturating_sub(asked.time) < WAITS;
        let asked = self.changes()?.into_iter().find(|asked| asked.number == number);
        let asked = asked.filter(waits).ok_or(CustodyError::NoChange(number))?;
        if asked.asked == by.name {
            return Err(CustodyError::Same(asked.asked));
        }
        let done = self.with(|connection| {
            let sql = "UPDATE change SET agreed = ?, done = ? WHERE number = ? AND agreed IS NULL";
            let done = connection.execute(sql, params![by.name, seconds(now), number.cast_signed()])?;
            if done == 1 {
                apply(connection, &asked.what)?;
            }
            Ok(done == 1)
        })?;
        if !done {
            return Err(CustodyError::NoChange(number));
        }
        Ok(Asked { agreed: Some(by.name.to_owned()), ..asked })
    }

    /// Whether there are custodians.
    pub fn has_custodians(&self) -> Result<bool, MemoryError> {
        self.with(|connection| {
            connection.execute_batch(TABLES)?;
            connection.query_row("SELECT EXISTS (SELECT 1 FROM custodian)", [], |row| row.get(0))
        })
    }

    /// Two custodians who are both there do something with the masters: refused where they are not two, else entered as done.
    pub fn together(
        &self,
        [first, second]: [&Custodian<'_>; 2],
        what: &Change,
        now: CardTime,
    ) -> Result<(), CustodyError> {
        self.known(first)?;
        self.known(second)?;
        if first.name == second.name {
            return Err(CustodyError::Same(first.name.to_owned()));
        }
        let text = serde_json::to_string(what).map_err(|error| MemoryError::Store(error.to_string()))?;
        self.with(|connection| {
            let sql = "INSERT INTO change (time, what, asked, agreed, done) VALUES (?1, ?2, ?3, ?4, ?1)";
            connection.execute(sql, params![seconds(now), text, first.name, second.name])
        })?;
        Ok(())
    }

    /// All changes that were asked for, the newest first, at most 100.
    pub fn changes(&self) -> Result<Vec<Asked>, MemoryError> {
        let rows = self.with(|connection| {
            connection.execute_batch(TABLES)?;
            let sql = "SELECT number, time, what, asked, agreed FROM change ORDER BY number DESC LIMIT 100";
            let mut ask = connection.prepare(sql)?;
            let rows = ask.query_map([], |row| {
                let [number, time] = [row.get::<_, i64>(0)?, row.get(1)?].map(i64::cast_unsigned);
                Ok((number, time, row.get::<_, String>(2)?, row.get(3)?, row.get(4)?))
            })?;
            rows.collect::<Result<Vec<_>, Error>>()
        })?;
        let parsed = rows.into_iter().map(|(number, time, what, asked, agreed)| {
            let what = serde_json::from_str(&what).map_err(|error| MemoryError::Store(error.to_string()))?;
            Ok(Asked { number, time, what, asked, agreed })
        });
        parsed.collect()
    }

    fn known(&self, who: &Custodian<'_>) -> Result<(), CustodyError> {
        let found = self.with(|connection| {
            connection.execute_batch(TABLES)?;
            let mut ask = connection.prepare("SELECT hash FROM custodian WHERE name = ?")?;
            ask.query_row([who.name], |row| row.get::<_, [u8; 32]>(0)).optional()
        })?;
        // The secret is random and long: a slow hash would protect it no better.
        let given = hash(who.secret);
        let same = found.is_some_and(|held| bool::from(held.ct_eq(&given)));
        if same { Ok(()) } else { Err(CustodyError::Unknown) }
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn seconds(time: CardTime) -> i64 {
    time.to_unix().cast_signed()
}

fn possible(what: &Change) -> bool {
    match *what {
        Change::Ceilings { certificate, binding_day, hour, day } => {
            certificate > 0 && certificate <= binding_day && hour > 0 && hour <= day
        }
        Change::Validity { begin, until, .. } => begin < until,
        Change::Drawn { .. } | Change::Delivered { .. } | Change::Taken { .. } => false,
    }
}

fn apply(connection: &Connection, what: &Change) -> Result<(), Error> {
    match *what {
        Change::Ceilings { certificate, binding_day, hour, day } => {
            let [certificate, binding_day, hour, day] = [certificate, binding_day, hour, day].map(Piastres);
            table::set_ceilings(connection, &Ceilings { certificate, binding_day, hour, day })
        }
        Change::Validity { version, begin, until } => {
            table::set_validity(connection, KeyVersion::from_byte(version), Validity { begin, until })
        }
        Change::Drawn { .. } | Change::Delivered { .. } | Change::Taken { .. } => Ok(()),
    }
}

impl From<Error> for CustodyError {
    fn from(error: Error) -> Self {
        failed(&error).into()
    }
}
