//! What the code on a receipt says, and whether the books bear it out (docs/ledger.md, section 9).

use card_core::id::Scope;
use card_core::units::{CardTime, Piastres};
use std::fmt;
use std::str::FromStr;

use super::AuditPublicKey;
use crate::entry::{Entry, EntryId, Hash};
use crate::error::{LedgerError, Refusal};
use crate::records::SignedHead;
use crate::store::{Ledger, read};

/// What begins the text of a proof.
const FORMAT: &str = "EGR1";
/// Entries of one page.
const PAGE: u32 = 500;

/// What the code on a receipt says: where its entry stands, and what it was then. `Display` writes it, and `FromStr` reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptProof {
    /// The number of the receipt.
    pub entry: EntryId,
    /// When it was sold.
    pub time: CardTime,
    /// What was paid.
    pub amount: Piastres,
    /// The hash of the entry.
    pub hash: Hash,
}

/// What the books say of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptCheck {
    /// Genuine: its entry is in the chain, which goes unbroken to a head that the audit key has signed.
    Signed(EntryId),
    /// Its entry is in the chain, and no signed head that is known covers it yet.
    Unsigned,
    /// There is no such entry.
    Unknown,
    /// Its entry says something else: the receipt was changed, or was never given.
    Differs,
    /// The chain is broken here, or is not what was signed: the books were changed.
    Broken(EntryId),
}

impl ReceiptProof {
    /// Of the first entry of a sale.
    pub fn of(entry: &Entry) -> Self {
        Self { entry: entry.id.clone(), time: entry.time, amount: entry.amount, hash: entry.hash }
    }

    /// Compares it with the entries of its vending point from its own on, in their order, and those with the heads in `heads` that `key`
    /// has signed. That takes no ledger: an export, the heads and the key are enough.
    ///
    /// # Errors
    /// Those of `entries`.
    pub fn check<E>(
        &self,
        entries: impl IntoIterator<Item = Result<Entry, E>>,
        scope: Scope,
        key: &AuditPublicKey,
        heads: &[SignedHead],
    ) -> Result<ReceiptCheck, E> {
        let covers =
            |head: &&SignedHead| head.id.point == self.entry.point && head.id.number >= self.entry.number;
        let signed = |head: &&SignedHead| key.signed_head(scope, head);
        let heads: Vec<&SignedHead> = heads.iter().filter(covers).filter(signed).collect();
        let (mut before, mut contradicted) = (None, None);
        for entry in entries {
            let entry = entry?;
            if entry.id.point != self.entry.point || entry.id.number < self.entry.number {
                continue;
            }
            match before.replace((entry.id.number, entry.hash)) {
                None if entry.id.number != self.entry.number => return Ok(ReceiptCheck::Unknown),
                None if Self::of(&entry) != *self => return Ok(ReceiptCheck::Differs),
                Some((number, hash))
                    if (number.checked_add(1), hash) != (Some(entry.id.number), entry.previous) =>
                {
                    return Ok(ReceiptCheck::Broken(entry.id));
                }
                _ => {}
            }
            if entry.hashed() != entry.hash {
                return Ok(ReceiptCheck::Broken(entry.id));
            }
            match heads.iter().find(|head| head.id.number == entry.id.number) {
                Some(head) if head.head == entry.hash => return Ok(ReceiptCheck::Signed(entry.id)),
                // Heads of a branch that a restore has ended contradict, and a later one may agree.
                Some(_) => contradicted = contradicted.or(Some(entry.id)),
                None => {}
            }
        }
        Ok(match (before, contradicted) {
            (None, _) => ReceiptCheck::Unknown,
            (_, Some(id)) => ReceiptCheck::Broken(id),
            (_, None) => ReceiptCheck::Unsigned,
        })
    }

    /// The same in a ledger, with the heads that it has kept besides.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn check_in(
        &self,
        ledger: &dyn Ledger,
        key: &AuditPublicKey,
        heads: &[SignedHead],
    ) -> Result<ReceiptCheck, LedgerError> {
        let (point, first) = (&self.entry.point, self.entry.number.saturating_sub(1));
        let mut heads = heads.to_vec();
        heads.extend(read(ledger, |t| t.signed_head(point, u64::MAX))?);
        let (mut page, mut after, mut failed) = (Vec::new().into_iter(), first, None);
        let entries = std::iter::from_fn(|| {
            let next = page.next().or_else(|| match read(ledger, |t| t.chain(point, after, PAGE)) {
                Ok(entries) => {
                    page = entries.into_iter();
                    page.next()
                }
                Err(error) => {
                    failed = Some(error);
                    None
                }
            })?;
            after = next.id.number;
            Some(Ok::<_, LedgerError>(next))
        });
        let check = self.check(entries, ledger.scope(), key, &heads)?;
        failed.map_or(Ok(check), Err)
    }
}

impl fmt::Display for ReceiptProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, time, amount, hash } = self;
        let (time, hash) = (time.to_unix(), hex::encode(hash));
        write!(f, "{FORMAT} {}/{} {time} {} {hash}", entry.point, entry.number, amount.0)
    }
}

impl FromStr for ReceiptProof {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        parse(text).ok_or_else(|| {
            Refusal::Invalid(format!(
                "this is no proof of a receipt: give all of the text of its code, which begins with {FORMAT}"
            ))
        })
    }
}

fn parse(text: &str) -> Option<ReceiptProof> {
    let mut words = text.split_whitespace();
    words.next().filter(|word| *word == FORMAT)?;
    let (point, number) = words.next()?.rsplit_once('/')?;
    let entry = EntryId { point: point.parse().ok()?, number: number.parse().ok()? };
    let time = CardTime::from_unix(words.next()?.parse().ok()?)?;
    let amount = Piastres(words.next()?.parse().ok()?);
    let mut hash = [0; 32];
    hex::decode_to_slice(words.next()?, &mut hash).ok()?;
    words.next().is_none().then_some(ReceiptProof { entry, time, amount, hash })
}
