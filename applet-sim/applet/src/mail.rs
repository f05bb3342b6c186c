//! PUT MAIL, GET MAIL and PUT METER MAIL (specification, section 10).

use crate::card::{CardApplication, Reply};
use crate::checks::{addressed_to, ensure, no_data, of_binding, put};
use card_core::apdu::StatusWord;
use card_core::layout::status;
use card_core::message::{Delivery, Direction, Envelope, MAX_ENVELOPE, Slot};
use card_core::platform::Platform;
use card_core::role::Role;
use core::cmp::Ordering;

const STORED: u8 = 1;
const ALREADY_STORED: u8 = 2;

impl<P: Platform> CardApplication<P> {
    pub(crate) fn put_mail(&mut self, data: &[u8], reply: &mut Reply) -> Result<StatusWord, StatusWord> {
        ensure((64..=Delivery::MAX).contains(&data.len()), StatusWord::WRONG_LENGTH)?;
        let delivery = Delivery::parse(data).map_err(|_| StatusWord::WRONG_DATA)?;
        addressed_to(self.memory()?.identity(), delivery.scope, delivery.card)?;
        let (version, key) =
            self.with_memory(|m, p| m.single_key(p, Role::Load))?.ok_or(StatusWord::CONDITIONS_OF_USE)?;
        ensure(version == delivery.key_version, status::OTHER_KEY_VERSION)?;
        delivery.verify(&mut self.platform, &key).map_err(|_| status::NOT_AUTHENTIC)?;
        let envelope = delivery.envelope().map_err(|_| StatusWord::WRONG_DATA)?;
        ensure(envelope.slot.direction() == Direction::ToMeter, StatusWord::WRONG_DATA)?;
        let own = self.memory()?.purse().certificate.ok_or(StatusWord::CONDITIONS_OF_USE)?.binding;
        of_binding(envelope.binding, own)?;
        self.keep(&envelope, reply)
    }

    pub(crate) fn put_meter_mail(
        &mut self,
        data: &[u8],
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        ensure((35..=MAX_ENVELOPE).contains(&data.len()), StatusWord::WRONG_LENGTH)?;
        let envelope = Envelope::parse(data).map_err(|_| StatusWord::WRONG_DATA)?;
        ensure(envelope.slot.direction() == Direction::ToIssuer, StatusWord::WRONG_DATA)?;
        let own = self.memory()?.purse().certificate.ok_or(StatusWord::CONDITIONS_OF_USE)?.binding;
        ensure(envelope.binding.meter == own.meter, status::OTHER_METER)?;
        let of_closed = envelope.slot == Slot::FINAL_REPORT && envelope.binding.number < own.number;
        ensure(of_closed || envelope.binding.number == own.number, status::OTHER_BINDING)?;
        self.keep(&envelope, reply)
    }

    fn keep(&mut self, envelope: &Envelope, reply: &mut Reply) -> Result<StatusWord, StatusWord> {
        let outcome =
            match (envelope.binding.number, envelope.version).cmp(&self.memory()?.mail_held(envelope.slot)) {
                Ordering::Less => return Err(status::STALE),
                Ordering::Equal => ALREADY_STORED,
                Ordering::Greater => {
                    self.with_memory(|m, p| m.set_mail(p, envelope))?;
                    STORED
                }
            };
        put(reply, &[outcome, envelope.slot.number()])?;
        put(reply, &envelope.version.to_be_bytes())?;
        Ok(StatusWord::OK)
    }

    pub(crate) fn get_mail(
        &mut self,
        slot: Option<Slot>,
        data: &[u8],
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        no_data(data)?;
        let slot = slot.ok_or(StatusWord::DATA_NOT_FOUND)?;
        let envelope = self.with_memory(|m, p| m.mail(p, slot))?.ok_or(StatusWord::DATA_NOT_FOUND)?;
        put(reply, envelope.as_bytes())?;
        Ok(StatusWord::OK)
    }
}
