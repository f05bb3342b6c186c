//! SELECT, READ BINARY, READ RECORD and GET DATA (specification, 7.1 to 7.4).

use crate::card::{CardApplication, Channel, Reply};
use crate::checks::{ensure, no_data, put};
use crate::memory_map as map;
use crate::request::{Object, Place, Records};
use card_core::apdu::{Le, StatusWord};
use card_core::bytes::Buffer;
use card_core::id::AID;
use card_core::layout::{
    Authority, DIRECTORY_SIZE, File, Form, Identity, PublicBalances, PublicStatus, PurseFile, status,
};
use card_core::message::{BindingCertificate, MeterFlags, MeterReceipt, Month, Receipt};
use card_core::platform::Platform;
use card_core::role::Role;

/// Shortest part of the AID that selects the application.
const SHORTEST_AID: usize = 5;
/// Most bytes of records in an answer: what fits one with secure messaging.
const MOST_RECORDS: usize = 239;
/// Longest transparent file.
const LONGEST_FILE: usize = BindingCertificate::SIZE + PurseFile::SIZE + DIRECTORY_SIZE;

impl<P: Platform> CardApplication<P> {
    pub(crate) fn select(
        &mut self,
        answer: bool,
        data: &[u8],
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        let ours = data.is_empty() || (data.len() >= SHORTEST_AID && AID.starts_with(data));
        ensure(ours, StatusWord::FILE_NOT_FOUND)?;
        self.volatile.channel = Channel::Idle;
        self.volatile.current_file = None;
        if answer {
            put(reply, &[0x6F, 0x21, 0x84, 0x08])?;
            put(reply, &AID)?;
            put(reply, &[0xA5, 0x15, 0x9F, 0x65, 0x01, 0xFF, 0xC1, 0x0F])?;
            put(reply, &self.summary())?;
        }
        Ok(StatusWord::OK)
    }

    /// The card summary; of a card whose memory has failed only that is known.
    pub(crate) fn summary(&self) -> [u8; 15] {
        match &self.persistent {
            Some(persistent) => persistent.identity().summary(self.state()).emit(),
            None => {
                let mut summary = [0; 15];
                let [layout, _, environment, ..] = &mut summary;
                *layout = card_core::id::LAYOUT;
                *environment = card_core::id::Environment::Test.code();
                summary
            }
        }
    }

    pub(crate) fn read_binary(
        &mut self,
        authority: Option<Authority>,
        place: Place,
        le: Option<Le>,
        data: &[u8],
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        let (file, offset) = match place {
            Place::Of { file, offset } => (file.ok_or(StatusWord::FILE_NOT_FOUND)?, usize::from(offset)),
            Place::InCurrent { offset } => {
                (self.volatile.current_file.ok_or(StatusWord::NOT_ALLOWED)?, usize::from(offset))
            }
        };
        ensure(file.may_be_read_by(authority), StatusWord::SECURITY_STATUS)?;
        no_data(data)?;
        let Form::Transparent(size) = file.form() else { return Err(status::WRONG_FORM) };
        let content = self.content(file)?;
        self.volatile.current_file = Some(file);
        let rest = content.as_slice().get(offset..size).ok_or(StatusWord::WRONG_OFFSET)?;
        ensure(!rest.is_empty(), StatusWord::WRONG_OFFSET)?;
        let wanted = match le.map(Le::bytes) {
            None | Some(256) => rest.len(),
            Some(wanted) => wanted,
        };
        put(reply, rest.get(..wanted).unwrap_or(rest))?;
        Ok(if wanted > rest.len() { status::END_OF_FILE } else { StatusWord::OK })
    }

    fn content(&mut self, file: File) -> Result<Buffer<LONGEST_FILE>, StatusWord> {
        let mut out = Buffer::new();
        let memory = self.memory()?;
        let bound = memory.purse().certificate;
        let settlement = memory.settlement();
        let stored = memory.identity().is_stored();
        let written = match file {
            File::Identity => out.put(&memory.identity().file().emit()).map(|_| ()),
            File::Profile if stored => out.put(&memory.identity().profile).map(|_| ()),
            File::Binding => {
                let binding = self.with_memory(|m, p| m.binding(p))?.ok_or(StatusWord::FILE_NOT_FOUND)?;
                out.put(&binding.emit()).map(|_| ())
            }
            File::Purse => out.put(&self.purse_file().ok_or(StatusWord::FILE_NOT_FOUND)?.emit()).map(|_| ()),
            File::Meter if bound.is_some() => match &settlement.settled {
                Some((receipt, month)) => {
                    out.put(&receipt.emit()).and_then(|out| out.put(&month.emit())).map(|_| ())
                }
                None => out.put(&[0; MeterReceipt::SIZE + Month::SIZE]).map(|_| ()),
            },
            File::MailDirectory if bound.is_some() => {
                memory.mail_versions().iter().try_for_each(|version| out.u32(*version).map(|_| ()))
            }
            File::Account => {
                for part in [File::Binding, File::Purse, File::MailDirectory] {
                    out.put(self.content(part)?.as_slice()).map_err(|_| StatusWord::UNKNOWN)?;
                }
                Ok(())
            }
            _ => return Err(StatusWord::FILE_NOT_FOUND),
        };
        written.map_err(|_| StatusWord::UNKNOWN)?;
        Ok(out)
    }

    fn purse_file(&self) -> Option<PurseFile> {
        let memory = self.persistent.as_ref()?;
        let purse = memory.purse();
        let (settled_credit, settled_debited) = self.settled();
        Some(PurseFile {
            certificate: purse.certificate?,
            settled_credit,
            settled_debited,
            loads: purse.loads,
            state: purse.state,
            activated: purse.activated,
        })
    }

    pub(crate) fn read_record(
        &mut self,
        authority: Option<Authority>,
        file: Option<File>,
        (number, how): (u8, Records),
        data: &[u8],
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        let file = file.ok_or(StatusWord::FILE_NOT_FOUND)?;
        ensure(file.may_be_read_by(authority), StatusWord::SECURITY_STATUS)?;
        no_data(data)?;
        let Form::Cyclic { size, count } = file.form() else { return Err(status::WRONG_FORM) };
        ensure(self.memory()?.purse().certificate.is_some(), StatusWord::FILE_NOT_FOUND)?;
        ensure(number <= count, StatusWord::RECORD_NOT_FOUND)?;
        let memory = self.memory()?;
        let settlement = memory.settlement();
        // Places in the ring, and the number of the newest record. Numbers may have gaps, places have none: else a record
        // that is being written could take the place of one that still counts.
        let (ring, places, last) = match file {
            File::LoadLog => (map::LOADS, 1..=memory.purse().loads, memory.purse().loads),
            File::Months => {
                let (count, last) = settlement.months.ok_or(StatusWord::RECORD_NOT_FOUND)?;
                (map::MONTHS, 0..=u32::from(count.saturating_sub(1)), u32::from(last))
            }
            File::Events => {
                let (count, last) = settlement.events.ok_or(StatusWord::RECORD_NOT_FOUND)?;
                (map::EVENTS, 0..=count.saturating_sub(1), last)
            }
            _ => return Err(status::WRONG_FORM),
        };
        // The wanted ones by their own numbers, newest first; without gaps the newest of them is here, with gaps it is later.
        let wanted = match how {
            Records::One => number..=number,
            Records::AllFrom => number..=count,
        };
        for place in places.rev().take(ring.pages().into()) {
            let mut record = [0; 48];
            if self.with_memory(|_, p| Ok(ring.read(p, place, &mut record)?))? != Some(size) {
                continue;
            }
            let [a, b, c, d, ..] = record;
            let found = match file {
                File::Months => u32::from(u16::from_be_bytes([a, b])),
                _ => u32::from_be_bytes([a, b, c, d]),
            };
            let Some(back) = last.checked_sub(found) else { continue };
            if back >= u32::from(*wanted.end()) || reply.len() + size > MOST_RECORDS {
                break;
            }
            if back + 1 >= u32::from(*wanted.start()) {
                put(reply, record.get(..size).unwrap_or_default())?;
            }
        }
        ensure(!reply.is_empty(), StatusWord::RECORD_NOT_FOUND)?;
        Ok(StatusWord::OK)
    }

    pub(crate) fn get_data(
        &mut self,
        authority: Option<Authority>,
        object: Option<Object>,
        data: &[u8],
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        let public = object != Some(Object::Receipt) || !self.balance_is_private()?;
        ensure(public || authority.is_some(), StatusWord::SECURITY_STATUS)?;
        no_data(data)?;
        match object.ok_or(StatusWord::DATA_NOT_FOUND)? {
            Object::CardRecognition => {
                put(reply, &RECOGNITION)?;
                put(reply, &[self.memory()?.identity().mode.i()])?;
            }
            Object::KeyInformation => self.key_information(reply)?,
            Object::PublicStatus => {
                let status = PublicStatus { state: self.state(), balances: self.public_balances()? };
                put(reply, &[0xDF, 0x21, 0x20])?;
                put(reply, &status.emit())?;
            }
            Object::Receipt => {
                ensure(self.memory()?.purse().certificate.is_some(), StatusWord::DATA_NOT_FOUND)?;
                let key = self.with_memory(|m, p| m.key_info(p, Role::Receipt))?;
                ensure(key.is_some(), StatusWord::DATA_NOT_FOUND)?;
                put(reply, &[0xDF, 0x22, 0x51])?;
                let receipt = self.receipt()?;
                put(reply, &receipt.emit())?;
            }
        }
        Ok(StatusWord::OK)
    }

    fn key_information(&mut self, reply: &mut Reply) -> Result<(), StatusWord> {
        let mut list = Buffer::<84>::new();
        for (role, ids) in [
            (Role::Admin, 3),
            (Role::Vending, 3),
            (Role::Meter, 3),
            (Role::Holder, 3),
            (Role::Load, 1),
            (Role::Receipt, 1),
        ] {
            let Some((version, length)) = self.with_memory(|m, p| m.key_info(p, role))? else { continue };
            for id in 1..=ids {
                list.put(&[0xC0, 0x04, id, version.byte(), 0x88, length]).map_err(|_| StatusWord::UNKNOWN)?;
            }
        }
        put(reply, &[0xE0, list.len() as u8])?;
        put(reply, list.as_slice())
    }

    fn balance_is_private(&self) -> Result<bool, StatusWord> {
        Ok(self.memory()?.identity().flags & Identity::BALANCE_PRIVATE != 0)
    }

    fn public_balances(&self) -> Result<Option<PublicBalances>, StatusWord> {
        if self.balance_is_private()? {
            return Ok(None);
        }
        let Some(certificate) = self.memory()?.purse().certificate else {
            return Ok(Some(PublicBalances::default()));
        };
        let (settled_credit, settled_debited) = self.settled();
        let at_meter = self.memory()?.settlement().settled.map(|(receipt, _)| card_core::layout::AtMeter {
            balance: receipt.balance,
            time: receipt.time,
            flags: MeterFlags(receipt.flags.0 & 0x03),
        });
        Ok(Some(PublicBalances {
            pending_credit: certificate.total_credit.saturating_sub(settled_credit),
            pending_debit: certificate.total_debited.saturating_sub(settled_debited),
            at_meter,
        }))
    }

    /// The latest receipt, made when it is asked for.
    pub(crate) fn receipt(&mut self) -> Result<Receipt, StatusWord> {
        let (key_version, key) =
            self.with_memory(|m, p| m.single_key(p, Role::Receipt))?.ok_or(StatusWord::CONDITIONS_OF_USE)?;
        let memory = self.memory()?;
        let (card, scope) = (memory.identity().card, memory.identity().scope);
        let purse = self.purse_file().ok_or(StatusWord::CONDITIONS_OF_USE)?;
        let receipt = Receipt {
            key_version,
            card,
            binding: purse.certificate.binding,
            sequence: purse.certificate.sequence,
            total_credit: purse.certificate.total_credit,
            total_debited: purse.certificate.total_debited,
            settled_credit: purse.settled_credit,
            settled_debited: purse.settled_debited,
            loads: purse.loads,
            state: purse.state,
            mac: [0; 16],
        };
        Ok(receipt.sign(&mut self.platform, &key, scope))
    }
}

/// Card recognition data (GP appendix H), without its last byte, the SCP03 parameter i.
const RECOGNITION: [u8; 49] = [
    0x66, 0x30, 0x73, 0x2E, 0x06, 0x07, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x01, 0x60, 0x0B, 0x06, 0x09,
    0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x02, 0x02, 0x03, 0x63, 0x09, 0x06, 0x07, 0x2A, 0x86, 0x48, 0x86,
    0xFC, 0x6B, 0x03, 0x64, 0x0B, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x04, 0x03,
];
