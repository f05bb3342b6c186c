//! STORE DATA, PUT KEY, BIND and SET STATUS (specification, section 12 and 7.6).

use crate::card::{CardApplication, Channel, Reply};
use crate::checks::{ensure, no_data, of_binding, put};
use crate::records::IdentityRecord;
use crate::request::{KeyKind, Stored};
use card_core::apdu::StatusWord;
use card_core::bytes::{Reader, WrongLength};
use card_core::id::{Company, Environment, Scope, State};
use card_core::key::AesKey;
use card_core::layout::{Authority, PROFILE_SIZE, status};
use card_core::message::{BindingCertificate, Certificate};
use card_core::platform::Platform;
use card_core::role::{INITIAL_ADMIN, KeyVersion, Role};
use card_core::scp03::{KeySet, Mode, key_check_value};
use card_core::units::CardTime;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// Data of STORE DATA for identity and profile.
const STORE_SIZE: usize = 15 + PROFILE_SIZE;
/// Bytes in a block of AES.
const AES_BLOCK: usize = 16;
/// Data of BIND with keys of 16 bytes, and of 32: two certificates, a version, and three keys with their check values.
const BIND_128: usize = BindingCertificate::SIZE + Certificate::SIZE + 1 + 3 * (16 + CHECK);
const BIND_256: usize = BIND_128 + 3 * 16;
/// Bytes of a check value.
const CHECK: usize = 3;
/// Type of an AES key in PUT KEY (GP table 11-16).
const AES: u8 = 0x88;

impl<P: Platform> CardApplication<P> {
    pub(crate) fn store_data(
        &mut self,
        authority: Option<Authority>,
        what: Stored,
        data: &[u8],
    ) -> Result<StatusWord, StatusWord> {
        let admin = authority.is_some_and(|authority| authority.role == Role::Admin);
        ensure(admin || what == Stored::Profile, StatusWord::SECURITY_STATUS)?;
        let blank = self.memory()?.purse().state == State::Blank;
        ensure(blank == (what == Stored::Identity), StatusWord::CONDITIONS_OF_USE)?;
        let mut record = self.memory()?.identity().clone();
        match what {
            Stored::Identity => {
                ensure(data.len() == STORE_SIZE, StatusWord::WRONG_LENGTH)?;
                parse_identity(&mut record, data)?;
            }
            Stored::Profile => record.profile = data.try_into().map_err(|_| StatusWord::WRONG_LENGTH)?,
        }
        self.with_memory(|m, p| m.set_identity(p, record))?;
        Ok(StatusWord::OK)
    }

    pub(crate) fn put_key(
        &mut self,
        replaced: KeyVersion,
        kind: KeyKind,
        data: &[u8],
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        let mut reader = Reader::new(data);
        let version = KeyVersion::from_byte(reader.u8().map_err(|_| StatusWord::WRONG_DATA)?);
        let role = version.role().filter(|role| *role as u8 <= Role::Receipt as u8 && version.is_of(*role));
        let role = role.ok_or(StatusWord::WRONG_DATA)?;
        let set = role.session_index().is_some();
        ensure((kind == KeyKind::Set) == set, StatusWord::WRONG_DATA)?;
        if set {
            let keys = self.unwrap_key_set(version, &mut reader)?;
            reader.end().map_err(|_| StatusWord::WRONG_DATA)?;
            let bound = self.memory()?.purse().certificate.is_some();
            ensure(role != Role::Meter || bound, StatusWord::CONDITIONS_OF_USE)?;
            replaces_own_role(replaced, role)?;
            let held = self.with_memory(|m, p| m.key_set(p, role))?;
            let same = held.as_ref().is_some_and(|held| equal(held, &keys).into());
            if !same {
                ensure(
                    held.map_or(KeyVersion::NONE, |held| held.version()) == replaced,
                    StatusWord::DATA_NOT_FOUND,
                )?;
                self.with_memory(|m, p| m.set_key_set(p, role, &keys))?;
            }
            put(reply, &[version.byte()])?;
            for key in [keys.enc(), keys.mac(), keys.dek()] {
                let check = key_check_value(&mut self.platform, key);
                put(reply, &check)?;
            }
        } else {
            let key = self.unwrap_key(&mut reader)?;
            reader.end().map_err(|_| StatusWord::WRONG_DATA)?;
            ensure(key.length().bytes() != 24, StatusWord::WRONG_DATA)?;
            replaces_own_role(replaced, role)?;
            let held = self.with_memory(|m, p| m.single_key(p, role))?;
            let same = held
                .as_ref()
                .is_some_and(|(held_version, held)| *held_version == version && bool::from(held.ct_eq(&key)));
            if !same {
                ensure(
                    held.map_or(KeyVersion::NONE, |(version, _)| version) == replaced,
                    StatusWord::DATA_NOT_FOUND,
                )?;
                self.with_memory(|m, p| m.set_single_key(p, role, version, &key))?;
            }
            let check = key_check_value(&mut self.platform, &key);
            put(reply, &[version.byte()])?;
            put(reply, &check)?;
        }
        Ok(StatusWord::OK)
    }

    /// Three keys in the form of PUT KEY, decrypted with the DEK of the session and checked.
    fn unwrap_key_set(&mut self, version: KeyVersion, reader: &mut Reader<'_>) -> Result<KeySet, StatusWord> {
        let enc = self.unwrap_key(reader)?;
        let mac = self.unwrap_key(reader)?;
        let dek = self.unwrap_key(reader)?;
        KeySet::new(version, enc, mac, dek).map_err(|_| StatusWord::WRONG_DATA)
    }

    fn unwrap_key(&mut self, reader: &mut Reader<'_>) -> Result<AesKey, StatusWord> {
        let mut fields = || -> Result<_, WrongLength> {
            let (kind, total) = (reader.u8()?, usize::from(reader.u8()?));
            // The encrypted key alone (GP 11.8) is whole blocks; with its length before it (Amendment D 7.2) one byte more.
            let inner = total % AES_BLOCK;
            let length = if inner == 0 { total } else { reader.u8()?.into() };
            let encrypted = reader.take(total - inner.min(1))?;
            Ok((kind, length, encrypted, reader.u8()?, reader.array::<3>()?))
        };
        let (kind, length, encrypted, check_length, check) = fields().map_err(|_| StatusWord::WRONG_DATA)?;
        let padded = length.next_multiple_of(AES_BLOCK);
        ensure(kind == AES && check_length == 3 && encrypted.len() == padded, StatusWord::WRONG_DATA)?;
        self.decrypt_key(encrypted, length, check)
    }

    /// The three keys of BIND, which all have the same length: as much as there is.
    fn unwrap_plain_set(
        &mut self,
        version: KeyVersion,
        reader: &mut Reader<'_>,
    ) -> Result<KeySet, StatusWord> {
        let length = (reader.left() / 3).saturating_sub(CHECK);
        let mut next = || {
            let fields = reader.take(length).and_then(|encrypted| Ok((encrypted, reader.array()?)));
            let (encrypted, check) = fields.map_err(|_| StatusWord::WRONG_DATA)?;
            self.decrypt_key(encrypted, length, check)
        };
        let (enc, mac, dek) = (next()?, next()?, next()?);
        KeySet::new(version, enc, mac, dek).map_err(|_| StatusWord::WRONG_DATA)
    }

    /// A key of `length` bytes, encrypted with the DEK of the session in whole blocks, and its check value.
    fn decrypt_key(
        &mut self,
        encrypted: &[u8],
        length: usize,
        check: [u8; CHECK],
    ) -> Result<AesKey, StatusWord> {
        let mut clear = Zeroizing::new([0; 32]);
        let clear = clear.get_mut(..encrypted.len()).ok_or(StatusWord::WRONG_DATA)?;
        clear.copy_from_slice(encrypted);
        let Channel::Open(session, _) = &self.volatile.channel else {
            return Err(StatusWord::SECURITY_STATUS);
        };
        session.decrypt_keys(&mut self.platform, clear).map_err(|_| StatusWord::WRONG_DATA)?;
        let key = clear.get(..length).and_then(AesKey::new).ok_or(StatusWord::WRONG_DATA)?;
        let right: bool = key_check_value(&mut self.platform, &key).ct_eq(&check).into();
        ensure(right, StatusWord::WRONG_DATA)?;
        Ok(key)
    }

    pub(crate) fn bind(&mut self, data: &[u8]) -> Result<StatusWord, StatusWord> {
        let identity = self.memory()?.identity();
        let generation = identity.card.generation;
        ensure(matches!(data.len(), BIND_128 | BIND_256), StatusWord::WRONG_LENGTH)?;
        ensure(identity.is_stored(), StatusWord::CONDITIONS_OF_USE)?;
        let mut reader = Reader::new(data);
        let mut fields = || -> Result<_, WrongLength> {
            let binding = reader.take(BindingCertificate::SIZE)?;
            Ok((binding, reader.take(Certificate::SIZE)?, KeyVersion::from_byte(reader.u8()?)))
        };
        let (binding, certificate, version) = fields().map_err(|_| StatusWord::WRONG_LENGTH)?;
        let binding = BindingCertificate::parse(binding).map_err(|_| StatusWord::WRONG_DATA)?;
        let certificate = Certificate::parse(certificate).map_err(|_| StatusWord::WRONG_DATA)?;
        of_binding(certificate.binding, binding.binding)?;
        ensure(certificate.generation == generation, status::OTHER_GENERATION)?;
        ensure(version.is_of(Role::Meter), StatusWord::WRONG_DATA)?;
        let keys = self.unwrap_plain_set(version, &mut reader)?;
        let mut purse = self.memory()?.purse().clone();
        if let Some(held) = purse.certificate.filter(|held| held.binding.meter == certificate.binding.meter) {
            ensure(certificate.binding.number >= held.binding.number, status::OTHER_BINDING)?;
            if certificate.binding == held.binding {
                let held_binding = self.with_memory(|m, p| m.binding(p))?;
                let held_keys = self.with_memory(|m, p| m.key_set(p, Role::Meter))?;
                let same_keys = held_keys.is_some_and(|held| equal(&held, &keys).into());
                if held == certificate && held_binding == Some(binding) && same_keys {
                    return Ok(StatusWord::OK);
                }
                ensure(purse.state == State::Blank, status::OTHER_BINDING)?;
            }
        }
        purse.binding_log ^= 1;
        purse.binding_marker = purse.binding_marker.checked_add(1).ok_or(status::EXHAUSTED)?;
        purse.certificate = Some(certificate);
        self.with_memory(|m, p| m.bind(p, &binding, &keys, purse))?;
        Ok(StatusWord::OK)
    }

    pub(crate) fn set_status(
        &mut self,
        authority: Option<Authority>,
        wanted: State,
        data: &[u8],
    ) -> Result<StatusWord, StatusWord> {
        use State::{Active, Blank, Blocked, Personalised, Terminated};
        let admin = authority.is_some_and(|authority| authority.role == Role::Admin);
        ensure(admin || wanted == Blocked, StatusWord::SECURITY_STATUS)?;
        let mut purse = self.memory()?.purse().clone();
        let former = if purse.activated { Active } else { Personalised };
        let allowed = match (purse.state, wanted) {
            (state, wanted) if state == wanted => true,
            (Terminated, _) => false,
            (_, Terminated) | (Personalised | Active, Blocked) => true,
            (Blank, Personalised) => self.is_complete()?,
            (Blocked, wanted) => wanted == former,
            _ => false,
        };
        ensure(allowed, StatusWord::CONDITIONS_OF_USE)?;
        no_data(data)?;
        if purse.state != wanted {
            purse.state = wanted;
            self.with_memory(|m, p| m.set_purse(p, purse))?;
        }
        Ok(StatusWord::OK)
    }

    /// All six roles have keys, the admin's are not the initial ones, and the card is bound in its present generation.
    fn is_complete(&mut self) -> Result<bool, StatusWord> {
        for role in [Role::Admin, Role::Vending, Role::Meter, Role::Holder, Role::Load, Role::Receipt] {
            let present = self.with_memory(|m, p| m.key_info(p, role))?;
            if present.is_none_or(|(version, _)| version == INITIAL_ADMIN) {
                return Ok(false);
            }
        }
        let generation = self.memory()?.identity().card.generation;
        Ok(self.memory()?.purse().certificate.is_some_and(|held| held.generation == generation))
    }
}

/// P1 of PUT KEY names a key of the same role, or none.
fn replaces_own_role(replaced: KeyVersion, role: Role) -> Result<(), StatusWord> {
    ensure(replaced == KeyVersion::NONE || replaced.role() == Some(role), StatusWord::DATA_NOT_FOUND)
}

fn parse_identity(record: &mut IdentityRecord, data: &[u8]) -> Result<(), StatusWord> {
    let mut reader = Reader::new(data);
    let mut fields = || -> Result<_, WrongLength> {
        let scope = (Company(reader.u16()?), reader.u8()?);
        let chosen = (reader.u16()?, reader.u8()?, reader.u8()?);
        let times = (CardTime(reader.u32()?), CardTime(reader.u32()?));
        Ok((scope, chosen, times, reader.array()?))
    };
    let ((company, environment), (generation, mode, flags), (issue_time, expiry_time), profile) =
        fields().map_err(|_| StatusWord::WRONG_LENGTH)?;
    ensure(company.is_valid(), StatusWord::WRONG_DATA)?;
    let environment = Environment::from_code(environment).ok_or(status::OTHER_ENVIRONMENT)?;
    ensure(environment == record.scope.environment, status::OTHER_ENVIRONMENT)?;
    ensure(generation != 0, StatusWord::WRONG_DATA)?;
    record.mode = match mode {
        0x08 => Mode::S8,
        0x10 => Mode::S16,
        _ => return Err(StatusWord::WRONG_DATA),
    };
    record.scope = Scope { company, environment };
    record.card.generation = generation;
    (record.flags, record.issue_time, record.expiry_time, record.profile) =
        (flags, issue_time, expiry_time, profile);
    Ok(())
}

/// Compares two key sets in constant time.
fn equal(a: &KeySet, b: &KeySet) -> Choice {
    Choice::from(u8::from(a.version() == b.version()))
        & a.enc().ct_eq(b.enc())
        & a.mac().ct_eq(b.mac())
        & a.dek().ct_eq(b.dek())
}
