//! Who works for the company: each with a name that is one person's, a secret that is known to that person alone, and powers
//! (docs/ledger.md, section 5).

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use card_core::platform::Random;
use card_host::issuer::Clock;
use card_host::keystore::{KeyStore, KeyStoreError};
use card_host::random::OsRandom;
use serde_json::{Value, json};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::answers::{ANSWER, with_answer};
use super::entry::{EntryId, Kind, Step};
use super::error::{LedgerError, Refusal};
use super::names::{COMPANY, OFFICE, PointCode, RequestId, is_invisible};
use super::office::{Office, Who, draft};
use super::policy::Policy;
use super::powers::{Power, Powers};
use super::records::{Head, Staff};
use super::second::{self, Agreed, agreed_or_alone, alone, identity};
use super::secret::Secret;

use super::store::{Ledger, read};

/// The name of a person, as it is entered and shown: composed characters, one space between words.
///
/// It has no characters that nobody sees or that turn the order of others, so it can be shown as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffName(String);

/// A text names no person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name: it has letters or digits, 1 to {most} characters on one line, and none that cannot be seen",
    most = Who::ACTOR
)]
pub struct NoName(String);

impl StaffName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is the same of all spellings of it.
    pub fn identity(&self) -> String {
        identity(&self.0)
    }
}

impl FromStr for StaffName {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Self, NoName> {
        let composed: String = text.nfkc().collect();
        let name = composed.split_whitespace().collect::<Vec<_>>().join(" ");
        let seen = Who::is_actor(&name) && !name.chars().any(hidden);
        // A line that ends within a name is no space between words.
        let one_line = !text.trim().chars().any(char::is_control);
        if seen && one_line && !identity(&name).is_empty() {
            return Ok(Self(name));
        }
        Err(NoName(text.chars().take(80).collect()))
    }
}

/// Shows nothing by itself. What joins letters or keeps them apart is seen in the letters.
fn hidden(c: char) -> bool {
    is_invisible(c) && !matches!(c, '\u{200C}' | '\u{200D}')
}

impl fmt::Display for StaffName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The secret of a member of staff: 128 bits, as 32 hexadecimal digits in groups of 4.
pub struct StaffSecret(Zeroizing<String>);

impl fmt::Debug for StaffSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaffSecret(..)")
    }
}

impl StaffSecret {
    /// A new one.
    pub fn generate() -> Result<Self, LedgerError> {
        let mut bytes = Zeroizing::new([0; 16]);
        OsRandom.fill(&mut *bytes).map_err(KeyStoreError::from)?;
        Ok(Self::grouped(&Zeroizing::new(hex::encode(*bytes))))
    }

    /// One that was typed or read: case, spaces and signs between the digits are nothing. `None`: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut digits = Zeroizing::new(String::with_capacity(32));
        for digit in text.chars().filter(|digit| !digit.is_whitespace() && *digit != '-') {
            if !digit.is_ascii_hexdigit() || digits.len() == 32 {
                return None;
            }
            digits.push(digit.to_ascii_lowercase());
        }
        (digits.len() == 32).then(|| Self::grouped(&digits))
    }

    /// As it is shown once, to its person.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn grouped(digits: &str) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(40));
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && place % 4 == 0 {
                text.push('-');
            }
            text.push(digit);
        }
        Self(text)
    }

    /// As it is kept.
    fn hashed(&self) -> Result<String, LedgerError> {
        let hash = Argon2::default().hash_password(self.0.as_bytes());
        let failed = |error| Refusal::Invalid(format!("no secret can be made here: {error}"));
        Ok(hash.map_err(failed)?.to_string())
    }

    fn is(&self, hash: &str) -> bool {
        PasswordHash::new(hash)
            .is_ok_and(|hash| Argon2::default().verify_password(self.0.as_bytes(), &hash).is_ok())
    }
}

/// What is to become of a member of staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaffChange {
    /// A new one, with these powers.
    Add(Powers),
    /// Other powers.
    May(Powers),
    /// A new secret; somebody who was stopped works again.
    Renew,
    /// May do nothing any more.
    Stop,
}

impl StaffChange {
    const fn code(self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::May(_) => "may",
            Self::Renew => "renew",
            Self::Stop => "stop",
        }
    }

    /// Whether it needs another secret.
    const fn is_secret(self) -> bool {
        matches!(self, Self::Add(_) | Self::Renew)
    }
}

impl Office {
    /// Begins a ledger like [`found`](Self::found), in which nobody acts without a secret. Its first member of staff may do everything, and
    /// has `secret`.
    pub fn found_with_staff(
        ledger: Arc<dyn Ledger>,
        keys: Arc<dyn KeyStore>,
        clock: impl Clock + 'static,
        first: &StaffName,
        secret: &StaffSecret,
        rules: &Policy,
    ) -> Result<Self, LedgerError> {
        let first = Staff {
            identity: first.identity(),
            name: first.to_string(),
            may: Powers::ALL,
            secret: secret.hashed()?,
            stopped: false,
        };
        Self::begun(ledger, keys, clock, &first.name.clone(), Some(first), rules)
    }

    /// Whether the user of the operating system is enough to act here: the ledger was founded for one user.
    pub fn is_single_user(&self) -> Result<bool, LedgerError> {
        let first = EntryId { point: OFFICE.parse()?, number: 1 };
        let entry = read(self.ledger(), |t| t.entry(&first))?;
        // By the entry, which nobody can take away unseen.
        let founded = entry.and_then(|entry| serde_json::from_slice::<Value>(&entry.payload).ok());
        Ok(founded.is_some_and(|founded| founded.pointer("/founded/staff").is_none()))
    }

    /// All members of staff, also those that were stopped.
    pub fn staff(&self) -> Result<Vec<Staff>, LedgerError> {
        read(self.ledger(), |t| t.staff())
    }

    /// The member of staff with this name and secret, at a vending point of the company.
    pub fn authenticated(
        &self,
        name: &StaffName,
        secret: &StaffSecret,
        point: PointCode,
    ) -> Result<Who, LedgerError> {
        let named = name.identity();
        let member = self.staff()?.into_iter().find(|member| member.identity == named);
        let member = member.filter(|member| secret.is(&member.secret) && !member.stopped);
        let Some(member) = member else {
            return Err(Refusal::NotStaff(name.to_string()).into());
        };
        Ok(Who { party: COMPANY.parse()?, point, actor: member.name, may: member.may })
    }

    /// Enters a member of staff, or what becomes of one; `secret` is needed for a new one and for a new secret. Gives the member as it stands
    /// then; repeated, the same.
    ///
    /// Powers and secrets are given by two people once another member of staff may approve: asked for the first time it is entered and refused
    /// ([`Refusal::SecondPerson`]); once another one has agreed, the same again does it. One person is enough to stop somebody.
    pub fn set_staff(
        &self,
        who: &Who,
        id: &RequestId,
        name: &StaffName,
        change: StaffChange,
        secret: Option<&StaffSecret>,
    ) -> Result<Staff, LedgerError> {
        let (request, who) = (self.companys(who, id, Power::Settings)?, &who.at_office()?);
        if self.is_single_user()? {
            return Err(Refusal::SingleUser.into());
        }
        let hash = match secret.filter(|_| change.is_secret()) {
            Some(secret) => secret.hashed()?,
            None => String::new(),
        };
        let may = match change {
            StaffChange::Add(may) | StaffChange::May(may) => Some(may),
            StaffChange::Renew | StaffChange::Stop => None,
        };
        let document =
            json!({ "staff": self.secret().actor(name.as_str()), "change": change.code(), "may": may });
        let payload = second::asked("staff", document.to_string());
        let out = self.step(|t| {
            alone(t)?;
            let (context, mut point, _) = self.context(t, who, &request, None)?;
            let agreed = agreed_or_alone(t, &request, &context.steps, &payload)?;
            if let Agreed::Done(entry) = agreed {
                let staff = staff_of(&entry.payload).filter(|(asked, _)| *asked == document);
                let (_, member) = staff.ok_or_else(|| Refusal::OtherRequest(id.clone()))?;
                // Its entry has the name by reference.
                let there = t.staff()?.into_iter().find(|there| there.identity == name.identity());
                let named = there.map_or_else(|| name.to_string(), |there| there.name);
                let member = Staff { identity: name.identity(), name: named, ..member };
                if change.is_secret() && !secret.is_some_and(|secret| secret.is(&member.secret)) {
                    return Err(Refusal::SecretGone(member.name).into());
                }
                return Ok(Some(member));
            }
            let all = t.staff()?;
            let held = all.iter().find(|member| member.identity == name.identity());
            let member = changed(held, name, change, &hash)?;
            let two = !matches!(change, StaffChange::Stop) && others_approve(&all, &who.actor);
            let mut entry = draft(who, &request, Step::First, Kind::Settings, self.now()?);
            if two {
                entry.reason = format!("staff: {} {}", change.code(), member.name);
                if matches!(agreed, Agreed::No) {
                    return self.ask(t, &mut point, entry, &payload).map(|()| None);
                }
                entry.step = Step::Settled;
            }
            if change.is_secret() && hash.is_empty() {
                return Err(Refusal::Invalid("a member of staff has a secret".to_owned()).into());
            }
            entry.payload = with_answer(&document, &answer(&member, self.secret()));
            self.book(t, &mut point, entry, &[Head::Staff(member.clone())])?;
            Ok(Some(member))
        })?;
        second::done(out, &request)
    }
}

/// Whether powers are given by two people: somebody else is there who may approve.
pub(super) fn others_approve<'a>(all: impl IntoIterator<Item = &'a Staff>, actor: &str) -> bool {
    let own = identity(actor);
    all.into_iter().any(|member| !member.stopped && member.may.has(Power::Approve) && member.identity != own)
}

fn changed(
    held: Option<&Staff>,
    name: &StaffName,
    change: StaffChange,
    hash: &str,
) -> Result<Staff, Refusal> {
    let held = match (held, change) {
        (None, StaffChange::Add(may)) => {
            return Ok(Staff {
                identity: name.identity(),
                name: name.to_string(),
                may,
                secret: hash.to_owned(),
                stopped: false,
            });
        }
        (Some(held), StaffChange::Add(_)) => return Err(Refusal::StaffThere(held.name.clone())),
        (None, _) => return Err(Refusal::NoStaff(name.to_string())),
        (Some(held), _) => held.clone(),
    };
    Ok(match change {
        StaffChange::Add(may) | StaffChange::May(may) => Staff { may, ..held },
        StaffChange::Renew => Staff { secret: hash.to_owned(), stopped: false, ..held },
        StaffChange::Stop => Staff { stopped: true, ..held },
    })
}

/// How a member of staff stands, in an entry.
pub(super) fn answer(member: &Staff, secret: &Secret) -> Value {
    json!({ "name": secret.actor(&member.name), "may": member.may, "secret": member.secret, "stopped": member.stopped })
}

/// The member of staff that such an answer says.
pub(super) fn answered(answer: &Value) -> Option<Staff> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    let name: StaffName = text("name")?.parse().ok()?;
    Some(Staff {
        identity: name.identity(),
        name: name.to_string(),
        may: text("may")?.parse().ok()?,
        secret: text("secret")?.to_owned(),
        stopped: answer.get("stopped")?.as_bool()?,
    })
}

/// What was asked for in an entry about staff, and how the member stood then.
fn staff_of(payload: &[u8]) -> Option<(Value, Staff)> {
    let mut document: Value = serde_json::from_slice(payload).ok()?;
    let answer = document.as_object_mut()?.remove(ANSWER)?;
    Some((document, answered(&answer)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_name_are_one_name() {
        for text in ["root ", " root", "root\u{a0}", "\u{ff52}oot"] {
            assert_eq!(text.parse::<StaffName>().unwrap().as_str(), "root", "{text:?}");
        }
        assert_eq!("Mona  \u{2003}Aly".parse::<StaffName>().unwrap().as_str(), "Mona Aly");
        let same = |one: &str, other: &str| {
            one.parse::<StaffName>().unwrap().identity() == other.parse::<StaffName>().unwrap().identity()
        };
        assert!(same("Mona Aly", "mona aly") && same("m\u{f3}na", "MO\u{301}NA"));
        assert!(!same("mona", "tarek"));
    }

    #[test]
    fn what_nobody_can_see_or_read_is_no_name() {
        for text in [
            "",
            "  ",
            "-",
            "a\nb",
            "a\tb",
            "a\u{202e}b",
            "a\u{200b}b",
            "\u{7}",
            "\u{1b}[31m",
            &"x".repeat(65),
        ] {
            assert!(text.parse::<StaffName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_secret_is_read_as_it_is_typed() {
        let secret = StaffSecret::generate().unwrap();
        let typed = format!(" {}\n", secret.as_str().replace('-', " ").to_uppercase());
        let hash = secret.hashed().unwrap();
        assert!(StaffSecret::parse(&typed).unwrap().is(&hash));
        assert!(!StaffSecret::generate().unwrap().is(&hash));
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        for text in ["", "12", "g123-4567-89ab-cdef-0123-4567-89ab-cdef", &format!("{}0", secret.as_str())] {
            assert!(StaffSecret::parse(text).is_none(), "{text:?}");
        }
        assert_eq!(format!("{secret:?}"), "StaffSecret(..)");
    }
}
