//! Makes a blank card a customer's card (specification, section 12), in steps that can each be repeated.
//!
//! [`personalise`] drives all of them and can be called again on a card whose power failed on the way: it looks at what the card
//! has, opens a session with whichever admin key set that is, and does everything once more, which changes only what is missing.

use card_core::access_number::AccessNumber;
use card_core::apdu::StatusWord;
use card_core::id::{CardId, CardRef, Scope, State};
use card_core::key::KeyLength;
use card_core::layout::{CardSummary, PROFILE_SIZE};
use card_core::message::{BindingCertificate, Certificate};
use card_core::platform::{Random, RandomError};
use card_core::role::{HOLDER, INITIAL_ADMIN, KeyVersion, Role};
use card_core::scp03::Mode;
use card_core::scp03::host::HandshakeError;
use card_core::terminal::issue::{self, CardData};
use card_core::terminal::select::SelectError;
use card_core::terminal::session::Session;
use card_core::units::CardTime;

use crate::card::{self, CardError};
use crate::channel::SecureChannel;
use crate::keystore::{CardKey, KeyStore, KeyStoreError};
use crate::operate;
use crate::tlv::KeyInformation;
use crate::transport::Transport;

/// What a card is to become.
#[derive(Debug)]
pub struct Order<'a> {
    /// Company and environment.
    pub scope: Scope,
    /// Card and generation: 1 for a customer's first card.
    pub card: CardRef,
    /// Mode of SCP03.
    pub mode: Mode,
    /// Issuance flags (specification, section 6): 01 = the balance is private.
    pub flags: u8,
    /// When it is issued.
    pub issue_time: CardTime,
    /// When it expires; not set: never.
    pub expiry_time: CardTime,
    /// Customer profile: account, category, language, contracted power, issuer's use.
    pub profile: [u8; PROFILE_SIZE],
    /// The binding that the card serves.
    pub binding: BindingCertificate,
    /// The binding's newest certificate, for this generation.
    pub certificate: Certificate,
    /// The access number that is printed on the card.
    pub access: &'a AccessNumber,
    /// Key version numbers of the keys.
    pub versions: Versions,
}

/// Key version numbers of a card's keys; the holder's is always 41.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// Admin key set, 1v.
    pub admin: KeyVersion,
    /// Vending key set, 2v.
    pub vending: KeyVersion,
    /// Meter key set, 3v with the version of the meter's base key.
    pub meter: KeyVersion,
    /// Load key, 5v.
    pub load: KeyVersion,
    /// Receipt key, 6v.
    pub receipt: KeyVersion,
}

impl Versions {
    /// The store's current ones.
    pub fn current(keys: &dyn KeyStore) -> Result<Self, KeyStoreError> {
        Ok(Self {
            admin: keys.current(Role::Admin)?,
            vending: keys.current(Role::Vending)?,
            meter: keys.current(Role::Meter)?,
            load: keys.current(Role::Load)?,
            receipt: keys.current(Role::Receipt)?,
        })
    }

    const fn of(&self, role: Role) -> KeyVersion {
        match role {
            Role::Admin => self.admin,
            Role::Vending => self.vending,
            Role::Meter => self.meter,
            Role::Load => self.load,
            Role::Receipt => self.receipt,
            _ => HOLDER,
        }
    }
}

impl core::fmt::Display for Step {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::StoreData => f.write_str("customer data"),
            Self::PutKey(role) => write!(f, "{role} keys"),
            Self::Bind => f.write_str("binding to the meter"),
            Self::SetStatus => f.write_str("card complete"),
        }
    }
}

/// A step of personalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// STORE DATA: identity and profile.
    StoreData,
    /// PUT KEY for one role.
    PutKey(Role),
    /// BIND: binding, certificate and meter key set.
    Bind,
    /// SET STATUS: the card is complete.
    SetStatus,
}

impl Step {
    /// All steps in their order. The admin key set is replaced last of the five, so that the initial one serves as long as it can.
    pub const ALL: [Self; 8] = [
        Self::StoreData,
        Self::PutKey(Role::Vending),
        Self::PutKey(Role::Holder),
        Self::PutKey(Role::Load),
        Self::PutKey(Role::Receipt),
        Self::PutKey(Role::Admin),
        Self::Bind,
        Self::SetStatus,
    ];
}

/// Why a card was not personalised. Where it says nothing else, calling [`personalise`] again is safe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersonaliseError {
    /// The card in the reader is another one.
    #[error("this is card {found}, not {expected}: insert the card that the order is for")]
    OtherCard {
        /// The card that the order is for.
        expected: CardId,
        /// The card in the reader.
        found: CardId,
    },
    /// Test and production do not mix.
    #[error("the card is of the {} environment, the order of the {}: use a card of the order's", .card.environment, .order.environment)]
    OtherEnvironment {
        /// The card's scope.
        card: Scope,
        /// The order's.
        order: Scope,
    },
    /// The card is not blank.
    #[error("the card is {0} already, for another order: use a blank card")]
    NotBlank(State),
    /// The card's memory has failed.
    #[error("the card's memory has failed: use another card")]
    MemoryFailure,
    /// Parts of the order do not fit each other.
    #[error("the order contradicts itself in its {0}: this is a mistake in the program that made it")]
    Order(&'static str),
    /// A step failed.
    #[error("{step:?}: {error}")]
    Step {
        /// Which.
        step: Step,
        /// Why.
        error: CardError,
    },
    /// The card answered to PUT KEY with other check values.
    #[error("the card did not store the {0} keys as they were sent: use another card")]
    CheckValues(Role),
    /// Talking to the card.
    #[error(transparent)]
    Card(CardError),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
}

impl From<CardError> for PersonaliseError {
    fn from(error: CardError) -> Self {
        match error {
            // It is not in use yet: nothing is lost with it.
            CardError::Unusable(SelectError::MemoryFailed { .. }) => Self::MemoryFailure,
            error => Self::Card(error),
        }
    }
}

impl Order<'_> {
    fn check(&self) -> Result<(), PersonaliseError> {
        let wrong = |what| Err(PersonaliseError::Order(what));
        if self.card.generation == 0 {
            return wrong("generation");
        }
        if self.certificate.generation != self.card.generation {
            return wrong("certificate's generation");
        }
        if self.certificate.binding != self.binding.binding {
            return wrong("bindings");
        }
        let roles = [Role::Admin, Role::Vending, Role::Meter, Role::Load, Role::Receipt];
        for role in roles {
            let version = self.versions.of(role);
            if !version.is_of(role) {
                return wrong("key versions");
            }
        }
        Ok(())
    }

    const fn card_data(&self) -> CardData {
        CardData {
            scope: self.scope,
            generation: self.card.generation,
            mode: self.mode,
            flags: self.flags,
            issue_time: self.issue_time,
            expiry_time: self.expiry_time,
            profile: self.profile,
        }
    }

    const fn key(&self, role: Role) -> CardKey {
        CardKey {
            scope: self.scope,
            version: self.versions.of(role),
            card: self.card,
            meter: Some(self.binding.binding.meter),
            initial_length: None,
        }
    }
}

/// How it came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The card was blank, or half done, and is complete now.
    Done,
    /// The card was complete for this very order before, and authenticated as such; only the holder's keys are new.
    AlreadyDone,
}

/// Draws an access number.
pub fn new_access_number(random: &mut dyn Random) -> Result<AccessNumber, RandomError> {
    let mut bits = zeroize::Zeroizing::new([0; 10]);
    random.fill(&mut *bits)?;
    Ok(AccessNumber::new(*bits))
}

/// SELECT of a card that is to be personalised.
pub fn select(transport: &mut impl Transport) -> Result<CardSummary, PersonaliseError> {
    Ok(card::select(transport)?)
}

/// Personalises the card behind `transport`. `progress` hears of each step before it is done, where somebody looks.
///
/// A card is refused where it is another one than the order's, of another environment, or complete for another order. Calling
/// this again after any failure is safe and goes on where the card stands.
pub fn personalise(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
    order: &Order<'_>,
    random: &mut impl Random,
    mut progress: Option<&mut dyn FnMut(Step)>,
) -> Result<Outcome, PersonaliseError> {
    order.check()?;
    let summary = select(transport)?;
    if summary.card.id != order.card.id {
        return Err(PersonaliseError::OtherCard { expected: order.card.id, found: summary.card.id });
    }
    if summary.scope.environment != order.scope.environment {
        return Err(PersonaliseError::OtherEnvironment { card: summary.scope, order: order.scope });
    }
    let same = summary.card == order.card && summary.scope == order.scope;
    match summary.state.ok_or(PersonaliseError::MemoryFailure)? {
        State::Blank => {}
        State::Personalised if same => {
            let mut channel = open(transport, keys, &summary, random)?;
            // The access number of the run before may never have been shown: from now on the order's holds.
            let present = present(&mut channel)?;
            perform(&mut channel, Step::PutKey(Role::Holder), order, keys, &present)?;
            return Ok(Outcome::AlreadyDone);
        }
        state => return Err(PersonaliseError::NotBlank(state)),
    }
    let mut channel = open(transport, keys, &summary, random)?;
    let present = present(&mut channel)?;
    for step in Step::ALL {
        if let Some(progress) = &mut progress {
            progress(step);
        }
        perform(&mut channel, step, order, keys, &present)?;
    }
    Ok(Outcome::Done)
}

/// The keys that the card has: PUT KEY names what it replaces.
fn present<T: Transport>(channel: &mut SecureChannel<'_, T>) -> Result<KeyInformation, PersonaliseError> {
    Ok(KeyInformation::parse(&channel.ask(&card::KEY_INFORMATION)?).map_err(CardError::from)?)
}

fn perform<T: Transport>(
    channel: &mut SecureChannel<'_, T>,
    step: Step,
    order: &Order<'_>,
    keys: &dyn KeyStore,
    present: &KeyInformation,
) -> Result<(), PersonaliseError> {
    let done = match step {
        Step::StoreData => channel.ask(&issue::store_data(&order.card_data().emit())),
        Step::PutKey(role) => {
            let session = channel.session();
            let wrapped = match role {
                Role::Holder => keys.wrapped_holder_keys(order.scope, order.card, order.access, session)?,
                _ => keys.wrapped_keys(&order.key(role), session)?,
            };
            let replaced = present.version(role).unwrap_or(KeyVersion::NONE);
            match channel.ask(&issue::put_key(replaced, role, &wrapped.data)) {
                Ok(answer) if answer.as_slice() != wrapped.answer => {
                    return Err(PersonaliseError::CheckValues(role));
                }
                answer => answer.map(drop),
            }
        }
        Step::Bind => {
            let wrapped = keys.wrapped_keys(&order.key(Role::Meter), channel.session())?;
            operate::bind(channel, &order.binding, &order.certificate, &wrapped)
        }
        Step::SetStatus => channel.ask(&issue::set_status(State::Personalised)),
    };
    done.map_err(|error| PersonaliseError::Step { step, error })
}

/// A session with the initial admin key set or, where the card has it no more, the issued one.
fn open<'t, T: Transport>(
    transport: &'t mut T,
    keys: &dyn KeyStore,
    summary: &CardSummary,
    random: &mut impl Random,
) -> Result<SecureChannel<'t, T>, PersonaliseError> {
    let present = card::key_information(transport)?;
    let admin = present.keys.iter().find(|key| key.version.role() == Some(Role::Admin));
    let length = admin.and_then(|key| KeyLength::from_bytes(key.length.into()));
    let key = |version, initial_length| CardKey {
        scope: summary.scope,
        version,
        card: summary.card,
        meter: None,
        initial_length,
    };
    let issued = present.version(Role::Admin).filter(|version| *version != INITIAL_ADMIN);
    if issued.is_none() || summary.state == Some(State::Blank) {
        // Opened once to see whether the card takes it, because a borrow cannot be given back.
        let first = key(INITIAL_ADMIN, length);
        match try_open(transport, keys, &first, random) {
            Ok(session) => return Ok(SecureChannel::resume(transport, session)),
            Err(error) if issued.is_none() || !is_other_key(&error) => return Err(error),
            Err(_) => {}
        }
    }
    let version = issued.unwrap_or(INITIAL_ADMIN);
    let session = try_open(transport, keys, &key(version, None), random)?;
    Ok(SecureChannel::resume(transport, session))
}

fn try_open(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
    key: &CardKey,
    random: &mut impl Random,
) -> Result<Session, PersonaliseError> {
    let channel = SecureChannel::open(transport, key.version, random, |challenge, level| {
        keys.authenticate(key, challenge, level).map_err(PersonaliseError::from)
    })?;
    Ok(channel.into_session())
}

/// Whether a card has only refused this key set, so that another may fit.
fn is_other_key(error: &PersonaliseError) -> bool {
    matches!(
        error,
        PersonaliseError::Card(CardError::Refused {
            status: StatusWord::DATA_NOT_FOUND | StatusWord::AUTHENTICATION_FAILED,
            ..
        }) | PersonaliseError::Keys(KeyStoreError::Handshake(
            HandshakeError::WrongCryptogram | HandshakeError::WrongKeyVersion { .. }
        ))
    )
}
