//! Who a meter is, and the keys that it holds (specification, section 4).

use zeroize::Zeroize;

use crate::bytes::{Buffer, Reader, Room, WrongLength};
use crate::id::{CardRef, Company, Environment, MeterId, Scope};
use crate::key::AesKey;
use crate::message::{FORMAT, FormatError, MailKeys};
use crate::parameters::{KeysInUse, NewKeys};
use crate::platform::Engine;
use crate::role::{Derivation, KeyVersion, Role};
use crate::scp03::KeySet;

/// Which meter this is, and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterIdentity {
    /// The meter's identifier, set by its maker.
    pub id: MeterId,
    /// Company and environment.
    pub scope: Scope,
}

impl MeterIdentity {
    /// That of a meter which is not installed.
    pub(super) const NOBODY: Self =
        Self { id: MeterId([0; 8]), scope: Scope { company: Company(0), environment: Environment::Test } };
}

/// A key with its key version number.
#[derive(Debug)]
pub struct VersionedKey {
    /// Key version number: role and version of the master.
    pub version: KeyVersion,
    /// The key.
    pub key: AesKey,
}

impl VersionedKey {
    /// What stands where one will be.
    const fn unset() -> Self {
        Self { version: KeyVersion::NONE, key: AesKey::unset() }
    }
}

impl MailKeys {
    /// What stands where they will be.
    const fn unset() -> Self {
        Self { version: KeyVersion::NONE, mac: AesKey::unset(), enc: AesKey::unset() }
    }
}

/// The report keys: mail to the issuer, and the code of meter receipts.
#[derive(Debug)]
pub struct ReportKeys {
    /// The keys that seal mail, 9v.
    pub mail: MailKeys,
    /// The key of meter receipts, of the same version.
    pub receipt: AesKey,
}

/// What carries a key version number.
pub trait Versioned {
    /// The key version number.
    fn version(&self) -> KeyVersion;
}

impl Versioned for VersionedKey {
    fn version(&self) -> KeyVersion {
        self.version
    }
}

impl Versioned for MailKeys {
    fn version(&self) -> KeyVersion {
        self.version
    }
}

/// A key in use, and the one before it, which serves until every card in the field has come by.
#[derive(Debug)]
pub struct Pair<T> {
    /// In use.
    pub current: T,
    /// Before that, if any.
    pub previous: Option<T>,
}

impl<T: Versioned> Pair<T> {
    /// One without a predecessor.
    pub const fn only(current: T) -> Self {
        Self { current, previous: None }
    }

    /// The one with this key version number.
    pub fn find(&self, version: KeyVersion) -> Option<&T> {
        self.all().find(|item| item.version() == version)
    }

    /// The current one becomes the previous one. `new` is to be filled.
    fn rotate(&mut self, new: T) {
        self.previous = Some(core::mem::replace(&mut self.current, new));
    }

    fn all(&self) -> impl Iterator<Item = &T> {
        core::iter::once(&self.current).chain(&self.previous)
    }
}

/// All keys of a meter. None of them is ever on a card, but for what is derived from the base keys.
#[derive(Debug)]
pub struct MeterKeys {
    base: Pair<VersionedKey>,
    credit: Pair<VersionedKey>,
    parameter: Pair<MailKeys>,
    report: ReportKeys,
    transport: VersionedKey,
    brought_by: KeyMail,
}

/// The mail that brought the newest keys, so that it is known as taken wherever power was cut; all 0: none did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct KeyMail {
    /// Number of the binding.
    pub(super) binding: u32,
    /// Version in its slot.
    pub(super) version: u32,
    /// Key version number of the keys.
    pub(super) keys: KeyVersion,
}

/// New keys that the meter cannot use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnusableKeys;

/// A key version number is not of the role that it was given for, or has version 0 (specification, 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key has the version number {version}, which is not one of the {role} key")]
pub struct WrongRole {
    /// The number.
    pub version: KeyVersion,
    /// The role that was wanted.
    pub role: Role,
}

/// A record of keys on its way from or to memory. Wiped when dropped.
pub(super) struct Secret<const N: usize>(pub(super) Buffer<N>);

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl MeterKeys {
    /// The longest that [`Self::emit`] writes, in bytes.
    pub(super) const MOST: usize = {
        let key = 1 + 32;
        let single = 1 + 2 * (1 + key);
        12 + 2 * single + (1 + 2 * (1 + 2 * key)) + (1 + 3 * key) + (1 + key) + 9
    };

    /// Base keys (Av), credit keys (7v), parameter keys (8v), report keys (9v), transport key (Bv).
    pub fn new(
        base: Pair<VersionedKey>,
        credit: Pair<VersionedKey>,
        parameter: Pair<MailKeys>,
        report: ReportKeys,
        transport: VersionedKey,
    ) -> Result<Self, WrongRole> {
        let keys = Self { base, credit, parameter, report, transport, brought_by: KeyMail::default() };
        keys.check()?;
        Ok(keys)
    }

    /// Those of a meter which is not installed: of no version, so that none of them is ever found.
    pub(super) const fn none() -> Self {
        Self {
            base: Pair::only(VersionedKey::unset()),
            credit: Pair::only(VersionedKey::unset()),
            parameter: Pair::only(MailKeys::unset()),
            report: ReportKeys { mail: MailKeys::unset(), receipt: AesKey::unset() },
            transport: VersionedKey::unset(),
            brought_by: KeyMail { binding: 0, version: 0, keys: KeyVersion::NONE },
        }
    }

    /// The base key that the meter key set with key version number 3v is derived from: Av.
    pub fn base_for(&self, key_version: KeyVersion) -> Option<&AesKey> {
        if key_version.role() != Some(Role::Meter) {
            return None;
        }
        self.base.find(KeyVersion::new(Role::MeterBase, key_version.master())).map(|found| &found.key)
    }

    /// The key set of a card, from the base key that its key version number 3v names. It has the length of that base key.
    pub fn card_keys(
        &self,
        engine: &mut impl Engine,
        scope: Scope,
        key_version: KeyVersion,
        card: CardRef,
    ) -> Option<KeySet> {
        let base = self.base_for(key_version)?;
        Derivation::for_card(scope, key_version, card, base.length()).key_set(engine, base)
    }

    /// The credit key with this key version number, 7v.
    pub fn credit(&self, key_version: KeyVersion) -> Option<&AesKey> {
        self.credit.find(key_version).map(|found| &found.key)
    }

    /// The parameter keys with this key version number, 8v.
    pub fn parameter(&self, key_version: KeyVersion) -> Option<&MailKeys> {
        self.parameter.find(key_version)
    }

    /// The report keys.
    pub const fn report(&self) -> &ReportKeys {
        &self.report
    }

    /// The transport key.
    pub const fn transport(&self) -> &VersionedKey {
        &self.transport
    }

    /// Versions of the keys in use.
    pub const fn in_use(&self) -> KeysInUse {
        KeysInUse {
            credit: self.credit.current.version.master(),
            parameter: self.parameter.current.version.master(),
            report: self.report.mail.version.master(),
            base: self.base.current.version.master(),
            transport: self.transport.version.master(),
        }
    }

    /// The mail that brought the newest keys.
    pub(super) const fn brought_by(&self) -> KeyMail {
        self.brought_by
    }

    /// Takes new keys (docs/meter.md, section 9) from a mail of this binding and version: the current ones become the previous ones.
    /// `false`: these are the current ones already.
    ///
    /// # Errors
    /// [`UnusableKeys`], and nothing is changed, where the current version has other keys.
    pub(super) fn rotate(
        &mut self,
        new: &NewKeys,
        (binding, mail): (u32, u32),
    ) -> Result<bool, UnusableKeys> {
        let role = new.version().role().ok_or(UnusableKeys)?;
        let (version, current) = self.current(role).ok_or(UnusableKeys)?;
        if *version == new.version() {
            let known = current.iter().flatten().map(|key| key.expose());
            let same = known.eq(new.keys().map(AesKey::expose));
            return if same { Ok(false) } else { Err(UnusableKeys) };
        }
        // Who may write mail could keep a change of keys and send it again: keys never go back.
        if new.version() < *version {
            return Err(UnusableKeys);
        }
        match role {
            Role::Credit => self.credit.rotate(VersionedKey::unset()),
            Role::MeterBase => self.base.rotate(VersionedKey::unset()),
            Role::Parameter => self.parameter.rotate(MailKeys::unset()),
            _ => {}
        }
        let (version, current) = self.current(role).ok_or(UnusableKeys)?;
        *version = new.version();
        // There are as many: see `NewKeys`.
        for (place, key) in current.into_iter().flatten().zip(new.keys()) {
            place.set(key.expose()).ok_or(UnusableKeys)?;
        }
        self.brought_by = KeyMail { binding, version: mail, keys: new.version() };
        Ok(true)
    }

    /// The keys in use of a role that a meter has keys of: their version, and each of them.
    fn current(&mut self, role: Role) -> Option<(&mut KeyVersion, [Option<&mut AesKey>; 3])> {
        let Self { base, credit, parameter, report, transport, .. } = self;
        let single = match role {
            Role::Credit => &mut credit.current,
            Role::MeterBase => &mut base.current,
            Role::Transport => transport,
            Role::Parameter => {
                let MailKeys { version, mac, enc } = &mut parameter.current;
                return Some((version, [Some(mac), Some(enc), None]));
            }
            Role::Report => {
                let ReportKeys { mail: MailKeys { version, mac, enc }, receipt } = report;
                return Some((version, [Some(mac), Some(enc), Some(receipt)]));
            }
            _ => return None,
        };
        Some((&mut single.version, [Some(&mut single.key), None, None]))
    }

    /// With the identity, for the meter's protected memory.
    pub(super) fn emit<const N: usize>(&self, identity: &MeterIdentity) -> Result<Secret<N>, WrongLength> {
        let mut secret = Secret(Buffer::new());
        let out = secret.0.any();
        out.u8(FORMAT)?.put(&identity.id.0)?.u16(identity.scope.company.0)?;
        out.u8(identity.scope.environment.code())?;
        for pair in [&self.base, &self.credit] {
            out.u8(1 + u8::from(pair.previous.is_some()))?;
            for versioned in pair.all() {
                out.u8(versioned.version.byte())?;
                put_key(out, &versioned.key)?;
            }
        }
        out.u8(1 + u8::from(self.parameter.previous.is_some()))?;
        for keys in self.parameter.all() {
            put_mail_keys(out, keys)?;
        }
        put_mail_keys(out, &self.report.mail)?;
        put_key(out, &self.report.receipt)?;
        out.u8(self.transport.version.byte())?;
        put_key(out, &self.transport.key)?;
        let KeyMail { binding, version, keys } = self.brought_by;
        out.u32(binding)?.u32(version)?.u8(keys.byte())?;
        Ok(secret)
    }

    /// Takes what [`Self::emit`] wrote, and gives the identity. Where it is not that, these keys have no meaning any more.
    #[inline(never)]
    pub(super) fn restore(&mut self, bytes: &[u8]) -> Result<MeterIdentity, FormatError> {
        let mut reader = Reader::new(bytes);
        let format = reader.u8()?;
        let id = MeterId(reader.array()?);
        let company = Company(reader.u16()?);
        let environment = Environment::from_code(reader.u8()?).ok_or(FormatError::Field)?;
        for pair in [&mut self.base, &mut self.credit] {
            let second = is_two(&mut reader)?;
            single(&mut pair.current, &mut reader)?;
            pair.previous = second.then(VersionedKey::unset);
            if let Some(previous) = &mut pair.previous {
                single(previous, &mut reader)?;
            }
        }
        let second = is_two(&mut reader)?;
        mail_keys(&mut self.parameter.current, &mut reader)?;
        self.parameter.previous = second.then(MailKeys::unset);
        if let Some(previous) = &mut self.parameter.previous {
            mail_keys(previous, &mut reader)?;
        }
        mail_keys(&mut self.report.mail, &mut reader)?;
        key(&mut self.report.receipt, &mut reader)?;
        single(&mut self.transport, &mut reader)?;
        self.brought_by = KeyMail {
            binding: reader.u32()?,
            version: reader.u32()?,
            keys: KeyVersion::from_byte(reader.u8()?),
        };
        reader.end()?;
        if format != FORMAT || self.check().is_err() {
            return Err(FormatError::Field);
        }
        Ok(MeterIdentity { id, scope: Scope { company, environment } })
    }

    /// Each is one of its role.
    #[inline(never)]
    fn check(&self) -> Result<(), WrongRole> {
        let of = |version: KeyVersion, role| {
            if version.is_of(role) { Ok(()) } else { Err(WrongRole { version, role }) }
        };
        for key in self.base.all() {
            of(key.version, Role::MeterBase)?;
        }
        for key in self.credit.all() {
            of(key.version, Role::Credit)?;
        }
        for keys in self.parameter.all() {
            of(keys.version, Role::Parameter)?;
        }
        of(self.report.mail.version, Role::Report)?;
        of(self.transport.version, Role::Transport)
    }
}

#[inline(never)]
fn put_key(out: &mut Room<[u8]>, key: &AesKey) -> Result<(), WrongLength> {
    let bytes = key.expose();
    out.u8(u8::try_from(bytes.len()).map_err(|_| WrongLength)?)?.put(bytes).map(|_| ())
}

fn put_mail_keys(out: &mut Room<[u8]>, keys: &MailKeys) -> Result<(), WrongLength> {
    out.u8(keys.version.byte())?;
    put_key(out, &keys.mac)?;
    put_key(out, &keys.enc)
}

#[inline(never)]
fn key(place: &mut AesKey, reader: &mut Reader<'_>) -> Result<(), FormatError> {
    let length = reader.u8()?;
    place.set(reader.take(length.into())?).ok_or(FormatError::Field)
}

fn single(place: &mut VersionedKey, reader: &mut Reader<'_>) -> Result<(), FormatError> {
    place.version = KeyVersion::from_byte(reader.u8()?);
    key(&mut place.key, reader)
}

fn mail_keys(place: &mut MailKeys, reader: &mut Reader<'_>) -> Result<(), FormatError> {
    place.version = KeyVersion::from_byte(reader.u8()?);
    key(&mut place.mac, reader)?;
    key(&mut place.enc, reader)
}

/// Whether a pair has a previous one.
fn is_two(reader: &mut Reader<'_>) -> Result<bool, FormatError> {
    match reader.u8()? {
        1 => Ok(false),
        2 => Ok(true),
        _ => Err(FormatError::Field),
    }
}
