//! A token: its sessions, and the keys in it by their labels.

use card_core::platform::Block;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};

/// Which token: the library of its maker, and the label that it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Path of the PKCS#11 library.
    pub module: PathBuf,
    /// Label of the token.
    pub token: String,
}

/// A user's PIN. Wiped when dropped, never shown.
#[derive(Debug)]
pub struct Pin(AuthPin);

impl Pin {
    /// This one.
    pub fn new(pin: &str) -> Self {
        Self(AuthPin::new(pin.into()))
    }
}

/// Why a token did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The library cannot be used.
    #[error("the PKCS#11 library {} cannot be used ({cause}): name the one of the token's maker", path.display())]
    Module {
        /// Its path.
        path: PathBuf,
        /// Why.
        cause: Error,
    },
    /// There is no token of that name.
    #[error(
        "there is no token {wanted:?}, but {there}: name one that is there, and see that it is plugged in"
    )]
    NoToken {
        /// The label that was asked for.
        wanted: String,
        /// Labels of those that are there.
        there: String,
    },
    /// It cannot compute what is needed.
    #[error("the token has no mechanism CKM_AES_CMAC: it cannot hold these keys")]
    NoCmac,
    /// The PIN is wrong.
    #[error("the token refuses the PIN: give the user's, and mind that a few wrong ones lock it")]
    Pin,
    /// There are keys already.
    #[error("the token holds keys of this program already ({0}): open them, or take another token")]
    Founded(String),
    /// There are none.
    #[error("the token holds no {0}: found its keys first, or take the token that has them")]
    Missing(String),
    /// A key is there twice, so nobody can say which is meant.
    #[error("the token holds {0} twice: somebody has added one; have its custodians remove the wrong one")]
    Twice(String),
    /// The token refuses.
    #[error("the token refuses: {0}")]
    Refused(#[from] Error),
    /// An answer of the token that is none.
    #[error("the token answered a CMAC that is not 16 bytes")]
    Answer,
}

/// A token that somebody has logged in to.
pub(crate) struct Token {
    /// Label, maker and serial number.
    pub(crate) place: String,
    library: Pkcs11,
    slot: Slot,
    pin: Pin,
    /// Sessions that nobody uses now.
    idle: Mutex<Vec<Session>>,
    /// Keys that were found, until a session is lost: handles may be others then.
    found: RwLock<BTreeMap<String, ObjectHandle>>,
}

impl Token {
    pub(crate) fn open(location: &Location, pin: Pin) -> Result<Self, TokenError> {
        let library = load(location)?;
        let mut there = Vec::new();
        let mut slot = None;
        for each in library.get_slots_with_initialized_token()? {
            let info = library.get_token_info(each)?;
            let label = info.label().to_owned();
            if label == location.token {
                let (maker, number) = (info.manufacturer_id().trim(), info.serial_number().trim());
                slot = Some((each, format!("{label}, {maker}, {number}")));
            }
            there.push(label);
        }
        let there = || if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        let (slot, place) =
            slot.ok_or_else(|| TokenError::NoToken { wanted: location.token.clone(), there: there() })?;
        if !library.get_mechanism_list(slot)?.contains(&MechanismType::AES_CMAC) {
            return Err(TokenError::NoCmac);
        }
        let (idle, found) = (Mutex::default(), RwLock::default());
        let token = Self { place, library, slot, pin, idle, found };
        let session = token.session()?;
        token.give_back(session);
        Ok(token)
    }

    /// CMAC (SP 800-38B) under the key of this label.
    pub(crate) fn cmac(&self, label: &str, message: &[u8]) -> Result<Block, TokenError> {
        let mac = self.with_session(|session| {
            let key = self.find(session, label)?;
            Ok(session.sign(&Mechanism::AesCMac, key, message)?)
        })?;
        mac.try_into().map_err(|_| TokenError::Answer)
    }

    /// Whether there is a key of this label.
    pub(crate) fn holds(&self, label: &str) -> Result<bool, TokenError> {
        match self.with_session(|session| self.find(session, label)) {
            Ok(_) => Ok(true),
            Err(TokenError::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Draws a key inside the token. Nothing ever shows it.
    pub(crate) fn draw(&self, label: &str) -> Result<(), TokenError> {
        let mut template = attributes(label);
        template.push(Attribute::ValueLen(32.into()));
        self.with_session(|session| {
            session.generate_key(&Mechanism::AesKeyGen, &template)?;
            Ok(())
        })
    }

    /// Puts a key that comes from elsewhere, that of blank cards, beside them.
    pub(crate) fn put(&self, label: &str, key: &[u8]) -> Result<(), TokenError> {
        let mut template = attributes(label);
        template.push(Attribute::Class(ObjectClass::SECRET_KEY));
        template.push(Attribute::KeyType(KeyType::AES));
        template.push(Attribute::Value(key.to_vec()));
        self.with_session(|session| {
            session.create_object(&template)?;
            Ok(())
        })
    }

    /// The same in the place of one that is there.
    pub(crate) fn replace(&self, label: &str, key: &[u8]) -> Result<(), TokenError> {
        match self.with_session(|session| Ok(session.destroy_object(self.find(session, label)?)?)) {
            Ok(()) | Err(TokenError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
        self.found.write().unwrap_or_else(PoisonError::into_inner).remove(label);
        self.put(label, key)
    }

    fn find(&self, session: &Session, label: &str) -> Result<ObjectHandle, TokenError> {
        let known = self.found.read().unwrap_or_else(PoisonError::into_inner).get(label).copied();
        if let Some(key) = known {
            return Ok(key);
        }
        let wanted = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(label.into())];
        let key = match session.find_objects(&wanted)?.as_slice() {
            [] => return Err(TokenError::Missing(label.to_owned())),
            [key] => *key,
            _ => return Err(TokenError::Twice(label.to_owned())),
        };
        self.found.write().unwrap_or_else(PoisonError::into_inner).insert(label.to_owned(), key);
        Ok(key)
    }

    /// Asks in a session. Where the token has lost it, once more in a new one: what is asked here may be asked twice, but for a key
    /// that is drawn, which is then there twice and named so.
    fn with_session<T>(&self, ask: impl Fn(&Session) -> Result<T, TokenError>) -> Result<T, TokenError> {
        let session = self.session()?;
        let answer = match ask(&session) {
            Err(TokenError::Refused(error)) if is_lost(&error) => {
                drop(session);
                self.forget();
                let session = self.session()?;
                let answer = ask(&session);
                self.give_back(session);
                return answer;
            }
            answer => answer,
        };
        self.give_back(session);
        answer
    }

    /// One that nobody uses, or a new one that is logged in.
    fn session(&self) -> Result<Session, TokenError> {
        if let Some(session) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(session);
        }
        let session = self.library.open_rw_session(self.slot)?;
        match session.login(UserType::User, Some(&self.pin.0)) {
            // All sessions of a program are logged in together.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinLocked | RvError::PinLenRange, _)) => {
                Err(TokenError::Pin)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn give_back(&self, session: Session) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }

    /// All that was known of sessions that are lost.
    fn forget(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.found.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Libraries of this process: each is initialised once, however many stores use it.
static LIBRARIES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

fn load(location: &Location) -> Result<Pkcs11, TokenError> {
    let mut libraries = LIBRARIES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(library) = libraries.get(&location.module) {
        return Ok(library.clone());
    }
    let unusable = |cause| TokenError::Module { path: location.module.clone(), cause };
    let library = Pkcs11::new(&location.module).map_err(unusable)?;
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // By another part of the program.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(cause) => return Err(unusable(cause)),
    }
    libraries.insert(location.module.clone(), library.clone());
    Ok(library)
}

/// Of every master: it stays in the token, is never shown, and only signs.
fn attributes(label: &str) -> Vec<Attribute> {
    vec![
        Attribute::Label(label.into()),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
    ]
}

/// Whether the session, or all of them, have ended.
const fn is_lost(error: &Error) -> bool {
    use RvError::{
        CryptokiNotInitialized, DeviceError, DeviceRemoved, KeyHandleInvalid, ObjectHandleInvalid,
        SessionClosed, SessionHandleInvalid, TokenNotPresent, UserNotLoggedIn,
    };
    matches!(
        error,
        Error::Pkcs11(
            SessionHandleInvalid
                | SessionClosed
                | UserNotLoggedIn
                | KeyHandleInvalid
                | ObjectHandleInvalid
                | DeviceError
                | DeviceRemoved
                | TokenNotPresent
                | CryptokiNotInitialized,
            _
        )
    )
}
