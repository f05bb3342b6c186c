//! What names a person: entries have a reference in its place, and the words stand in a table of their own, from which they can be taken away
//! (docs/ledger.md, section 4).

use super::secret::Secret;

/// What an entry says of persons as it is stored, hashed and exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct References {
    /// Of who did it.
    pub actor: String,
    /// Of why; empty where nothing is said.
    pub reason: String,
    /// Of the customer's account: [`FIRST_REFERENCE`] or above; 0 where none is meant.
    pub account: u64,
}

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

    /// The reference to why something was done, of an entry: reasons are told apart by their entries, so that one can be taken away without
    /// others.
    pub(super) fn reason(&self, place: &str, reason: &str) -> String {
        if reason.is_empty() || is_reference(reason) {
            return reason.to_owned();
        }
        self.reference(b"EGLEDGER reason v1", &format!("{place}\0{reason}"))
    }

    fn reference(&self, label: &[u8], text: &str) -> String {
        if text.is_empty() || is_reference(text) {
            return text.to_owned();
        }
        let mac = self.mac_of(label, text);
        format!("~{}", hex::encode(mac.first_chunk::<12>().unwrap_or(&[0; 12])))
    }
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
