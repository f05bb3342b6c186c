//! Audit: every chain recomputed, compared with signed heads, with the totals of the bindings, and added up (docs/ledger.md, section 9).

mod expected;
mod finding;
mod key;
mod kinds;
mod receipt;
mod spoken;
mod sums;
mod walk;

pub use expected::RowFault;
pub use key::{AuditKey, AuditKeyError, AuditPublicKey};
pub use receipt::{ReceiptCheck, ReceiptProof};
pub(super) use sums::line_of;

use card_core::id::Binding;
use card_core::units::CardTime;
use std::collections::BTreeMap;

use super::accounts::Class;
use super::entry::{EntryId, Kind};
use super::error::LedgerError;
use super::names::PointCode;
use super::records::{Head, Point, SignedHead};
use super::span::each_entry;
use super::store::{AccountBalance, Ledger, read, transact};

/// How far something long has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is looked at: `entries`, `bindings`, `points`.
    pub what: &'static str,
    /// How many so far.
    pub done: u64,
}

/// What an audit found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditFinding {
    /// An entry's hash is not that of its content.
    Changed(EntryId),
    /// An entry does not name the hash of the one before it.
    Unchained(EntryId),
    /// Numbers are missing: this is the first one.
    Missing(EntryId),
    /// The chain does not end where its vending point says.
    PointHead {
        /// Which.
        point: PointCode,
        /// The last entry that is there.
        last: u64,
        /// The last entry by the vending point.
        expected: u64,
    },
    /// An entry is older than the one before it.
    TimeWentBack(EntryId),
    /// A head was signed by another key, or was changed.
    BadSignature(EntryId),
    /// A head was signed beyond the end of the chain: entries have been cut off.
    Truncated {
        /// The head.
        head: EntryId,
        /// Where the chain ends.
        last: u64,
    },
    /// A head was signed with another hash than the entry has: the past has been rewritten.
    Rewritten(EntryId),
    /// The transfers of an entry do not fit its kind.
    Misfit {
        /// The entry.
        entry: EntryId,
        /// Its kind.
        kind: Kind,
        /// What does not fit.
        what: String,
    },
    /// A row says something else than the entries.
    Differs {
        /// What.
        what: String,
        /// By the entries.
        entries: i128,
        /// By the row.
        row: i128,
    },
    /// A row is not what the entries say.
    Row {
        /// Which, and what of it.
        what: String,
        /// How.
        fault: RowFault,
    },
    /// A meter's final report moved more than its reports allow, without a second person.
    MovedAbove {
        /// The binding that it was moved from.
        from: Binding,
        /// What was moved, in piastres.
        moved: i128,
        /// The most that could be left, in piastres.
        most: i128,
    },
    /// Money received is not accounted for.
    Identity {
        /// Received.
        received: i128,
        /// Accounted for.
        accounted: i128,
    },
}

/// A branch of a chain that was lost when a copy was restored: its heads were signed before that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostBranch {
    /// The last entry of it that is known.
    pub head: EntryId,
    /// When that head was signed.
    pub signed: CardTime,
    /// The restore after which the chain went on.
    pub restore: EntryId,
}

/// A restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreMark {
    /// Its entry, in the chain of each vending point.
    pub entry: EntryId,
    /// Which one, from 1.
    pub epoch: u32,
    /// When.
    pub time: CardTime,
    /// Why.
    pub reason: String,
}

/// What an audit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// Vending points.
    pub points: u64,
    /// Entries whose hashes were recomputed.
    pub entries: u64,
    /// Bindings that were compared.
    pub bindings: u64,
    /// Signed heads that agree.
    pub heads: u64,
    /// Restores, as the company's own chain has them.
    pub restores: Vec<RestoreMark>,
    /// What was lost in them, as far as signed heads show. No mistake of the books, but to be claimed and recovered.
    pub lost: Vec<LostBranch>,
    /// What is wrong, at most [`AuditReport::MOST`].
    pub findings: Vec<AuditFinding>,
    /// How many more were found.
    pub more: u64,
    /// Sums of all accounts.
    pub balance: TrialBalance,
    /// Money received against what became of it.
    pub money: MoneyIdentity,
}

impl AuditReport {
    /// The most findings that are kept.
    pub const MOST: usize = 1000;

    /// Whether nothing is wrong.
    pub const fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Sums of debits and credits by account, with bindings' and customers' accounts added up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrialBalance {
    /// By account; `credit` and `debt` stand for all of theirs.
    pub lines: Vec<TrialLine>,
    /// All debits.
    pub debits: u128,
    /// All credits.
    pub credits: u128,
}

/// A line of the trial balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialLine {
    /// The account.
    pub account: String,
    /// Its class.
    pub class: Class,
    /// Sum of what it received.
    pub debits: u128,
    /// Sum of what it gave.
    pub credits: u128,
}

/// Money received = credit certified for it - what was given back + fees + levies + deductions of debts + what is paid and not certified.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MoneyIdentity {
    /// Received at vending points, less what was paid out there.
    pub received: i128,
    /// Credit certified for money.
    pub certified: i128,
    /// Debits that were paid out.
    pub given_back: i128,
    /// Fees.
    pub fees: i128,
    /// Levies.
    pub levies: i128,
    /// Deductions of debts.
    pub debts: i128,
    /// Paid and not certified.
    pub waiting: i128,
}

/// Vending points of one page.
const POINTS: u32 = 200;

/// Signs the head of every chain that has grown since it was signed last; gives what was signed. Give them to the auditor.
pub fn sign_heads(
    ledger: &dyn Ledger,
    key: &AuditKey,
    now: CardTime,
) -> Result<Vec<SignedHead>, LedgerError> {
    let scope = ledger.scope();
    let (mut signed, mut after) = (Vec::new(), None);
    loop {
        // A page at a time, so that no seller waits for all of them.
        let page = read(ledger, |t| t.points(after.as_ref(), POINTS))?;
        let Some(last) = page.last() else { return Ok(signed) };
        after = Some(last.code.clone());
        for Point { code, number, head, .. } in page {
            let id = EntryId { point: code, number };
            if number > 0 {
                signed.extend(sign_head(ledger, key.sign_head(scope, id, head, now))?);
            }
        }
    }
}

/// Keeps a signed head, where there is none at this entry.
pub(super) fn sign_head(ledger: &dyn Ledger, head: SignedHead) -> Result<Option<SignedHead>, LedgerError> {
    transact(ledger, |t| {
        let newest = t.signed_head(&head.id.point, head.id.number)?;
        if newest.is_some_and(|newest| newest.id == head.id) {
            return Ok(None);
        }
        t.keep(&[Head::Signed(head.clone())])?;
        Ok(Some(head.clone()))
    })
}

/// Sums of all accounts, as the store adds them up. It reads the whole ledger.
pub fn trial_balance(ledger: &dyn Ledger) -> Result<TrialBalance, LedgerError> {
    let mut accounts = BTreeMap::new();
    for AccountBalance { account, debits, credits } in read(ledger, |t| t.balances())? {
        let line = accounts.entry(sums::line_of(&account)).or_insert((account.class(), 0_u128, 0_u128));
        line.1 = line.1.saturating_add(debits.0.into());
        line.2 = line.2.saturating_add(credits.0.into());
    }
    Ok(sums::balance_of(&accounts))
}

/// The same of what was entered before a time. It reads the entries, chain by chain.
pub fn trial_balance_at(ledger: &dyn Ledger, until: CardTime) -> Result<TrialBalance, LedgerError> {
    read(ledger, |t| {
        let (mut sums, mut after) = (sums::Sums::default(), None);
        loop {
            let page = t.points(after.as_ref(), PAGE_OF_POINTS)?;
            let Some(last) = page.last() else { return Ok(sums.trial_balance()) };
            after = Some(last.code.clone());
            for point in &page {
                each_entry(t, &point.code, CardTime(1), until, &mut |entry| {
                    sums.add(entry);
                    Ok(())
                })?;
            }
        }
    })
}

/// Vending points of one page.
const PAGE_OF_POINTS: u32 = 500;

/// Recomputes every chain and compares it with `heads` (those that the auditor kept) and with those that the ledger kept; adds up all accounts and
/// compares them with the rows of bindings, points and customers. It sees one state of the ledger, and reads entries in pages; what it keeps in
/// memory is some 300 bytes for each binding, 100 for each card and 50 for each report.
pub fn verify(
    ledger: &dyn Ledger,
    key: &AuditPublicKey,
    heads: &[SignedHead],
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<AuditReport, LedgerError> {
    let scope = ledger.scope();
    read(ledger, |t| {
        let secret = t.secret()?;
        walk::Walk::new(scope, key, heads, secret).run(t, progress)
    })
}
