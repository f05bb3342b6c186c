//! Mail at the meter: what comes is opened and handled, what goes back is sealed (docs/meter.md, sections 7 to 10).

use super::inbox::{MailRefusal, Received};
use super::memory_map::KEYS;
use super::{Hardware, Meter, MeterError, Reading};
use crate::id::{Binding, CardId};
use crate::message::{Envelope, Opened, Slot};
use crate::parameters::{KeyChange, NewKeys};

impl<H: Hardware> Meter<H> {
    /// Mail of the issuer has come, by a card or over the network (docs/meter.md, section 7).
    pub fn receive(
        &mut self,
        reading: Reading,
        carrier: Option<CardId>,
        mail: &Envelope,
    ) -> Result<Received, MeterError> {
        self.tick(reading)?;
        let result = self.handle(reading, carrier, mail);
        let result = self.or_back(result)?;
        Ok(Received { slot: mail.slot, version: mail.version, result })
    }

    fn handle(
        &mut self,
        reading: Reading,
        carrier: Option<CardId>,
        mail: &Envelope,
    ) -> Result<Result<(), MailRefusal>, MeterError> {
        let result = self.take(reading, carrier, mail)?;
        match result {
            Ok(()) => self.state.inbox.raise(mail.slot, mail.version),
            // Anybody may send anything over a network: that must not wear the memory.
            Err(MailRefusal::UnknownKeyVersion | MailRefusal::Altered) if carrier.is_none() => {}
            Err(refusal) => self.state.refuse_mail(mail.slot, mail.version, refusal),
        }
        self.bring()?;
        self.keep()?;
        Ok(result)
    }

    #[inline(never)]
    fn take(
        &mut self,
        reading: Reading,
        carrier: Option<CardId>,
        mail: &Envelope,
    ) -> Result<Result<(), MailRefusal>, MeterError> {
        match self.open(mail) {
            Err(refusal) => Ok(Err(refusal)),
            Ok(plaintext) if mail.slot == Slot::METER_KEYS => {
                self.take_keys(mail.version, plaintext.as_slice())
            }
            Ok(plaintext) => {
                Ok(self.state.take_mail(reading.clock, carrier, mail.slot, plaintext.as_slice()))
            }
        }
    }

    fn open(&mut self, mail: &Envelope) -> Result<Opened, MailRefusal> {
        if mail.binding.meter != self.identity.id {
            return Err(MailRefusal::OtherMeter);
        }
        if mail.binding.number != self.state.binding {
            return Err(MailRefusal::OtherBinding);
        }
        if mail.version <= self.state.inbox.version(mail.slot) {
            return Err(MailRefusal::Stale);
        }
        let keys = self.keys.parameter(mail.key_version).ok_or(MailRefusal::UnknownKeyVersion)?;
        mail.open(&mut self.hardware, keys, self.identity.scope).map_err(|_| MailRefusal::Altered)
    }

    /// New keys (docs/meter.md, section 9). They are stored first, with what mail brought them: where power is cut before that counts
    /// as taken, it does at the next power-up.
    fn take_keys(&mut self, mail: u32, plaintext: &[u8]) -> Result<Result<(), MailRefusal>, MeterError> {
        let Ok(change) = KeyChange::parse(plaintext) else { return Ok(Err(MailRefusal::Malformed)) };
        let transport = self.keys.transport();
        let scope = self.identity.scope;
        let opened = (change.transport_version == transport.version)
            .then(|| change.open(&mut self.hardware, &transport.key, scope).ok())
            .flatten();
        let Some(new) = opened else { return Ok(Err(MailRefusal::UnusableKeys)) };
        let version = new.version();
        match self.rotate(&new, mail)? {
            None => return Ok(Err(MailRefusal::UnusableKeys)),
            // Also where they were in use already: the issuer learns from readings that they are.
            Some(_) => self.state.keys_changed(version),
        }
        Ok(Ok(()))
    }

    /// A power cut between new keys and the state: what is left to do.
    pub(super) fn finish_key_change(&mut self) -> Result<(), MeterError> {
        let mail = self.keys.brought_by();
        let slot = Slot::METER_KEYS;
        if mail.binding != self.state.binding || mail.version <= self.state.inbox.version(slot) {
            return Ok(());
        }
        self.overwrite_replaced_keys()?;
        self.state.keys_changed(mail.keys);
        self.state.inbox.raise(slot, mail.version);
        let result = self.keep();
        self.or_back(result)
    }

    fn rotate(&mut self, new: &NewKeys, mail: u32) -> Result<Option<bool>, MeterError> {
        let place = self.place()?;
        let Ok(changed) = self.keys.rotate(new, (self.state.binding, mail)) else { return Ok(None) };
        if changed {
            // Until the new keys are stored, what is here is ahead of memory.
            self.place = None;
            self.write_keys(Some(self.keys_epoch))?;
            self.overwrite_replaced_keys()?;
            self.place = Some(place);
        }
        Ok(Some(changed))
    }

    /// The log has two slots, and the other one still holds the keys as they were.
    fn overwrite_replaced_keys(&mut self) -> Result<(), MeterError> {
        self.write_keys(Some(self.keys_epoch))
    }

    /// Writes identity and keys over those of epoch `newest`; where there is none, for the first time.
    #[inline(never)]
    pub(super) fn write_keys(&mut self, newest: Option<u32>) -> Result<(), MeterError> {
        let record = self.keys.emit::<{ KEYS.capacity() }>(&self.identity)?;
        self.keys_epoch = KEYS.commit(&mut self.hardware, newest, record.0.as_slice())?;
        Ok(())
    }

    /// Readings, sealed for slot 11, where their version is above `version`.
    pub fn readings(&mut self, version: u32) -> Result<Option<Envelope>, MeterError> {
        let newest = self.state.inbox.readings;
        let readings = self.state.readings(self.keys.in_use());
        self.seal(Slot::READINGS, (newest > version).then_some(newest), &readings.emit())
    }

    /// Audit records, sealed for slot 13, where their version is above `version`.
    pub fn audit(&mut self, version: u32) -> Result<Option<Envelope>, MeterError> {
        let newest = self.state.inbox.audit_count;
        let records = self.state.inbox.audits.emit();
        self.seal(Slot::AUDIT, (newest > version).then_some(newest), records.as_slice())
    }

    fn seal(
        &mut self,
        slot: Slot,
        version: Option<u32>,
        bytes: &[u8],
    ) -> Result<Option<Envelope>, MeterError> {
        let Some(version) = version else { return Ok(None) };
        let Self { hardware, identity, keys, state, .. } = self;
        let binding = Binding { meter: identity.id, number: state.binding };
        let keys = &keys.report().mail;
        Ok(Some(Envelope::seal(hardware, keys, identity.scope, binding, slot, version, bytes)?))
    }
}
