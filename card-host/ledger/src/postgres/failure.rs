//! What PostgreSQL's errors mean for a ledger: the one place where they are told apart.

use std::error::Error as _;
use std::fmt;
use std::io;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity};

use crate::{LedgerError, Refusal, StoreError};

/// Why a transaction ends without a commit.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// Another transaction was in the way: the work is run again.
    Again,
    /// As `Again`: a lock was waited for, and somebody else had it all the time.
    Waited,
    /// An earlier try of the same request is not over: its commit may wait, and become visible later.
    Undecided,
    /// As `Again`; but where it stays so, the rows contradict what is to be written.
    Contradicted,
    /// There is no table for this month yet: it is made, and the work is run again.
    Month,
    /// The connection is gone, and with it the transaction.
    Lost,
    /// As `Lost`: nothing was answered for long.
    Silent,
    /// The server is there and cannot.
    Unavailable,
    /// A setting, or a right that is missing: of the server, the database, the user, or in the address.
    Unfit,
    /// Rows or rules of the tables say that something is wrong.
    Corrupt,
    /// It is not our ledger.
    Other,
    /// A value that cannot be stored.
    Invalid,
    /// A write in a transaction that reads.
    ReadOnly,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(super) fn corrupt(text: impl Into<String>) -> Self {
        Self::new(FailureKind::Corrupt, text)
    }

    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self::new(FailureKind::Invalid, text)
    }

    /// Whether the same work may succeed when it is run again at once.
    pub(super) const fn passes(&self) -> bool {
        use FailureKind::{Again, Contradicted, Month, Waited};
        matches!(self.kind, Again | Waited | Contradicted | Month)
    }

    /// As the caller sees it.
    pub(super) fn error(&self) -> LedgerError {
        let text = self.text.clone();
        match self.kind {
            FailureKind::Undecided => StoreError::OutcomeUnknown(text).into(),
            FailureKind::Again
            | FailureKind::Waited
            | FailureKind::Month
            | FailureKind::Lost
            | FailureKind::Silent
            | FailureKind::Unavailable => StoreError::Unavailable(text).into(),
            FailureKind::Contradicted | FailureKind::Corrupt => StoreError::Corrupt(text).into(),
            FailureKind::Unfit => StoreError::Unfit(text).into(),
            FailureKind::Other => StoreError::Other(text).into(),
            FailureKind::Invalid => Refusal::Invalid(text).into(),
            FailureKind::ReadOnly => StoreError::ReadOnly.into(),
        }
    }
}

/// What stands in an error while a connection is made, and what to do then.
const ADVICE: [(&str, &str); 10] = [
    ("password missing", "give the password in the address: postgres://USER:PASSWORD@HOST/DATABASE"),
    (
        "does not support TLS",
        "the server has no TLS: turn `ssl` on there, or take `sslmode=disable` at this host",
    ),
    (
        "invalid peer certificate",
        "name the file of the authority that signed the server's: `sslrootcert=FILE`",
    ),
    (
        "unsupported authentication method",
        "the server asks for Kerberos or the like: let pg_hba.conf ask this user for `scram-sha-256`",
    ),
    (
        "channel binding",
        "it needs TLS and `scram-sha-256`: take `sslmode=require`, or `channel_binding=prefer`",
    ),
    ("unsupported SASL", "let pg_hba.conf ask this user for `scram-sha-256`"),
    ("(28P01)", "see to the user and the password in the address"),
    ("(28000)", "let pg_hba.conf take this user at this database from here"),
    ("(3D000)", "make the database, in UTF-8, or look at its name in the address"),
    ("unsupported startup parameter", "give a pooler no `options`: set them for the role, with ALTER ROLE"),
];

impl Failure {
    /// Why a connection was not made: nothing of that is about what the tables hold.
    pub(super) fn connecting(error: Error) -> Self {
        // That of TLS is one of io within, and about a certificate.
        let tls = error.to_string().contains("TLS");
        let io = !tls && error.source().is_some_and(|source| source.is::<io::Error>());
        let silent = error.source().is_none();
        let database = error.as_db_error().map(|error| error.code().code().to_owned());
        let failure = Self::from(error);
        let setting = match database.as_deref() {
            Some(code) => ["28", "3D", "42", "0A", "08P01"].iter().any(|front| code.starts_with(front)),
            None => !io && !silent,
        };
        if !setting {
            return Self { kind: FailureKind::Lost, ..failure };
        }
        let advice = ADVICE.iter().find(|(part, _)| failure.text.contains(part));
        let advice = advice.map_or_else(String::new, |(_, advice)| format!("; {advice}"));
        Self::new(FailureKind::Unfit, format!("{}{advice}", failure.text))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let Some(database) = error.as_db_error() else {
            // The library tells its kinds apart by their texts only. A value in a row that is none of ours is the ledger's; a column or
            // a parameter of another type is another program's table; all else is the connection.
            let text = said(&error);
            let kind = match error.to_string() {
                text if text.starts_with("error deserializing column") => FailureKind::Corrupt,
                text if text.starts_with("error serializing") || text.starts_with("invalid column") => {
                    FailureKind::Other
                }
                _ => FailureKind::Lost,
            };
            return Self { kind, text };
        };
        Self { kind: kind(database), text: told(database) }
    }
}

fn kind(error: &DbError) -> FailureKind {
    if ends(error) {
        return FailureKind::Lost;
    }
    let code = error.code().code();
    match code {
        // A standby (which says 0A000 to BEGIN), a database or a role that only reads; a right that the role has not.
        "0A000" | "25006" | "42501" => FailureKind::Unfit,
        // Statements that were prepared on another connection than this one: a pooler that gives it to one transaction at a time.
        "26000" | "42P05" => FailureKind::Unfit,
        // Serialization, deadlock.
        "40001" | "40P01" => FailureKind::Again,
        "55P03" => FailureKind::Waited,
        // Another one has made this step, or this entry, meanwhile.
        "23505" if error.table().is_some_and(is_chain) => FailureKind::Again,
        "23505" => FailureKind::Contradicted,
        // A row that no partition takes; violated checks have a name.
        "23514" if error.constraint().is_none() => FailureKind::Month,
        // A text with a zero in it, a number out of range.
        _ if code.starts_with("22") => FailureKind::Invalid,
        // Rules of tables, triggers, damaged pages.
        _ if code.starts_with("23") || code.starts_with("P0") || code.starts_with("XX") => {
            FailureKind::Corrupt
        }
        // No such table or column, no right to it, no such database.
        _ if code.starts_with("42") || code.starts_with("3D") || code.starts_with("3F") => FailureKind::Other,
        // Disk full, too many connections, cancelled after too long, a standby that only reads.
        _ => FailureKind::Unavailable,
    }
}

/// Tables where a key that is there already tells of another transaction, and of nothing wrong.
fn is_chain(table: &str) -> bool {
    ["request", "point"].contains(&table) || table.starts_with("entry") || table.starts_with("transfer")
}

/// Whether the server ends the connection with this.
fn ends(error: &DbError) -> bool {
    matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
        || error.code().code().starts_with("08")
}

/// Whether a COMMIT that was answered with this has certainly not happened.
pub(super) fn certainly_not_committed(error: &Error) -> bool {
    error.as_db_error().is_some_and(|error| {
        let code = error.code().code();
        !ends(error) && (code.starts_with("40") || code.starts_with("23")) && code != "40003"
    })
}

fn told(error: &DbError) -> String {
    let code = error.code().code();
    let mut text = format!("PostgreSQL: {} ({code})", error.message());
    if let Some(detail) = error.detail() {
        text.push_str(": ");
        text.push_str(detail);
    }
    text.push_str(match code {
        "0A000" | "25006" => {
            "; this server or role only reads: open the ledger at the primary, with a role that writes"
        }
        "42501" => "; let the owner of the tables grant that to this role",
        "26000" | "42P05" => POOLER,
        _ => "",
    });
    text
}

/// What to do with a pooler that does not keep a session.
pub(super) const POOLER: &str =
    "; a pooler between gives its connections to one transaction at a time: take `pool_mode = session`";

/// An error that does not come from the server, with its causes.
pub(super) fn said(error: &Error) -> String {
    let mut text = format!("PostgreSQL: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
