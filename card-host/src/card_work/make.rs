//! Making a blank card the card of a binding.

use card_core::access_number::AccessNumber;
use card_core::id::{CardRef, Company, Environment, Scope, State};
use card_core::layout::{CardSummary, PROFILE_SIZE};
use card_core::message::{BindingCertificate, Certificate};
use card_core::role::KeyVersion;
use card_core::scp03::Mode;
use card_core::units::CardTime;

use super::error::CardWorkError;
use crate::issuer::BindingAccount;
use crate::keystore::KeyStore;
use crate::personalise::{self, PersonaliseError, Step, Versions, personalise};
use crate::random::OsRandom;
use crate::transport::Transport;

/// Company and environment of what is made for development: company 1, test.
pub const fn development_scope() -> Scope {
    Scope { company: Company(1), environment: Environment::Test }
}

/// What a card is to be like.
#[derive(Debug, Clone, Copy)]
pub struct CardChoice {
    /// Mode of SCP03.
    pub mode: Mode,
    /// Whether only a session shows the balance.
    pub private_balance: bool,
    /// Whether another customer's open binding of the same meter is to be closed by this one. Its customer can load nothing any more.
    pub closes_former: bool,
}

/// What most cards are like: the balance is public, and nobody's binding is closed.
impl Default for CardChoice {
    fn default() -> Self {
        Self { mode: Mode::S8, private_balance: false, closes_former: false }
    }
}

/// A card was issued.
#[derive(Debug)]
pub struct Issued {
    /// The binding that it serves.
    pub account: BindingAccount,
    /// What is printed on it. It is kept nowhere, and the same as long as the card is not in use: nothing where it is.
    pub access: Option<AccessNumber>,
    /// The card that it replaces.
    pub replaces: Option<CardRef>,
}

/// What is put on a card at its issue.
pub struct Papers {
    /// Which meter it serves.
    pub binding: BindingCertificate,
    /// What it begins with.
    pub certificate: Certificate,
    /// The account in the customer's profile; 0 where the card is no customer's.
    pub profile: u64,
    /// When it is issued.
    pub issue_time: CardTime,
    /// The meter key set, 3v: of the version of the base key that the meter has.
    pub meter_key: KeyVersion,
}

/// A blank card of the right environment.
pub fn blank(scope: Scope, summary: &CardSummary) -> Result<(), CardWorkError> {
    if summary.scope.environment != scope.environment {
        return Err(PersonaliseError::OtherEnvironment { card: summary.scope, order: scope }.into());
    }
    match summary.state {
        Some(State::Blank) => Ok(()),
        Some(state) => Err(PersonaliseError::NotBlank(state).into()),
        None => Err(PersonaliseError::MemoryFailure.into()),
    }
}

/// A card that an issue which was torn has left behind: not in use yet.
pub fn unused(summary: &CardSummary, held: &BindingAccount) -> Result<(), CardWorkError> {
    match summary.state {
        Some(State::Blank | State::Personalised) => Ok(()),
        Some(_) => Err(CardWorkError::AlreadyIssued { card: summary.card.id, meter: held.binding.meter }),
        None => Err(PersonaliseError::MemoryFailure.into()),
    }
}

/// Makes the card behind `transport` the card of `held`, and gives the number that is printed on it.
pub fn make(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
    held: &BindingAccount,
    papers: Papers,
    choice: CardChoice,
    progress: Option<&mut dyn FnMut(Step)>,
) -> Result<AccessNumber, CardWorkError> {
    let versions = Versions { load: held.load_key, meter: papers.meter_key, ..Versions::current(keys)? };
    let access = keys.access_number(held.scope, versions.vending, held.card)?;
    let order = personalise::Order {
        scope: held.scope,
        card: held.card,
        mode: choice.mode,
        flags: u8::from(choice.private_balance),
        issue_time: papers.issue_time,
        expiry_time: CardTime::UNSET,
        profile: profile(papers.profile),
        binding: papers.binding,
        certificate: papers.certificate,
        access: &access,
        versions,
    };
    personalise(transport, keys, &order, &mut OsRandom, progress)?;
    Ok(access)
}

fn profile(account: u64) -> [u8; PROFILE_SIZE] {
    let mut profile = [0; PROFILE_SIZE];
    for (to, from) in profile.iter_mut().zip(account.to_be_bytes()) {
        *to = from;
    }
    profile
}
