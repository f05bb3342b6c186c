//! LOAD VOUCHER (specification, section 9).

use crate::card::{CardApplication, Reply};
use crate::checks::{addressed_to, ensure, of_binding, put};
use crate::memory_map as map;
use crate::records::PurseRecord;
use card_core::apdu::StatusWord;
use card_core::id::{Channel, State};
use card_core::layout::status;
use card_core::message::{Certificate, LoadRecord, Voucher};
use card_core::platform::Platform;
use card_core::role::Role;
use core::cmp::Ordering;

/// The certificate was new and raised a total.
const LOADED: u8 = 1;
/// The card has this very certificate.
const ALREADY_LOADED: u8 = 2;
/// The card has a newer one.
const OLDER: u8 = 3;
/// The certificate was new; the totals are as they were.
const REFRESHED: u8 = 4;

impl<P: Platform> CardApplication<P> {
    pub(crate) fn load_voucher(&mut self, data: &[u8], reply: &mut Reply) -> Result<StatusWord, StatusWord> {
        ensure(data.len() == Voucher::SIZE, StatusWord::WRONG_LENGTH)?;
        let outer = Voucher::parse_outer(data).map_err(|_| StatusWord::WRONG_DATA)?;
        addressed_to(self.memory()?.identity(), outer.scope, outer.card)?;
        let (version, key) =
            self.with_memory(|m, p| m.single_key(p, Role::Load))?.ok_or(StatusWord::CONDITIONS_OF_USE)?;
        ensure(version == outer.key_version, status::OTHER_KEY_VERSION)?;
        outer.verify(&mut self.platform, &key).map_err(|_| status::NOT_AUTHENTIC)?;
        let voucher = outer.certificate().map_err(|_| StatusWord::WRONG_DATA)?;
        let purse = self.memory()?.purse().clone();
        let held = purse.certificate.ok_or(StatusWord::CONDITIONS_OF_USE)?;
        of_binding(voucher.certificate.binding, held.binding)?;
        let generation = self.memory()?.identity().card.generation;
        ensure(voucher.certificate.generation == generation, status::OTHER_GENERATION)?;
        let outcome = match voucher.certificate.sequence.cmp(&held.sequence) {
            Ordering::Equal => ALREADY_LOADED,
            Ordering::Less => OLDER,
            Ordering::Greater => self.accept(&voucher, held, purse)?,
        };
        put(reply, &[outcome])?;
        let receipt = self.receipt()?;
        put(reply, &receipt.emit())?;
        Ok(StatusWord::OK)
    }

    /// Steps 9 to 13: the log record is written first, and the purse makes it count.
    fn accept(
        &mut self,
        voucher: &Voucher,
        held: Certificate,
        mut purse: PurseRecord,
    ) -> Result<u8, StatusWord> {
        let new = voucher.certificate;
        let credited = new.total_credit.checked_sub(held.total_credit).ok_or(status::TOTALS_FALL)?;
        let debited = new.total_debited.checked_sub(held.total_debited).ok_or(status::TOTALS_FALL)?;
        if purse.state == State::Personalised {
            ensure(voucher.channel == Channel::Branch, status::NOT_ACTIVATED)?;
            purse.state = State::Active;
            purse.activated = true;
        }
        purse.certificate = Some(new);
        if (credited.0, debited.0) == (0, 0) {
            self.with_memory(|m, p| m.set_purse(p, purse))?;
            return Ok(REFRESHED);
        }
        purse.loads = purse.loads.checked_add(1).ok_or(status::EXHAUSTED)?;
        let record = LoadRecord {
            number: purse.loads,
            time: new.issue_time,
            channel: voucher.channel,
            reference: voucher.reference,
            sequence: new.sequence,
            credited,
            debited,
            total_credit: new.total_credit,
        };
        self.with_memory(|m, p| {
            m.write_history(p, map::LOADS, record.number, &record.emit())?;
            m.set_purse(p, purse)
        })?;
        Ok(LOADED)
    }
}
