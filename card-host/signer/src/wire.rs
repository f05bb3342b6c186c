//! What the ledger's program and a signer of its own process say to each other: a line of JSON each way, over a Unix socket.

use card_core::id::{Binding, CardId, CardRef, Company, Environment, MeterId, Scope};
use card_core::key::{AesKey, KeyLength};
use card_core::role::KeyVersion;
use card_core::units::{CardTime, Piastres};
use card_host::keystore::{Alarm, CardKey, ChainEnd, Extent, Forbidden, KeyStoreError, Totals};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Bytes in hexadecimal digits. They are wiped, since some are keys.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Hex(Zeroizing<String>);

impl Hex {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(hex::encode(bytes)))
    }

    pub(crate) fn bytes(&self) -> Result<Zeroizing<Vec<u8>>, Unclear> {
        hex::decode(&*self.0).map(Zeroizing::new).map_err(|_| Unclear)
    }

    pub(crate) fn array<const N: usize>(&self) -> Result<[u8; N], Unclear> {
        self.bytes()?.as_slice().try_into().map_err(|_| Unclear)
    }

    pub(crate) fn key(&self) -> Result<AesKey, Unclear> {
        AesKey::new(&self.bytes()?).ok_or(Unclear)
    }
}

/// What was said is not in its form.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("what was said is not in its form")]
pub(crate) struct Unclear;

#[derive(Serialize, Deserialize, Clone, Copy)]
pub(crate) struct WireScope(u16, u8);

impl From<Scope> for WireScope {
    fn from(scope: Scope) -> Self {
        Self(scope.company.0, scope.environment.code())
    }
}

impl TryFrom<WireScope> for Scope {
    type Error = Unclear;

    fn try_from(WireScope(company, code): WireScope) -> Result<Self, Unclear> {
        let environment = Environment::from_code(code).ok_or(Unclear)?;
        Ok(Self { company: Company(company), environment })
    }
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct WireBinding(Hex, u32);

impl From<Binding> for WireBinding {
    fn from(binding: Binding) -> Self {
        Self(Hex::of(&binding.meter.0), binding.number)
    }
}

impl TryFrom<&WireBinding> for Binding {
    type Error = Unclear;

    fn try_from(WireBinding(meter, number): &WireBinding) -> Result<Self, Unclear> {
        Ok(Self { meter: MeterId(meter.array()?), number: *number })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct WireTotals(WireBinding, u16, u32, u64, u64);

impl From<&Totals> for WireTotals {
    fn from(of: &Totals) -> Self {
        Self(of.binding.into(), of.generation, of.sequence, of.credit.0, of.debited.0)
    }
}

impl TryFrom<&WireTotals> for Totals {
    type Error = Unclear;

    fn try_from(
        WireTotals(binding, generation, sequence, credit, debited): &WireTotals,
    ) -> Result<Self, Unclear> {
        let (credit, debited) = (Piastres(*credit), Piastres(*debited));
        Ok(Self {
            binding: binding.try_into()?,
            generation: *generation,
            sequence: *sequence,
            credit,
            debited,
        })
    }
}

pub(crate) fn totals(of: &[WireTotals]) -> Result<Vec<Totals>, Unclear> {
    of.iter().map(Totals::try_from).collect()
}

#[derive(Serialize, Deserialize)]
pub(crate) struct WireExtent {
    epoch: u32,
    place: Option<String>,
    chains: BTreeMap<String, (u64, Hex)>,
}

impl From<&Extent> for WireExtent {
    fn from(of: &Extent) -> Self {
        let chains = of.chains.iter().map(|(code, end)| (code.clone(), (end.number, Hex::of(&end.hash))));
        Self { epoch: of.epoch, place: of.place.clone(), chains: chains.collect() }
    }
}

impl TryFrom<WireExtent> for Extent {
    type Error = Unclear;

    fn try_from(of: WireExtent) -> Result<Self, Unclear> {
        let end = |(code, (number, hash)): (String, (u64, Hex))| {
            Ok((code, ChainEnd { number, hash: hash.array()? }))
        };
        let chains = of.chains.into_iter().map(end).collect::<Result<_, Unclear>>()?;
        Ok(Self { epoch: of.epoch, place: of.place, chains })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct WireCardKey {
    scope: WireScope,
    version: u8,
    card: Hex,
    generation: u16,
    meter: Option<Hex>,
    initial_length: Option<usize>,
}

impl From<&CardKey> for WireCardKey {
    fn from(key: &CardKey) -> Self {
        Self {
            scope: key.scope.into(),
            version: key.version.byte(),
            card: Hex::of(&key.card.id.0),
            generation: key.card.generation,
            meter: key.meter.map(|meter| Hex::of(&meter.0)),
            initial_length: key.initial_length.map(KeyLength::bytes),
        }
    }
}

impl TryFrom<WireCardKey> for CardKey {
    type Error = Unclear;

    fn try_from(key: WireCardKey) -> Result<Self, Unclear> {
        let length = |bytes| KeyLength::from_bytes(bytes).ok_or(Unclear);
        Ok(Self {
            scope: key.scope.try_into()?,
            version: KeyVersion::from_byte(key.version),
            card: CardRef { id: CardId(key.card.array()?), generation: key.generation },
            meter: key.meter.map(|meter| meter.array().map(MeterId)).transpose()?,
            initial_length: key.initial_length.map(length).transpose()?,
        })
    }
}

/// What is asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    About,
    Current(u8),
    CheckValue(WireScope, u8),
    /// What stands for the person with this national ID: its digits in ASCII.
    Person(WireScope, u8, Hex),
    /// The key set of a card: admin, vending or meter.
    CardKeys(WireCardKey),
    /// The load key or receipt key of a card.
    ChipKey(WireScope, u8, Hex),
    /// The keys by which a meter reports.
    ReportKeys(WireScope, u8, Hex),
    Certificate(WireScope, Hex),
    VerifyCertificate(WireScope, Hex),
    Binding(WireScope, Hex),
    VerifyBinding(WireScope, Hex),
    Voucher(Hex),
    Mail {
        scope: WireScope,
        key: u8,
        binding: WireBinding,
        slot: u8,
        version: u32,
        plaintext: Hex,
    },
    MeterKeys {
        scope: WireScope,
        meter: Hex,
        version: u8,
        transport: u8,
    },
    Extent,
    Learn(WireExtent, Vec<WireTotals>),
    Adopt(Vec<WireTotals>),
    Begin,
    Signed(Option<WireBinding>, u32),
    Alarms(u32),
}

/// What is answered.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Done,
    About {
        environment: u8,
        warning: Option<String>,
        length: usize,
    },
    Version(u8),
    Bytes(Hex),
    Keys(Vec<Hex>),
    Extent(Option<WireExtent>),
    Totals(Vec<WireTotals>),
    Alarms(Vec<(u32, String)>),
    /// The sequence is taken: binding, asked for, next.
    Taken(WireBinding, u32, u32),
    NotAuthentic,
    Refused(String),
}

impl From<Alarm> for WireAlarm {
    fn from(alarm: Alarm) -> Self {
        Self(alarm.time.0, alarm.what)
    }
}

pub(crate) struct WireAlarm(pub(crate) u32, pub(crate) String);

pub(crate) fn alarms(of: Vec<(u32, String)>) -> Vec<Alarm> {
    of.into_iter().map(|(time, what)| Alarm { time: CardTime(time), what }).collect()
}

impl From<KeyStoreError> for Answer {
    fn from(error: KeyStoreError) -> Self {
        match error {
            KeyStoreError::Forbidden(Forbidden::Taken { binding, sequence, next }) => {
                Self::Taken(binding.into(), sequence, next)
            }
            KeyStoreError::NotAuthentic(_) => Self::NotAuthentic,
            error => Self::Refused(error.to_string()),
        }
    }
}
