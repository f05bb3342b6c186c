//! The persistent half of the card: everything that survives a reset, and the only code that writes it.

use crate::key_records::{
    NO_BINDING, WIPING, emit_binding, emit_key_set, emit_single_key, parse_key_set, parse_single_key,
};
use crate::memory_map as map;
use crate::records::{FAILURES_SIZE, IdentityRecord, PurseRecord, SettlementRecord};
use card_core::bytes::{Buffer, Reader, WrongLength};
use card_core::id::{CardId, Environment};
use card_core::key::AesKey;
use card_core::message::{BindingCertificate, Envelope, MAX_ENVELOPE, Slot};
use card_core::platform::Memory;
use card_core::role::{KeyVersion, Role};
use card_core::scp03::KeySet;
use card_core::store::{Log, Ring, StoreError};
use zeroize::Zeroizing;

/// The memory does not hold what it should: the card answers 6581 until its next power-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed;

impl From<StoreError> for Failed {
    fn from(_: StoreError) -> Self {
        Self
    }
}

impl From<WrongLength> for Failed {
    fn from(_: WrongLength) -> Self {
        Self
    }
}

/// Longest payload of any log here: three pages.
const LONGEST: usize = 182;
/// A log, and the epoch of the state that it holds.
struct Cell {
    log: Log,
    epoch: Option<u32>,
}

impl Cell {
    /// Finds the state at power-up, and repairs what a power cut left.
    fn recover(
        log: Log,
        memory: &mut impl Memory,
        out: &mut Payload,
    ) -> Result<(Self, Option<usize>), Failed> {
        let found = log.recover(memory, out)?;
        Ok((Self { log, epoch: found.map(|record| record.epoch) }, found.map(|record| record.len)))
    }

    /// Reads the state, which [`Self::recover`] has made safe.
    fn read<'a>(&self, memory: &mut impl Memory, out: &'a mut Payload) -> Result<Option<&'a [u8]>, Failed> {
        let found = self.log.peek(memory, out)?;
        match found {
            Some(record) if Some(record.epoch) == self.epoch => Ok(out.get(..record.len)),
            None if self.epoch.is_none() => Ok(None),
            _ => Err(Failed),
        }
    }

    fn commit(&mut self, memory: &mut impl Memory, payload: &[u8], written: &mut u32) -> Result<(), Failed> {
        self.epoch = Some(self.log.commit(memory, self.epoch, payload)?);
        *written = written.wrapping_add(1);
        Ok(())
    }

    /// Overwrites what a log of two slots holds in both. Only the last state is [`NO_BINDING`], so that recovery can tell whether it was
    /// finished.
    fn wipe(&mut self, memory: &mut impl Memory, written: &mut u32) -> Result<(), Failed> {
        if self.epoch.is_none() {
            return Ok(());
        }
        self.commit(memory, &WIPING, written)?;
        self.commit(memory, &NO_BINDING, written)
    }
}

/// Room for any payload, wiped when dropped, since some are keys.
struct Payload(Zeroizing<[u8; LONGEST + card_core::platform::PAGE]>);

impl Payload {
    fn new() -> Self {
        Self(Zeroizing::new([0; _]))
    }
}

impl core::ops::Deref for Payload {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &*self.0
    }
}

impl core::ops::DerefMut for Payload {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut *self.0
    }
}

/// Everything that survives a reset. Small and hot records are kept in RAM as well; keys and mail are not.
pub(crate) struct Persistent {
    identity: (Cell, IdentityRecord),
    purse: (Cell, PurseRecord),
    settlement: (Cell, SettlementRecord),
    /// No cell where its pages are worn out: then nothing is counted any more.
    failures: (Option<Cell>, [u16; 4]),
    bindings: [Cell; 2],
    keys: [KeyCell; 5],
    mail: [MailCell; Slot::COUNT],
    /// Records written since power-up, history records included.
    written: u32,
}

struct KeyCell {
    role: Role,
    cell: Cell,
    /// Key version number and length, as GET DATA shows them.
    present: Option<(KeyVersion, u8)>,
}

struct MailCell {
    cell: Cell,
    binding_marker: u16,
    /// Number of the binding and version of the envelope; the number matters in the slot for final reports.
    held: (u32, u32),
}

impl Persistent {
    /// What a card maker does: writes the identity of a blank card and its initial admin key set.
    pub(crate) fn manufacture(
        memory: &mut impl Memory,
        card: CardId,
        environment: Environment,
        admin: &KeySet,
    ) -> Result<(), Failed> {
        map::ADMIN_KEYS.commit(memory, None, emit_key_set(admin)?.as_slice())?;
        map::PURSE.commit(memory, None, PurseRecord::blank().emit()?.as_slice())?;
        map::IDENTITY.commit(memory, None, IdentityRecord::blank(card, environment).emit()?.as_slice())?;
        Ok(())
    }

    /// Power-up: makes doubtful memory safe and reads the small records.
    pub(crate) fn recover(memory: &mut impl Memory) -> Result<Self, Failed> {
        let mut payload = Payload::new();
        let out = &mut payload;
        let (cell, found) = Cell::recover(map::IDENTITY, memory, out)?;
        let record = found.and_then(|len| out.get(..len)).and_then(IdentityRecord::parse).ok_or(Failed)?;
        let identity = (cell, record);
        let (cell, found) = Cell::recover(map::PURSE, memory, out)?;
        let record = found.and_then(|len| out.get(..len)).and_then(PurseRecord::parse).ok_or(Failed)?;
        let marker = record.binding_marker;
        let purse = (cell, record);
        let (cell, found) = Cell::recover(map::SETTLEMENT, memory, out)?;
        let record = match found {
            Some(len) => out.get(..len).and_then(SettlementRecord::parse).ok_or(Failed)?,
            None => SettlementRecord::none(marker),
        };
        let current = record.binding_marker == marker;
        let settlement = (cell, if current { record } else { SettlementRecord::none(marker) });
        let failures = match Cell::recover(map::FAILURES, memory, out) {
            Ok((cell, Some(len))) => {
                (Some(cell), out.get(..len).and_then(parse_failures).unwrap_or_default())
            }
            Ok((cell, None)) => (Some(cell), [0; 4]),
            Err(Failed) => (None, [0; 4]),
        };
        let [first, second] = map::BINDINGS;
        let mut recovered = |log| -> Result<_, Failed> {
            let (cell, found) = Cell::recover(log, memory, out)?;
            let wiped = found.is_none_or(|len| out.get(..len) == Some(&NO_BINDING[..]));
            Ok((cell, wiped))
        };
        let ((first, first_wiped), (second, second_wiped)) = (recovered(first)?, recovered(second)?);
        let mut bindings = [first, second];
        // A BIND that was cut: the log that does not count still holds keys, of the former binding or of one that never came to count.
        let wiped = if purse.1.binding_log == 0 { second_wiped } else { first_wiped };
        if !wiped && let Some(former) = bindings.get_mut(usize::from(purse.1.binding_log ^ 1)) {
            // Nothing depends on it: where it fails, the next power-up tries again.
            let _ = former.wipe(memory, &mut 0);
        }
        let keys = [
            KeyCell::recover(Role::Admin, map::ADMIN_KEYS, memory, out)?,
            KeyCell::recover(Role::Vending, map::VENDING_KEYS, memory, out)?,
            KeyCell::recover(Role::Holder, map::HOLDER_KEYS, memory, out)?,
            KeyCell::recover(Role::Load, map::LOAD_KEY, memory, out)?,
            KeyCell::recover(Role::Receipt, map::RECEIPT_KEY, memory, out)?,
        ];
        let mut failed = false;
        let mail = Slot::ALL.map(|slot| {
            MailCell::recover(slot, memory, out).unwrap_or_else(|Failed| {
                failed = true;
                MailCell::empty(slot)
            })
        });
        if failed {
            return Err(Failed);
        }
        Ok(Self { identity, purse, settlement, failures, bindings, keys, mail, written: 0 })
    }

    /// Writes a history record; it counts once the state record that names its number is written.
    pub(crate) fn write_history(
        &mut self,
        memory: &mut impl Memory,
        ring: Ring,
        number: u32,
        record: &[u8],
    ) -> Result<(), Failed> {
        ring.write(memory, number, record)?;
        self.written = self.written.wrapping_add(1);
        Ok(())
    }

    /// Records written since power-up.
    pub(crate) const fn written(&self) -> u32 {
        self.written
    }

    pub(crate) fn identity(&self) -> &IdentityRecord {
        &self.identity.1
    }

    pub(crate) fn set_identity(
        &mut self,
        memory: &mut impl Memory,
        record: IdentityRecord,
    ) -> Result<(), Failed> {
        self.identity.0.commit(memory, record.emit()?.as_slice(), &mut self.written)?;
        self.identity.1 = record;
        Ok(())
    }

    pub(crate) fn purse(&self) -> &PurseRecord {
        &self.purse.1
    }

    pub(crate) fn set_purse(&mut self, memory: &mut impl Memory, record: PurseRecord) -> Result<(), Failed> {
        self.purse.0.commit(memory, record.emit()?.as_slice(), &mut self.written)?;
        self.purse.1 = record;
        Ok(())
    }

    pub(crate) fn settlement(&self) -> &SettlementRecord {
        &self.settlement.1
    }

    pub(crate) fn set_settlement(
        &mut self,
        memory: &mut impl Memory,
        record: SettlementRecord,
    ) -> Result<(), Failed> {
        self.settlement.0.commit(memory, record.emit()?.as_slice(), &mut self.written)?;
        self.settlement.1 = record;
        Ok(())
    }

    /// Failed authentications of a role since its last success.
    pub(crate) fn failures(&self, role: Role) -> u16 {
        role.session_index().and_then(|index| self.failures.1.get(index)).copied().unwrap_or(0)
    }

    pub(crate) fn set_failures(
        &mut self,
        memory: &mut impl Memory,
        role: Role,
        count: u16,
    ) -> Result<(), Failed> {
        let mut counters = self.failures.1;
        if let Some(counter) = role.session_index().and_then(|index| counters.get_mut(index)) {
            *counter = count;
        }
        let mut out = Buffer::<FAILURES_SIZE>::new();
        for counter in counters {
            out.u16(counter)?;
        }
        let Some(cell) = &mut self.failures.0 else { return Ok(()) };
        cell.commit(memory, out.as_slice(), &mut self.written)?;
        self.failures.1 = counters;
        Ok(())
    }

    /// The binding certificate; `None` before BIND.
    pub(crate) fn binding(&self, memory: &mut impl Memory) -> Result<Option<BindingCertificate>, Failed> {
        let mut payload = Payload::new();
        let Some(bytes) = self.read_binding(memory, &mut payload)? else { return Ok(None) };
        let certificate = bytes.get(..BindingCertificate::SIZE).ok_or(Failed)?;
        BindingCertificate::parse(certificate).map(Some).map_err(|_| Failed)
    }

    fn read_binding<'a>(
        &self,
        memory: &mut impl Memory,
        payload: &'a mut Payload,
    ) -> Result<Option<&'a [u8]>, Failed> {
        if self.purse.1.certificate.is_none() {
            return Ok(None);
        }
        let cell = self.bindings.get(usize::from(self.purse.1.binding_log)).ok_or(Failed)?;
        cell.read(memory, payload)
    }

    /// BIND: binding and meter keys go to the log that does not count, then the purse makes it count. What the other log held is
    /// overwritten in all its slots, so that no copy of the former meter keys stays behind.
    pub(crate) fn bind(
        &mut self,
        memory: &mut impl Memory,
        binding: &BindingCertificate,
        keys: &KeySet,
        purse: PurseRecord,
    ) -> Result<(), Failed> {
        let cell = self.bindings.get_mut(usize::from(purse.binding_log)).ok_or(Failed)?;
        cell.commit(memory, emit_binding(binding, keys)?.as_slice(), &mut self.written)?;
        let marker = purse.binding_marker;
        let former = usize::from(purse.binding_log ^ 1);
        self.set_purse(memory, purse)?;
        self.settlement.1 = SettlementRecord::none(marker);
        let former = self.bindings.get_mut(former).ok_or(Failed)?;
        former.wipe(memory, &mut self.written)
    }

    /// Key version number and key length of a role's keys, where the card has them.
    pub(crate) fn key_info(
        &self,
        memory: &mut impl Memory,
        role: Role,
    ) -> Result<Option<(KeyVersion, u8)>, Failed> {
        if role == Role::Meter {
            return Ok(self.key_set(memory, role)?.map(|set| (set.version(), set.length().bytes() as u8)));
        }
        Ok(self.keys.iter().find(|key| key.role == role).and_then(|key| key.present))
    }

    /// The key set of a role with sessions.
    pub(crate) fn key_set(&self, memory: &mut impl Memory, role: Role) -> Result<Option<KeySet>, Failed> {
        let mut payload = Payload::new();
        let bytes = match role {
            Role::Meter => self
                .read_binding(memory, &mut payload)?
                .and_then(|bytes| bytes.get(BindingCertificate::SIZE..)),
            _ => match self.keys.iter().find(|key| key.role == role) {
                Some(key) => key.cell.read(memory, &mut payload)?,
                None => None,
            },
        };
        bytes.map(|bytes| parse_key_set(bytes).ok_or(Failed)).transpose()
    }

    /// The single key of a role, with its version.
    pub(crate) fn single_key(
        &self,
        memory: &mut impl Memory,
        role: Role,
    ) -> Result<Option<(KeyVersion, AesKey)>, Failed> {
        let Some(key) = self.keys.iter().find(|key| key.role == role) else { return Ok(None) };
        let mut payload = Payload::new();
        let Some(bytes) = key.cell.read(memory, &mut payload)? else { return Ok(None) };
        parse_single_key(bytes).ok_or(Failed).map(Some)
    }

    /// Replaces a role's key set as a whole. It is written twice, so that no copy of the old keys stays behind (but where power is cut
    /// between the two: then until the next replacement).
    pub(crate) fn set_key_set(
        &mut self,
        memory: &mut impl Memory,
        role: Role,
        keys: &KeySet,
    ) -> Result<(), Failed> {
        if role == Role::Meter {
            let binding = self.binding(memory)?.ok_or(Failed)?;
            let payload = emit_binding(&binding, keys)?;
            let cell = self.bindings.get_mut(usize::from(self.purse.1.binding_log)).ok_or(Failed)?;
            cell.commit(memory, payload.as_slice(), &mut self.written)?;
            return cell.commit(memory, payload.as_slice(), &mut self.written);
        }
        let payload = emit_key_set(keys)?;
        self.set_key(memory, role, payload.as_slice(), (keys.version(), keys.length().bytes() as u8))
    }

    /// Replaces the key of a role that has one.
    pub(crate) fn set_single_key(
        &mut self,
        memory: &mut impl Memory,
        role: Role,
        version: KeyVersion,
        key: &AesKey,
    ) -> Result<(), Failed> {
        let payload = emit_single_key(version, key)?;
        self.set_key(memory, role, payload.as_slice(), (version, key.length().bytes() as u8))
    }

    fn set_key(
        &mut self,
        memory: &mut impl Memory,
        role: Role,
        payload: &[u8],
        info: (KeyVersion, u8),
    ) -> Result<(), Failed> {
        let key = self.keys.iter_mut().find(|key| key.role == role).ok_or(Failed)?;
        key.cell.commit(memory, payload, &mut self.written)?;
        key.cell.commit(memory, payload, &mut self.written)?;
        key.present = Some(info);
        Ok(())
    }

    /// Version of the mail in a slot; 0: empty.
    pub(crate) fn mail_version(&self, slot: Slot) -> u32 {
        self.mail_held(slot).1
    }

    /// Number of the binding and version of the mail in a slot; (0, 0): empty.
    pub(crate) fn mail_held(&self, slot: Slot) -> (u32, u32) {
        match self.mail.get(slot.index()) {
            Some(mail) if mail.binding_marker == self.purse.1.binding_marker => mail.held,
            _ => (0, 0),
        }
    }

    /// Versions of all slots, as the mail directory has them.
    pub(crate) fn mail_versions(&self) -> [u32; Slot::COUNT] {
        let mut versions = [0; Slot::COUNT];
        for (version, slot) in versions.iter_mut().zip(Slot::ALL) {
            *version = self.mail_version(slot);
        }
        versions
    }

    /// The mail in a slot.
    pub(crate) fn mail(&self, memory: &mut impl Memory, slot: Slot) -> Result<Option<Envelope>, Failed> {
        if self.mail_version(slot) == 0 {
            return Ok(None);
        }
        let mail = self.mail.get(slot.index()).ok_or(Failed)?;
        let mut payload = Payload::new();
        let bytes = mail.cell.read(memory, &mut payload)?.and_then(|bytes| bytes.get(2..)).ok_or(Failed)?;
        Envelope::parse(bytes).map(Some).map_err(|_| Failed)
    }

    pub(crate) fn set_mail(&mut self, memory: &mut impl Memory, envelope: &Envelope) -> Result<(), Failed> {
        let marker = self.purse.1.binding_marker;
        let mut out = Buffer::<{ MAX_ENVELOPE + 2 }>::new();
        out.u16(marker)?.put(envelope.as_bytes())?;
        let mail = self.mail.get_mut(envelope.slot.index()).ok_or(Failed)?;
        mail.cell.commit(memory, out.as_slice(), &mut self.written)?;
        mail.binding_marker = marker;
        mail.held = (envelope.binding.number, envelope.version);
        Ok(())
    }
}

impl KeyCell {
    fn recover(role: Role, log: Log, memory: &mut impl Memory, out: &mut Payload) -> Result<Self, Failed> {
        let (cell, found) = Cell::recover(log, memory, out)?;
        let info = |bytes: &[u8]| Some((KeyVersion::from_byte(*bytes.first()?), *bytes.get(1)?));
        let present = match found {
            Some(len) => Some(out.get(..len).and_then(info).ok_or(Failed)?),
            None => None,
        };
        Ok(Self { role, cell, present })
    }
}

impl MailCell {
    fn recover(slot: Slot, memory: &mut impl Memory, out: &mut Payload) -> Result<Self, Failed> {
        let (cell, found) = Cell::recover(map::mail(slot), memory, out)?;
        let Some(len) = found else { return Ok(Self { cell, binding_marker: 0, held: (0, 0) }) };
        let mut reader = Reader::new(out.get(..len).ok_or(Failed)?);
        let binding_marker = reader.u16()?;
        let envelope = Envelope::parse(reader.rest()).map_err(|_| Failed)?;
        Ok(Self { cell, binding_marker, held: (envelope.binding.number, envelope.version) })
    }

    fn empty(slot: Slot) -> Self {
        Self { cell: Cell { log: map::mail(slot), epoch: None }, binding_marker: 0, held: (0, 0) }
    }
}

fn parse_failures(bytes: &[u8]) -> Option<[u16; 4]> {
    let mut reader = Reader::new(bytes);
    let mut counters = [0; 4];
    for counter in &mut counters {
        *counter = reader.u16().ok()?;
    }
    reader.end().ok()?;
    Some(counters)
}
