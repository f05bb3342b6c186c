//! What names a person: entries have a reference in its place, and the words stand in a table of their own, from which they can be taken away
//! (docs/ledger.md, section 4).

use super::accounts::LedgerAccount;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::entry::Kind;
use super::entry::{Entry, References};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::error::LedgerError;
use super::secret::Secret;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::store::AccountBalance;

/// Numbers of accounts are below this, and references to them are not.
pub const FIRST_REFERENCE: u64 = 1 << 63;

/// So many characters has a reference to words: `~` and hexadecimal digits.
const LENGTH: usize = 25;

/// Whether a text is a reference to words, and no words.
pub(super) fn is_reference(text: &str) -> bool {
    text.len() == LENGTH
        && text
            .strip_prefix('~')
            .is_some_and(|digits| digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')))
}

impl Secret {
    /// The reference to who does something. That of a reference is itself.
    pub fn actor(&self, name: &str) -> String {
        self.reference(b"EGLEDGER actor v1", name)
    }

    /// The reference to what a bank calls its customer.
    pub fn customer(&self, name: &str) -> String {
        self.reference(b"EGLEDGER customer v1", name)
    }

    /// The reference to an account. That of a reference is itself.
    pub fn account(&self, account: u64) -> u64 {
        if account == 0 || account >= FIRST_REFERENCE {
            return account;
        }
        let mac = self.mac_of(b"EGLEDGER account v1", &account.to_string());
        let front = mac.first_chunk().map_or(0, |front| u64::from_be_bytes(*front));
        front | FIRST_REFERENCE
    }

    fn reference(&self, label: &[u8], text: &str) -> String {
        if text.is_empty() || is_reference(text) {
            return text.to_owned();
        }
        let mac = self.mac_of(label, text);
        format!("~{}", hex::encode(mac.first_chunk::<12>().unwrap_or(&[0; 12])))
    }
}

impl Entry {
    /// With references to its persons, which take their place in the books.
    #[must_use]
    pub fn named(mut self, secret: &Secret) -> Self {
        self.references = Some(self.references_by(secret));
        self
    }

    /// Whether its words are those that its references were made of.
    pub(super) fn agrees(&self, secret: &Secret) -> bool {
        self.references.as_ref().is_none_or(|held| *held == self.references_by(secret))
    }

    fn references_by(&self, secret: &Secret) -> References {
        // Reasons are told apart by their entries, so that one can be taken away without others.
        let place = format!("{}/{}\0{}", self.id.point, self.id.number, self.reason);
        let reason = if self.reason.is_empty() || is_reference(&self.reason) {
            self.reason.clone()
        } else {
            secret.reference(b"EGLEDGER reason v1", &place)
        };
        References { actor: secret.actor(&self.actor), reason, account: secret.account(self.account) }
    }

    /// Who did it, as it is stored.
    pub fn stored_actor(&self) -> &str {
        self.references.as_ref().map_or(&self.actor, |held| &held.actor)
    }

    /// Why, as it is stored.
    pub fn stored_reason(&self) -> &str {
        self.references.as_ref().map_or(&self.reason, |held| &held.reason)
    }

    /// The customer's account, as it is stored.
    pub fn stored_account(&self) -> u64 {
        self.references.as_ref().map_or(self.account, |held| held.account)
    }

    /// An account of one of its transfers, as it is stored.
    pub(super) fn stored(&self, account: &LedgerAccount) -> String {
        match account {
            LedgerAccount::Debt(of) if *of == self.account => {
                LedgerAccount::Debt(self.stored_account()).to_string()
            }
            other => other.to_string(),
        }
    }

    /// What is to be kept of its persons in words: the reference, and the text. Who buys is known since the contract was opened.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) fn words(&self) -> Vec<(String, String)> {
        let Some(held) = &self.references else { return Vec::new() };
        let mut words = vec![(held.actor.clone(), self.actor.clone())];
        if !self.reason.is_empty() {
            words.push((held.reason.clone(), self.reason.clone()));
        }
        if matches!(
            self.kind,
            Kind::Open | Kind::Adopt | Kind::Recover | Kind::Propose | Kind::Debt | Kind::Papers
        ) {
            words.push((account_word(held.account), self.account.to_string()));
        }
        words.retain(|(reference, text)| reference != text && text != "0");
        words
    }

    /// An entry as it was read, with the words where they are there.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) fn in_words(mut self, [actor, reason, account]: [Option<String>; 3]) -> Self {
        let held =
            References { actor: self.actor.clone(), reason: self.reason.clone(), account: self.account };
        if !is_reference(&held.actor) && held.account < FIRST_REFERENCE {
            return self;
        }
        self.actor = actor.unwrap_or(self.actor);
        self.reason = reason.unwrap_or(self.reason);
        self.account = account.and_then(|account| account.parse().ok()).unwrap_or(self.account);
        for transfer in &mut self.transfers {
            for account in [&mut transfer.debit, &mut transfer.credit] {
                if *account == LedgerAccount::Debt(held.account) {
                    *account = LedgerAccount::Debt(self.account);
                }
            }
        }
        self.references = Some(held);
        self
    }
}

/// Balances with the numbers of the accounts whose debts they are, where `word` still has these.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn debts_in_words(
    mut balances: Vec<AccountBalance>,
    mut word: impl FnMut(String) -> Result<Option<String>, LedgerError>,
) -> Result<Vec<AccountBalance>, LedgerError> {
    for balance in &mut balances {
        if let LedgerAccount::Debt(of) = balance.account {
            let number = word(account_word(of))?.and_then(|number| number.parse().ok());
            balance.account = LedgerAccount::Debt(number.unwrap_or(of));
        }
    }
    balances.sort_by_cached_key(|balance| balance.account.to_string());
    Ok(balances)
}

/// How a reference to an account is written beside its words: as the signed number that its column has.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn account_word(reference: u64) -> String {
    reference.cast_signed().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;

    /// As `tests/reference/persons.py` has them.
    #[test]
    fn references_follow_from_the_secret() {
        let secret = Secret::parse(&[7; 32]).unwrap();
        assert_eq!(secret.actor("mona"), ACTOR);
        assert_eq!(secret.customer("c-1"), CUSTOMER);
        assert_eq!(secret.account(4711), ACCOUNT);
        assert_eq!((secret.actor(ACTOR).as_str(), secret.account(ACCOUNT)), (ACTOR, ACCOUNT));
        assert_eq!((secret.actor("").as_str(), secret.account(0)), ("", 0));
        assert!(secret.account(FIRST_REFERENCE - 1) >= FIRST_REFERENCE);
        assert!(!is_reference("~") && !is_reference("~00112233445566778899AABB") && is_reference(ACTOR));
    }

    const ACTOR: &str = "~84e54431d5213adaf80255f3";
    const CUSTOMER: &str = "~18d645def551e5bac874bbbe";
    const ACCOUNT: u64 = 12_187_636_601_761_769_941;
}
