//! A key store that asks a signer in a process of its own. What mints never leaves that; the keys of a card, and those by which a meter reports, come
//! here one at a time, to talk to the card and to check what was said.

use card_core::access_number::AccessNumber;
use card_core::id::{Binding, CardId, CardRef, Environment, MeterId, Scope};
use card_core::key::{AesKey, KeyLength, MailKeys};
use card_core::message::{
    BindingCertificate, Certificate, Delivery, Envelope, MeterReceipt, NotAuthentic, Opened, Receipt, Slot,
    Verified, Voucher,
};
use card_core::parameters::KeyChange;
use card_core::role::{KeyVersion, Role};
use card_core::scp03::{HostSession, KeySet};
use card_core::soft::SoftEngine;
use card_core::units::CardTime;
use card_host::keystore::{
    Alarm, CardKey, DeliveryBytes, Extent, Forbidden, KeyStore, KeyStoreError, Memory, MemoryError, Totals,
    WrappedKeys, wrap, wrap_holder_keys,
};
use card_host::national_id::{NationalId, PersonRef};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

use crate::wire::{Answer, Ask, Hex, Unclear, WireTotals, alarms, totals};

/// So long an answer may take.
const LONGEST: Duration = Duration::from_secs(20);

/// Why a signer cannot be asked. Whether it has remembered what was asked is not known; asked again, it says the same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// It is not there, or does not answer.
    #[error("the signer at {} does not answer ({cause}): see that it runs (`cardctl signer serve`), and that this user may use it", path.display())]
    Away {
        /// Its socket.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It refuses.
    #[error("{0}")]
    Refused(String),
}

impl From<RemoteError> for KeyStoreError {
    fn from(error: RemoteError) -> Self {
        Self::Token(Box::new(error))
    }
}

/// A signer that is asked over its socket.
pub struct RemoteSigner {
    path: PathBuf,
    idle: Mutex<Vec<BufReader<UnixStream>>>,
    environment: Environment,
    warning: Option<String>,
    length: KeyLength,
}

impl RemoteSigner {
    /// The one that listens there.
    pub fn connect(path: &Path) -> Result<Self, KeyStoreError> {
        let mut signer = Self {
            path: path.to_owned(),
            idle: Mutex::default(),
            environment: Environment::Test,
            warning: None,
            length: KeyLength::Aes256,
        };
        let Answer::About { environment, warning, length } = signer.ask(&Ask::About)? else {
            return Err(signer.strange());
        };
        signer.environment = Environment::from_code(environment).ok_or_else(|| signer.strange())?;
        signer.length = KeyLength::from_bytes(length).ok_or_else(|| signer.strange())?;
        signer.warning = warning;
        Ok(signer)
    }

    fn strange(&self) -> KeyStoreError {
        let cause = io::Error::new(io::ErrorKind::InvalidData, Unclear);
        RemoteError::Away { path: self.path.clone(), cause }.into()
    }

    fn ask(&self, ask: &Ask) -> Result<Answer, KeyStoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // One that has been idle may be that of a signer that has ended since. What is asked may be asked twice.
        let answer = match idle.map(|connection| self.exchange(connection, ask)) {
            Some(Ok(answer)) => Ok(answer),
            _ => self.open().and_then(|connection| self.exchange(connection, ask)),
        };
        match answer.map_err(|cause| RemoteError::Away { path: self.path.clone(), cause })? {
            Answer::Taken(binding, sequence, next) => {
                let binding = (&binding).try_into().map_err(|Unclear| self.strange())?;
                Err(Forbidden::Taken { binding, sequence, next }.into())
            }
            Answer::NotAuthentic => Err(NotAuthentic.into()),
            Answer::Refused(why) => Err(RemoteError::Refused(why).into()),
            answer => Ok(answer),
        }
    }

    fn open(&self) -> io::Result<BufReader<UnixStream>> {
        let stream = UnixStream::connect(&self.path)?;
        stream.set_read_timeout(Some(LONGEST))?;
        stream.set_write_timeout(Some(LONGEST))?;
        Ok(BufReader::new(stream))
    }

    fn exchange(&self, mut connection: BufReader<UnixStream>, ask: &Ask) -> io::Result<Answer> {
        let mut said = Zeroizing::new(serde_json::to_vec(ask)?);
        said.push(b'\n');
        connection.get_mut().write_all(&said)?;
        let mut line = Zeroizing::new(String::new());
        connection.read_line(&mut line)?;
        if !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let answer = serde_json::from_str(&line)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer)
    }

    fn done(&self, ask: &Ask) -> Result<(), KeyStoreError> {
        match self.ask(ask)? {
            Answer::Done => Ok(()),
            _ => Err(self.strange()),
        }
    }

    fn bytes(&self, ask: &Ask) -> Result<Zeroizing<Vec<u8>>, KeyStoreError> {
        match self.ask(ask)? {
            Answer::Bytes(bytes) => bytes.bytes().map_err(|Unclear| self.strange()),
            _ => Err(self.strange()),
        }
    }

    fn keys<const N: usize>(&self, ask: &Ask) -> Result<[AesKey; N], KeyStoreError> {
        let Answer::Keys(keys) = self.ask(ask)? else { return Err(self.strange()) };
        let keys: Result<Vec<_>, _> = keys.iter().map(Hex::key).collect();
        let keys = keys.map_err(|Unclear| self.strange())?;
        keys.try_into().map_err(|_| self.strange())
    }

    fn parsed<T, E>(&self, ask: &Ask, parse: impl FnOnce(&[u8]) -> Result<T, E>) -> Result<T, KeyStoreError> {
        parse(&self.bytes(ask)?).map_err(|_| self.strange())
    }

    fn chip_key(&self, scope: Scope, version: KeyVersion, card: CardId) -> Result<AesKey, KeyStoreError> {
        let [key] = self.keys(&Ask::ChipKey(scope.into(), version.byte(), Hex::of(&card.0)))?;
        Ok(key)
    }

    fn report_keys(
        &self,
        scope: Scope,
        version: KeyVersion,
        meter: MeterId,
    ) -> Result<(MailKeys, AesKey), KeyStoreError> {
        let [mac, enc, receipt] =
            self.keys(&Ask::ReportKeys(scope.into(), version.byte(), Hex::of(&meter.0)))?;
        Ok((MailKeys { version, mac, enc }, receipt))
    }
}

impl KeyStore for RemoteSigner {
    fn environment(&self) -> Environment {
        self.environment
    }

    fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    fn memory(&self) -> Option<&dyn Memory> {
        Some(self)
    }

    fn current(&self, role: Role) -> Result<KeyVersion, KeyStoreError> {
        match self.ask(&Ask::Current(KeyVersion::new(role, 1).byte()))? {
            Answer::Version(version) => Ok(KeyVersion::from_byte(version)),
            _ => Err(self.strange()),
        }
    }

    fn check_value(&self, scope: Scope, version: KeyVersion) -> Result<[u8; 8], KeyStoreError> {
        self.parsed(&Ask::CheckValue(scope.into(), version.byte()), |bytes: &[u8]| bytes.try_into())
    }

    fn person(
        &self,
        scope: Scope,
        version: KeyVersion,
        national_id: &NationalId,
    ) -> Result<PersonRef, KeyStoreError> {
        let ask = Ask::Person(scope.into(), version.byte(), Hex::of(national_id.digits()));
        let code = self.parsed(&ask, |bytes: &[u8]| bytes.try_into())?;
        Ok(PersonRef { version, code })
    }

    fn card_key_set(&self, key: &CardKey) -> Result<KeySet, KeyStoreError> {
        let [enc, mac, dek] = self.keys(&Ask::CardKeys(key.into()))?;
        KeySet::new(key.version, enc, mac, dek).map_err(|_| self.strange())
    }

    fn wrapped_keys(&self, key: &CardKey, session: &HostSession) -> Result<WrappedKeys, KeyStoreError> {
        if let Some(Role::Load | Role::Receipt) = key.version.role() {
            let single = self.chip_key(key.scope, key.version, key.card.id)?;
            return wrap(&mut SoftEngine, session, key.version, &[&single]);
        }
        let set = self.card_key_set(key)?;
        wrap(&mut SoftEngine, session, key.version, &[set.enc(), set.mac(), set.dek()])
    }

    fn wrapped_holder_keys(
        &self,
        scope: Scope,
        card: CardRef,
        access: &AccessNumber,
        session: &HostSession,
    ) -> Result<WrappedKeys, KeyStoreError> {
        wrap_holder_keys(session, scope, card, access, self.length)
    }

    fn sign_certificate(&self, scope: Scope, certificate: Certificate) -> Result<Certificate, KeyStoreError> {
        self.parsed(&Ask::Certificate(scope.into(), Hex::of(&certificate.emit())), Certificate::parse)
    }

    fn sign_binding(
        &self,
        scope: Scope,
        certificate: BindingCertificate,
    ) -> Result<BindingCertificate, KeyStoreError> {
        self.parsed(&Ask::Binding(scope.into(), Hex::of(&certificate.emit())), BindingCertificate::parse)
    }

    fn verify_certificate(&self, scope: Scope, certificate: &Certificate) -> Result<(), KeyStoreError> {
        self.done(&Ask::VerifyCertificate(scope.into(), Hex::of(&certificate.emit())))
    }

    fn verify_binding(&self, scope: Scope, certificate: &BindingCertificate) -> Result<(), KeyStoreError> {
        self.done(&Ask::VerifyBinding(scope.into(), Hex::of(&certificate.emit())))
    }

    fn sign_voucher(&self, voucher: Voucher) -> Result<Voucher, KeyStoreError> {
        self.parsed(&Ask::Voucher(Hex::of(&voucher.emit())), Voucher::parse)
    }

    fn verify_voucher(&self, voucher: Voucher) -> Result<Verified<Voucher>, KeyStoreError> {
        let key = self.chip_key(voucher.scope, voucher.key_version, voucher.card)?;
        Ok(voucher.verify(&mut SoftEngine, &key)?)
    }

    fn sign_delivery(
        &self,
        scope: Scope,
        card: CardId,
        version: KeyVersion,
        envelope: &Envelope,
    ) -> Result<DeliveryBytes, KeyStoreError> {
        let key = self.chip_key(scope, version, card)?;
        Ok(Delivery::make(&mut SoftEngine, &key, version, scope, card, envelope)?)
    }

    fn verify_receipt(&self, scope: Scope, receipt: Receipt) -> Result<Verified<Receipt>, KeyStoreError> {
        let key = self.chip_key(scope, receipt.key_version, receipt.card.id)?;
        Ok(receipt.verify(&mut SoftEngine, &key, scope)?)
    }

    fn verify_meter_receipt(
        &self,
        scope: Scope,
        receipt: MeterReceipt,
    ) -> Result<Verified<MeterReceipt>, KeyStoreError> {
        let (_, key) = self.report_keys(scope, receipt.key_version, receipt.binding.meter)?;
        Ok(receipt.verify(&mut SoftEngine, &key, scope)?)
    }

    fn seal_mail(
        &self,
        scope: Scope,
        key: KeyVersion,
        binding: Binding,
        slot: Slot,
        version: u32,
        plaintext: &[u8],
    ) -> Result<Envelope, KeyStoreError> {
        let (key, slot, plaintext) = (key.byte(), slot.number(), Hex::of(plaintext));
        let ask = Ask::Mail { scope: scope.into(), key, binding: binding.into(), slot, version, plaintext };
        self.parsed(&ask, Envelope::parse)
    }

    fn wrapped_meter_keys(
        &self,
        scope: Scope,
        meter: MeterId,
        version: KeyVersion,
        transport: KeyVersion,
    ) -> Result<KeyChange, KeyStoreError> {
        let (version, transport) = (version.byte(), transport.byte());
        let meter = Hex::of(&meter.0);
        self.parsed(&Ask::MeterKeys { scope: scope.into(), meter, version, transport }, KeyChange::parse)
    }

    fn open_mail(&self, scope: Scope, envelope: &Envelope) -> Result<Opened, KeyStoreError> {
        let (keys, _) = self.report_keys(scope, envelope.key_version, envelope.binding.meter)?;
        Ok(envelope.open(&mut SoftEngine, &keys, scope)?)
    }
}

fn away(error: KeyStoreError) -> MemoryError {
    match error {
        KeyStoreError::Memory(error) => error,
        error => MemoryError::Store(error.to_string()),
    }
}

impl Memory for RemoteSigner {
    fn extent(&self) -> Result<Option<Extent>, MemoryError> {
        let unclear = |_| away(self.strange());
        match self.ask(&Ask::Extent).map_err(away)? {
            Answer::Extent(extent) => extent.map(TryInto::try_into).transpose().map_err(unclear),
            _ => Err(away(self.strange())),
        }
    }

    fn learn(&self, extent: &Extent, held: &[Totals]) -> Result<(), MemoryError> {
        let held = held.iter().map(WireTotals::from).collect();
        self.done(&Ask::Learn(extent.into(), held)).map_err(away)
    }

    fn adopt(&self, held: &[Totals]) -> Result<(), MemoryError> {
        self.done(&Ask::Adopt(held.iter().map(WireTotals::from).collect())).map_err(away)
    }

    fn begin(&self) -> Result<(), MemoryError> {
        self.done(&Ask::Begin).map_err(away)
    }

    fn signed(&self, after: Option<Binding>, most: u32) -> Result<Vec<Totals>, MemoryError> {
        match self.ask(&Ask::Signed(after.map(Into::into), most)).map_err(away)? {
            Answer::Totals(of) => totals(&of).map_err(|_| away(self.strange())),
            _ => Err(away(self.strange())),
        }
    }

    fn alarms(&self, since: CardTime) -> Result<Vec<Alarm>, MemoryError> {
        match self.ask(&Ask::Alarms(since.0)).map_err(away)? {
            Answer::Alarms(of) => Ok(alarms(of)),
            _ => Err(away(self.strange())),
        }
    }
}

impl std::fmt::Debug for RemoteSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteSigner").field("path", &self.path).finish_non_exhaustive()
    }
}
