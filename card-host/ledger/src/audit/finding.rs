//! What an audit says, in words.

use std::fmt;

use super::{AuditFinding, LostBranch, MoneyIdentity, RestoreMark, RowFault};
use crate::entry::EntryId;

/// An entry, as people name it.
struct At<'a>(&'a EntryId);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} of {}", self.0.number, self.0.point)
    }
}

/// An amount with its sign, in EGP.
pub(super) struct Egp(pub(super) i128);

impl fmt::Display for Egp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, amount) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        write!(f, "{sign}{}.{:02}", amount / 100, amount % 100)
    }
}

impl fmt::Display for AuditFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(id) => {
                write!(f, "{} has been changed: its hash is not that of its content", At(id))
            }
            Self::Unchained(id) => write!(f, "{} does not follow the one before it", At(id)),
            Self::Missing(id) => write!(f, "{} is missing", At(id)),
            Self::PointHead { point, last, expected } => {
                write!(
                    f,
                    "the chain of {point} ends with entry {last}, and its vending point names {expected} with its hash"
                )
            }
            Self::TimeWentBack(id) => write!(
                f,
                "{} is older than the one before it, and no two people have said that this is right",
                At(id)
            ),
            Self::BadSignature(id) => {
                write!(f, "the signed head at {} was not signed by this audit key", At(id))
            }
            Self::Truncated { head, last } => {
                write!(
                    f,
                    "a head was signed at {}, and the chain ends with entry {last}: entries were cut off",
                    At(head)
                )
            }
            Self::Rewritten(id) => {
                write!(f, "a head was signed at {} with another hash: the past was rewritten", At(id))
            }
            Self::Misfit { entry, kind, what } => {
                write!(f, "{} is of kind {}, which has no such transfers: {what}", At(entry), kind.code())
            }
            Self::Differs { what, entries, row } => {
                write!(f, "{what}: {entries} by the entries, {row} by its row")
            }
            Self::Row { what, fault } => match fault {
                RowFault::Missing => write!(f, "{what}: by the entries it is there, and there is no row"),
                RowFault::Added => write!(f, "{what}: there is a row, and no entry has made it"),
                RowFault::Changed => write!(f, "{what}: the row says something else than the entries"),
            },
            Self::MovedAbove { from, moved, most } => {
                let (number, meter, moved, most) = (from.number, from.meter, Egp(*moved), Egp(*most));
                write!(
                    f,
                    "{moved} EGP were moved from binding {number} of meter {meter} by its final report, and by its reports at most {most} EGP were left"
                )
            }
            Self::Identity { received, accounted } => {
                let (received, accounted) = (Egp(*received), Egp(*accounted));
                write!(f, "{received} EGP were received, and {accounted} EGP are accounted for")
            }
        }
    }
}

impl AuditFinding {
    /// What to do about it.
    pub const fn to_do(&self) -> &'static str {
        match self {
            Self::Changed(_) | Self::Unchained(_) | Self::Missing(_) | Self::TimeWentBack(_) => {
                "stop selling at this point, keep the store as it is, and compare the entry with the last export and with a copy from before"
            }
            Self::PointHead { .. } => {
                "stop selling at this point, keep the store as it is, and compare the end of the chain with the last signed head and export"
            }
            Self::BadSignature(_) => {
                "see that the auditor's key is the company's present one; if it is, treat the head as forged"
            }
            Self::Truncated { .. } => {
                "where a copy was restored, declare it (`cardctl ledger restored`); where none was, stop selling and find out who cut the chain"
            }
            Self::Rewritten(_) => {
                "where a copy was restored and declared late, compare with the channels' lists; where none was, stop selling and find out who rewrote it"
            }
            Self::Misfit { .. } => {
                "find out which program wrote it; correct it with an entry, never by changing it"
            }
            Self::Differs { .. } | Self::Row { .. } => {
                "stop selling, keep the store as it is, and compare with a copy from before: the entries are right where their hashes are"
            }
            Self::MovedAbove { .. } => {
                "have that meter inspected, find out who moved it, and take back what was not left by a correction that two people make"
            }
            Self::Identity { .. } => "look at the entries whose transfers do not fit their kind",
        }
    }
}

impl fmt::Display for LostBranch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "entries of {} from {} on, of which {} was signed, were lost in the restore of {}",
            self.head.point,
            self.restore.number,
            self.head.number,
            At(&self.restore)
        )
    }
}

impl fmt::Display for RestoreMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "restore {} at {}: {}", self.epoch, At(&self.entry), self.reason)
    }
}

impl fmt::Display for MoneyIdentity {
    /// The terms, one in a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "money received              {:>18}", Egp(self.received).to_string())?;
        for (sign, what, amount) in [
            ("=", "credit certified for it", self.certified),
            ("-", "given back by debits", self.given_back),
            ("+", "fees", self.fees),
            ("+", "levies", self.levies),
            ("+", "deductions of debts", self.debts),
            ("+", "paid and not certified", self.waiting),
        ] {
            writeln!(f, "{sign} {what:<26}{:>18}", Egp(amount).to_string())?;
        }
        Ok(())
    }
}
