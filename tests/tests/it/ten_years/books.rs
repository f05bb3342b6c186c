//! The issuer: its books, what it signs, and what it learns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use card_core::access_number::AccessNumber;
use card_core::id::{Binding, CardRef, Channel, Company, Environment, MeterId, Reference, Scope};
use card_core::key::KeyLength;
use card_core::layout::PROFILE_SIZE;
use card_core::message::{Envelope, MeterReceipt, Slot, Verified, Voucher};
use card_core::parameters::{AuditRecord, AuditRecords, KeyChange, NewKeys};
use card_core::role::{KeyVersion, Role};
use card_core::scp03::Mode;
use card_core::soft::SoftEngine;
use card_core::units::{CardTime, Piastres};
use card_host::issuer::{BindingAccount, Clock, Issuer};
use card_host::keystore::{KeyStore, MeterKeys, SoftwareKeyStore};
use card_host::personalise::{Order as CardOrder, Versions, personalise};

use super::dice::Dice;
use super::field_card::FieldCard;
use super::orders::Order;

pub const SCOPE: Scope = Scope { company: Company(7), environment: Environment::Test };
const WORKSHOP: u64 = 1;

/// The issuer's clock, which the simulation sets.
#[derive(Clone, Default)]
pub struct WallClock(pub Arc<AtomicU32>);

impl Clock for WallClock {
    fn now(&self) -> Option<CardTime> {
        Some(CardTime(self.0.load(Ordering::Relaxed)))
    }
}

/// Mail that was sealed.
#[derive(Clone)]
pub struct Sent {
    pub binding: Binding,
    pub order: Order,
    pub envelope: Envelope,
}

pub struct Books {
    pub issuer: Issuer<SoftwareKeyStore>,
    pub clock: WallClock,
    /// The customer's open binding.
    pub account: BindingAccount,
    pub closed: Vec<BindingAccount>,
    /// Confirmed payments, and confirmed reversals of them.
    pub sold: i128,
    pub reversed: i128,
    pub sales: u64,
    /// Every mail to the open binding.
    pub sent: Vec<Sent>,
    versions: [u32; 12],
    pub commands: u32,
    pub debt_ids: u32,
    pub tariff_version: u32,
    /// Version of the meter base key that the meter has.
    pub meter_key: KeyVersion,
    /// Audit records that have come in, by binding and counter.
    pub audits: BTreeMap<(MeterId, u32, u32), AuditRecord>,
    mode: Mode,
}

impl Books {
    pub fn new(dice: &mut Dice, meter: MeterId, card: CardRef, clock: WallClock) -> Self {
        let length = dice.pick(&[KeyLength::Aes128, KeyLength::Aes256]);
        let keys = SoftwareKeyStore::generate(length, dice).expect("keys");
        let current = |role| keys.current(role).expect("a key");
        let account = BindingAccount {
            scope: SCOPE,
            binding: Binding { meter, number: 1 },
            account: 4711,
            card,
            load_key: current(Role::Load),
            credit_key: current(Role::Credit),
            parameter_keys: current(Role::Parameter),
            sequence: 0,
            total_credit: Piastres(0),
            total_debited: Piastres(0),
            opening_time: CardTime(clock.0.load(Ordering::Relaxed)),
            applied_credit: Piastres::ZERO,
            applied_debited: Piastres::ZERO,
            moved: false,
        };
        let meter_key = current(Role::Meter);
        let issuer = Issuer::new(Arc::new(keys), clock.clone()).with_earliest_time(CardTime(1));
        Self {
            issuer,
            clock,
            account: account.refresh().expect("a first certificate"),
            closed: Vec::new(),
            sold: 0,
            reversed: 0,
            sales: 0,
            sent: Vec::new(),
            versions: [0; 12],
            commands: 0,
            debt_ids: 0,
            tariff_version: 1,
            meter_key,
            audits: BTreeMap::new(),
            mode: dice.pick(&[Mode::S8, Mode::S16]),
        }
    }

    pub fn length(&self) -> KeyLength {
        self.issuer.keys().key_length()
    }

    pub fn meter_keys(&mut self, meter: MeterId) -> MeterKeys {
        self.issuer.keys().meter_keys(SCOPE, meter).expect("the meter's keys")
    }

    // ---- credit

    pub fn sell(&mut self, amount: u64, channel: Channel) -> Voucher {
        self.account = self.account.credit(Piastres(amount)).expect("a sale");
        self.sold += i128::from(amount);
        self.voucher(channel)
    }

    pub fn reverse(&mut self, amount: u64) -> Voucher {
        self.account = self.account.debit(Piastres(amount)).expect("a reversal");
        self.reversed += i128::from(amount);
        self.voucher(Channel::Branch)
    }

    pub fn refresh(&mut self) -> Voucher {
        self.account = self.account.refresh().expect("a refresh");
        self.voucher(Channel::Branch)
    }

    pub fn voucher(&mut self, channel: Channel) -> Voucher {
        self.sales += 1;
        self.issuer.voucher(&self.account, channel, Reference::from(self.sales)).expect("a voucher")
    }

    // ---- cards

    /// Makes a blank card one of `account`, and gives the voucher that activates it.
    pub fn issue(&mut self, card: &mut FieldCard, account: &mut BindingAccount, dice: &mut Dice) -> Voucher {
        let access = AccessNumber::new([7; 10]);
        let current = Versions::current(self.issuer.keys()).expect("versions");
        let order = CardOrder {
            scope: SCOPE,
            card: account.card,
            mode: self.mode,
            flags: 0,
            issue_time: CardTime(self.clock.0.load(Ordering::Relaxed)),
            expiry_time: CardTime::UNSET,
            profile: [0; PROFILE_SIZE],
            binding: self.issuer.binding_certificate(account).expect("a binding certificate"),
            certificate: self.issuer.certificate(account).expect("a certificate"),
            access: &access,
            versions: Versions { meter: self.meter_key, ..current },
        };
        personalise(&mut card.open(), self.issuer.keys(), &order, dice, None).expect("a card is issued");
        card.meter = Some(account.binding.meter);
        *account = account.refresh().expect("a refresh");
        self.sales += 1;
        self.issuer.voucher(account, Channel::Branch, Reference::from(self.sales)).expect("a voucher")
    }

    /// The binding that takes a meter down: the workshop's, with a card of its own.
    pub fn workshop(&self, card: CardRef) -> BindingAccount {
        let Binding { meter, number } = self.account.binding;
        let opened =
            self.account.open_binding(meter, number + 1, CardTime(self.clock.0.load(Ordering::Relaxed)));
        let opened = BindingAccount { card, account: WORKSHOP, ..opened.expect("a binding") };
        opened.refresh().expect("a certificate")
    }

    /// Opens the customer's next binding, with what the closed one left.
    pub fn move_to(&mut self, binding: Binding, report: &Verified<MeterReceipt>) {
        let opened = self.opened(binding);
        let (opened, closed) = opened.move_from(self.account, report).expect("a move");
        assert!(opened.move_from(closed, report).is_err(), "what was left is moved once");
        self.closed.push(closed);
        self.begin(opened);
    }

    /// Opens the customer's next binding where the meter's memory is lost, with an estimate.
    pub fn estimate(&mut self, binding: Binding, left: u64) {
        let opened = self.opened(binding);
        let opened = if left == 0 { opened.refresh() } else { opened.credit(Piastres(left)) };
        self.closed.push(BindingAccount { moved: true, ..self.account });
        self.begin(opened.expect("an estimate"));
    }

    fn opened(&self, Binding { meter, number }: Binding) -> BindingAccount {
        let opened = self.account.open_binding(meter, number, CardTime(self.clock.0.load(Ordering::Relaxed)));
        let keys = self.issuer.keys();
        BindingAccount {
            credit_key: keys.current(Role::Credit).expect("a key"),
            parameter_keys: keys.current(Role::Parameter).expect("a key"),
            ..opened.expect("a binding")
        }
    }

    fn begin(&mut self, account: BindingAccount) {
        self.account = account;
        self.sent.clear();
        self.versions = [0; 12];
        self.commands = 0;
        self.debt_ids = 0;
    }

    // ---- mail

    pub fn seal(&mut self, slot: u8, order: Order) -> Sent {
        let version = &mut self.versions[usize::from(slot)];
        *version += 1;
        let place = Slot::new(slot).expect("a slot");
        let envelope = self.issuer.mail(&self.account, place, *version, &order.plaintext());
        let sent = Sent { binding: self.account.binding, order, envelope: envelope.expect("mail") };
        self.sent.push(sent.clone());
        sent
    }

    /// The mail in a slot with a version.
    pub fn sent(&self, slot: u8, version: u32) -> &Sent {
        let found = self
            .sent
            .iter()
            .find(|sent| sent.envelope.slot.number() == slot && sent.envelope.version == version);
        found.expect("mail that was sent")
    }

    /// New keys of a role for the meter, as a mail.
    pub fn rotate(&mut self, role: Role, transport: KeyVersion, dice: &mut Dice) -> Order {
        let meter = self.account.binding.meter;
        let old = self.meter_keys(meter);
        let store = self.issuer.keys();
        store.rotate(role, dice).expect("a new master");
        let MeterKeys { credit, parameter, report, receipt, base, .. } = self.meter_keys(meter);
        let (version, keys) = match role {
            Role::Credit => (credit.0, [Some(credit.1), None, None]),
            Role::MeterBase => (base.0, [Some(base.1), None, None]),
            Role::Parameter => (parameter.version, [Some(parameter.mac), Some(parameter.enc), None]),
            _ => (report.version, [Some(report.mac), Some(report.enc), Some(receipt)]),
        };
        let new = NewKeys::new(version, keys).expect("new keys");
        assert_eq!(old.transport.0, transport, "the transport key stays");
        let change = KeyChange::seal(&mut SoftEngine, transport, &old.transport.1, SCOPE, &new);
        Order::Keys(version, change.expect("wrapped keys").emit().as_slice().to_vec())
    }

    /// Takes audit records from an envelope of slot 13.
    pub fn audit(&mut self, envelope: &Envelope) {
        let opened = self.issuer.keys().open_mail(SCOPE, envelope).expect("authentic audit records");
        let records = AuditRecords::parse(opened.as_slice()).expect("audit records");
        for record in records.records() {
            let key = (envelope.binding.meter, envelope.binding.number, record.counter);
            let before = self.audits.insert(key, *record);
            assert!(before.is_none_or(|before| before == *record), "an audit record changed");
        }
    }
}
