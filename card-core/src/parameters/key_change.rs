//! New keys for a meter, slot 0A (docs/meter.md, section 9).

use zeroize::Zeroize;

use super::{ParameterError, formatted};
use crate::bytes::{Buffer, Reader};
use crate::id::Scope;
use crate::key::{AesKey, KeyLength};
use crate::key_wrap;
use crate::message::{FORMAT, written};
use crate::platform::Engine;
use crate::role::{KeyVersion, Role};

/// Most keys of one role: MAC, ENC and receipt of role 9.
const MAX_KEYS: usize = 3;
/// What is wrapped before the keys.
const HEAD: usize = 8;
/// What is wrapped, at most.
const MAX_INNER: usize = HEAD + MAX_KEYS * 32;
/// The same, wrapped.
const MAX_WRAPPED: usize = MAX_INNER + key_wrap::OVERHEAD;

const _: () = assert!(MAX_INNER <= key_wrap::MAX_PLAIN);

/// New keys of one role of a meter (docs/meter.md, section 9). Wiped when dropped; not `Clone`; `Debug` shows lengths only.
#[derive(Debug)]
pub struct NewKeys {
    version: KeyVersion,
    keys: [Option<AesKey>; MAX_KEYS],
}

impl NewKeys {
    /// The keys of key version number `version`, without a gap: one of roles 7, A and B; MAC and ENC of role 8; MAC, ENC and
    /// receipt of role 9. All have 16 bytes, or all 32.
    pub fn new(version: KeyVersion, keys: [Option<AesKey>; 3]) -> Result<Self, ParameterError> {
        let count = key_count(version).ok_or(ParameterError::KeyVersion)?;
        let [first, ..] = &keys;
        let length = first.as_ref().ok_or(ParameterError::KeyCount)?.length();
        if length == KeyLength::Aes192 {
            return Err(ParameterError::KeyLength);
        }
        for (index, key) in keys.iter().enumerate() {
            if key.is_some() != (index < count) {
                return Err(ParameterError::KeyCount);
            }
            if key.as_ref().is_some_and(|key| key.length() != length) {
                return Err(ParameterError::KeyLength);
            }
        }
        Ok(Self { version, keys })
    }

    /// Key version number: role 7, 8, 9, A or B, and version of the master.
    pub const fn version(&self) -> KeyVersion {
        self.version
    }

    /// The keys in their order: MAC, ENC, receipt where there are several.
    pub fn keys(&self) -> impl Iterator<Item = &AesKey> {
        self.keys.iter().flatten()
    }

    fn emit(&self, scope: Scope) -> Result<Inner, ParameterError> {
        let [first, ..] = &self.keys;
        let length = first.as_ref().ok_or(ParameterError::KeyCount)?.length();
        let length = u8::try_from(length.bytes()).map_err(|_| ParameterError::KeyLength)?;
        let count = u8::try_from(self.keys().count()).map_err(|_| ParameterError::KeyCount)?;
        let mut inner = Inner(Buffer::new());
        inner.0.u8(FORMAT)?.u8(self.version.byte())?.u8(count)?.u8(length)?;
        inner.0.u16(scope.company.0)?.u8(scope.environment.code())?.u8(0)?;
        for key in self.keys() {
            inner.0.put(key.expose())?;
        }
        Ok(inner)
    }

    /// What [`Self::emit`] wrote for `scope`.
    fn parse(bytes: &[u8], scope: Scope) -> Result<Self, ParameterError> {
        let mut reader = Reader::new(bytes);
        let format = reader.u8()?;
        let version = KeyVersion::from_byte(reader.u8()?);
        let count = reader.u8()?;
        let length = usize::from(reader.u8()?);
        let company = reader.u16()?;
        let environment = reader.u8()?;
        let reserved = reader.u8()?;
        if format != FORMAT
            || company != scope.company.0
            || environment != scope.environment.code()
            || reserved != 0
        {
            return Err(ParameterError::Keys);
        }
        let mut keys = [const { None }; MAX_KEYS];
        for key in keys.get_mut(..count.into()).ok_or(ParameterError::Keys)? {
            *key = Some(AesKey::new(reader.take(length)?).ok_or(ParameterError::Keys)?);
        }
        reader.end()?;
        Self::new(version, keys)
    }
}

/// How many keys go by this key version number; `None` where it is not of a role of a meter's keys, or its version is 0.
const fn key_count(version: KeyVersion) -> Option<usize> {
    match version.role() {
        Some(role) if !version.is_of(role) => None,
        Some(Role::Credit | Role::MeterBase | Role::Transport) => Some(1),
        Some(Role::Parameter) => Some(2),
        Some(Role::Report) => Some(3),
        _ => None,
    }
}

/// Keys in clear, on their way to or from the key wrap. Wiped when dropped.
struct Inner(Buffer<MAX_INNER>);

impl Drop for Inner {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

/// New keys, wrapped under the meter's transport key (docs/meter.md, section 9).
#[derive(Clone, Debug)]
pub struct KeyChange {
    /// Key version number of the transport key, Bv.
    pub transport_version: KeyVersion,
    wrapped: Buffer<MAX_WRAPPED>,
}

impl KeyChange {
    /// Bytes of the longest one: 114.
    pub const MAX: usize = 2 + MAX_WRAPPED;

    /// Wraps `new` for a meter of `scope` under `transport`, its transport key of key version number `transport_version`.
    pub fn seal(
        engine: &mut impl Engine,
        transport_version: KeyVersion,
        transport: &AesKey,
        scope: Scope,
        new: &NewKeys,
    ) -> Result<Self, ParameterError> {
        if !transport_version.is_of(Role::Transport) {
            return Err(ParameterError::TransportVersion);
        }
        let inner = new.emit(scope)?;
        let mut wrapped = Buffer::new();
        wrapped.put(&[0; MAX_WRAPPED])?;
        wrapped.truncate(inner.0.len() + key_wrap::OVERHEAD);
        key_wrap::wrap(engine, transport, inner.0.as_slice(), wrapped.as_mut_slice())
            .map_err(|_| ParameterError::Length)?;
        Ok(Self { transport_version, wrapped })
    }

    /// From 34, 50, 66, 82 or 114 bytes. Nothing is unwrapped here.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParameterError> {
        let mut reader = formatted(bytes)?;
        let transport_version = KeyVersion::from_byte(reader.u8()?);
        let rest = reader.rest();
        // One to three keys of 16 bytes, or of 32.
        if !matches!(rest.len(), 32 | 48 | 64 | 80 | 112) {
            return Err(ParameterError::Length);
        }
        if !transport_version.is_of(Role::Transport) {
            return Err(ParameterError::TransportVersion);
        }
        let mut wrapped = Buffer::new();
        wrapped.put(rest)?;
        Ok(Self { transport_version, wrapped })
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> Buffer<{ Self::MAX }> {
        written(|out| {
            out.u8(FORMAT)?.u8(self.transport_version.byte())?.put(self.wrapped.as_slice()).map(|_| ())
        })
    }

    /// Unwraps the keys for a meter of `scope` under `transport`, its transport key of [`Self::transport_version`]. Whatever is
    /// wrong with them is [`ParameterError::Keys`].
    pub fn open(
        &self,
        engine: &mut impl Engine,
        transport: &AesKey,
        scope: Scope,
    ) -> Result<NewKeys, ParameterError> {
        let mut inner = Inner(Buffer::new());
        inner.0.put(&[0; MAX_INNER]).map_err(|_| ParameterError::Keys)?;
        inner.0.truncate(self.wrapped.len().saturating_sub(key_wrap::OVERHEAD));
        key_wrap::unwrap(engine, transport, self.wrapped.as_slice(), inner.0.as_mut_slice())
            .map_err(|_| ParameterError::Keys)?;
        NewKeys::parse(inner.0.as_slice(), scope).map_err(|_| ParameterError::Keys)
    }
}
