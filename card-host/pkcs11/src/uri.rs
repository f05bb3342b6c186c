//! Where a token is, as a PKCS #11 URI (RFC 7512).

use percent_encoding::percent_decode_str;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;
use zeroize::Zeroizing;

use crate::token::{Location, Pin};

/// The longest PIN that is read, in bytes.
const MOST: u64 = 256;

/// A token and where its PIN comes from: `pkcs11:token=company?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/run/pin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenUri {
    /// The token.
    pub location: Location,
    /// A file whose first line is the PIN: one of mode 0600, /dev/fd/N, or a credential of systemd's. Without it somebody types it.
    pub pin_source: Option<PathBuf>,
}

/// Why a text is no such URI, or its PIN cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// It begins otherwise.
    #[error("keys in a token are named by pkcs11:token=LABEL?module-path=FILE&pin-source=FILE (RFC 7512)")]
    Scheme,
    /// A part that is needed and not there.
    #[error(
        "the PKCS #11 URI has no {0}: name it, as in pkcs11:token=LABEL?module-path=FILE&pin-source=FILE"
    )]
    Missing(&'static str),
    /// A part that is not known here, so that nothing is taken for granted that does not hold.
    #[error("the PKCS #11 URI has {0:?}, which is not known here: token, module-path and pin-source are")]
    Unknown(String),
    /// A PIN in the URI is seen by every program of the computer.
    #[error(
        "a PIN does not belong into a URI, where every program sees it: put it into a file and name that with pin-source"
    )]
    PinInside,
    /// The file of the PIN cannot be read.
    #[error("the PIN cannot be read from {} ({cause}): name a file that this user can read", path.display())]
    PinSource {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
}

impl FromStr for TokenUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let rest = text.strip_prefix("pkcs11:").ok_or(UriError::Scheme)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut token, mut module, mut pin_source) = (None, None, None);
        let parts = path.split(';').chain(query.split('&')).filter(|part| !part.is_empty());
        for part in parts {
            let (name, value) = part.split_once('=').ok_or_else(|| UriError::Unknown(part.to_owned()))?;
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "token" => token = Some(value),
                "module-path" => module = Some(PathBuf::from(value)),
                "pin-source" => {
                    let path = value.strip_prefix("file:").unwrap_or(&value);
                    pin_source = Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)));
                }
                "pin-value" => return Err(UriError::PinInside),
                _ => return Err(UriError::Unknown(name.to_owned())),
            }
        }
        let module = module.ok_or(UriError::Missing("module-path"))?;
        let token = token.ok_or(UriError::Missing("token"))?;
        Ok(Self { location: Location { module, token }, pin_source })
    }
}

impl TokenUri {
    /// The PIN of its source; `None` where somebody is to type it.
    ///
    /// # Errors
    /// [`UriError::PinSource`] where it cannot be read.
    pub fn pin(&self) -> Result<Option<Pin>, UriError> {
        let Some(path) = &self.pin_source else { return Ok(None) };
        let failed = |cause| UriError::PinSource { path: path.clone(), cause };
        let mut text = Zeroizing::new(String::with_capacity(MOST as usize));
        std::fs::File::open(path).map_err(failed)?.take(MOST).read_to_string(&mut text).map_err(failed)?;
        Ok(Some(Pin::new(text.lines().next().unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_the_standard_writes_is_read() {
        let uri: TokenUri = "pkcs11:token=Delta%20company?module-path=/usr/lib/a.so&pin-source=file:/run/pin"
            .parse()
            .unwrap();
        assert_eq!(uri.location, Location { module: "/usr/lib/a.so".into(), token: "Delta company".into() });
        assert_eq!(uri.pin_source, Some(PathBuf::from("/run/pin")));
        let typed: TokenUri = "pkcs11:token=a?module-path=b".parse().unwrap();
        assert!(typed.pin().unwrap().is_none());
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let error = |text: &str| text.parse::<TokenUri>().unwrap_err();
        assert!(matches!(error("keys.json"), UriError::Scheme));
        assert!(matches!(error("pkcs11:token=a"), UriError::Missing("module-path")));
        assert!(matches!(error("pkcs11:?module-path=b"), UriError::Missing("token")));
        assert!(matches!(error("pkcs11:token=a;slot-id=3?module-path=b"), UriError::Unknown(_)));
        assert!(matches!(error("pkcs11:token=a?module-path=b&pin-value=1234"), UriError::PinInside));
        let gone: TokenUri = "pkcs11:token=a?module-path=b&pin-source=/no/where".parse().unwrap();
        assert!(matches!(gone.pin(), Err(UriError::PinSource { .. })));
    }
}
