//! The card: the card application on its chip, personalised over its commands.

use card_applet::{CardApplication, Protocol, Reply, manufacture};
use card_core::apdu::Command;
use card_core::bytes::Buffer;
use card_core::key::AesKey;
use card_core::layout::PROFILE_SIZE;
use card_core::message::{Delivery, Envelope, Voucher};
use card_core::platform::Engine;
use card_core::role::{KeyVersion, Role, TEST_INITIAL_MASTER};
use card_core::scp03::host::{HostHandshake, HostSession};
use card_core::scp03::{KeySet, Mode, SecurityLevel, key_check_value};
use card_core::soft::SoftEngine;
use card_core::terminal::issue::BindData;

use crate::chip::{Chip, chip};
use crate::issuer::{self, CARD, LENGTH, SCOPE};

type Data = Buffer<255>;

/// The card.
pub struct Card(CardApplication<Chip>);

impl Card {
    /// A customer's card with nothing on it yet.
    #[inline(never)]
    pub fn new() -> Option<Self> {
        let master = AesKey::new(&TEST_INITIAL_MASTER)?;
        manufacture(&mut chip(), CARD.id, SCOPE.environment, &master, LENGTH).ok()?;
        let mut card = Self(CardApplication::power_up(chip(), Protocol::Block));
        card.personalise()?;
        Some(card)
    }

    /// Answers a command.
    #[inline(never)]
    pub fn process(&mut self, command: &[u8]) -> Reply {
        let mut reply = Reply::new();
        self.0.process(command, &mut reply);
        reply
    }

    /// The card leaves the field.
    pub fn leave(&mut self) {
        self.0.reset(Protocol::Block);
    }

    fn personalise(&mut self) -> Option<()> {
        let initial = issuer::key_set(0x10)?;
        let mut session = self.open(&initial)?;
        let mut data = Data::new();
        data.u16(SCOPE.company.0).ok()?.u8(SCOPE.environment.code()).ok()?.u16(CARD.generation).ok()?;
        data.put(&[0x08, 0]).ok()?.u32(0x0BFF_0000).ok()?.u32(0x3000_0000).ok()?;
        data.put(&[0xA5; PROFILE_SIZE]).ok()?;
        self.send(&mut session, [0x80, 0xE2, 0, 0], &data)?;
        for version in [0x21, 0x41] {
            let data = put_key_set(Data::new(), &initial, &issuer::key_set(version)?)?;
            self.send(&mut session, [0x80, 0xD8, 0, 0x81], &data)?;
        }
        for version in [0x51, 0x61] {
            let mut data = Data::new();
            data.u8(version).ok()?;
            put_key(&mut data, initial.dek(), &issuer::card_key(version)?)?;
            self.send(&mut session, [0x80, 0xD8, 0, 0x01], &data)?;
        }
        self.bind_in(&mut session, &initial, 1)?;
        let data = put_key_set(Data::new(), &initial, &issuer::key_set(0x11)?)?;
        self.send(&mut session, [0x80, 0xD8, 0x10, 0x81], &data)?;
        self.send(&mut session, [0x80, 0xF0, 0, 0x02], &Data::new())
    }

    /// Binds the card to another binding of the meter.
    #[inline(never)]
    pub fn bind(&mut self, number: u32) -> Option<()> {
        let admin = issuer::key_set(0x11)?;
        let mut session = self.open(&admin)?;
        self.bind_in(&mut session, &admin, number)
    }

    fn bind_in(&mut self, session: &mut HostSession, admin: &KeySet, number: u32) -> Option<()> {
        let (binding, certificate) =
            (issuer::binding_certificate(number)?, issuer::certificate(number, 1, 0)?);
        let keys = put_key_set(Data::new(), admin, &issuer::key_set(0x31)?)?;
        let data = BindData::new(&binding, &certificate, keys.as_slice()).ok()?;
        self.command(session, &data.request().command())
    }

    fn open(&mut self, keys: &KeySet) -> Option<HostSession> {
        let host = HostHandshake::new(Mode::S8, keys.version(), [0x11; 16]);
        let answer = self.process(host.command().emit().ok()?.as_slice());
        let challenge = host.challenge(answer.as_slice()).ok()?;
        let (pending, command) = challenge.authenticate(&mut SoftEngine, keys, SecurityLevel::Full).ok()?;
        pending.finish(self.process(command.as_slice()).as_slice()).ok()
    }

    fn send(&mut self, session: &mut HostSession, header: [u8; 4], data: &Data) -> Option<()> {
        let [cla, ins, p1, p2] = header;
        self.command(session, &Command { cla, ins, p1, p2, data: data.as_slice(), le: None })
    }

    fn command(&mut self, session: &mut HostSession, command: &Command<'_>) -> Option<()> {
        let command = session.wrap(&mut SoftEngine, command).ok()?;
        let answer = self.process(command.as_slice());
        session.unwrap(&mut SoftEngine, answer.as_slice()).ok()?.status().is_ok().then_some(())
    }

    /// A voucher is loaded, as a kiosk does it.
    #[inline(never)]
    pub fn load(&mut self, voucher: &Voucher) -> Option<()> {
        self.plain(0x40, &voucher.emit())
    }

    /// Mail for the meter is put on it.
    #[inline(never)]
    pub fn put_mail(&mut self, envelope: &Envelope) -> Option<()> {
        let key = issuer::card_key(0x51)?;
        let delivery =
            Delivery::make(&mut SoftEngine, &key, KeyVersion::new(Role::Load, 1), SCOPE, CARD.id, envelope)
                .ok()?;
        self.plain(0x42, delivery.as_slice())
    }

    fn plain(&mut self, ins: u8, data: &[u8]) -> Option<()> {
        let command = Command { cla: 0x80, ins, p1: 0, p2: 0, data, le: None }.emit().ok()?;
        self.process(command.as_slice()).as_slice().ends_with(&[0x90, 0x00]).then_some(())
    }
}

fn put_key_set(mut data: Data, admin: &KeySet, new: &KeySet) -> Option<Data> {
    data.u8(new.version().byte()).ok()?;
    for key in [new.enc(), new.mac(), new.dek()] {
        put_key(&mut data, admin.dek(), key)?;
    }
    Some(data)
}

fn put_key(data: &mut Data, dek: &AesKey, key: &AesKey) -> Option<()> {
    let mut bytes = [0; 32];
    let len = key.expose().len();
    bytes.get_mut(..len)?.copy_from_slice(key.expose());
    let bytes = bytes.get_mut(..len.next_multiple_of(16))?;
    SoftEngine.encrypt_cbc(dek, &[0; 16], bytes).ok()?;
    data.put(&[0x88, u8::try_from(bytes.len()).ok()?.checked_add(1)?, u8::try_from(len).ok()?]).ok()?;
    data.put(bytes).ok()?.u8(3).ok()?.put(&key_check_value(&mut SoftEngine, key)).ok()?;
    Some(())
}
