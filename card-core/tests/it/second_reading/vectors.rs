//! Reading the files, and an engine that remembers what it was asked.

use std::collections::BTreeMap;

use card_core::id::{Company, Environment, Scope};
use card_core::key::AesKey;
use card_core::platform::{Block, Engine, PartialBlock};
use card_core::soft::SoftEngine;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Error};

/// A file of vectors, which must have a source and a description.
#[derive(Deserialize)]
struct File {
    source: String,
    description: String,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// Reads `name`. `T` has to name every key of the file but those two.
pub(crate) fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = format!("{}/../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let file: File = serde_json::from_str(&text).unwrap();
    let known = ["docs/card-specification.md, section ", "docs/meter.md", "docs/tariff.md"];
    assert!(known.iter().any(|text| file.source.starts_with(text)), "{path}");
    assert!(!file.description.is_empty(), "{path}");
    serde_json::from_value(file.rest.into_iter().collect()).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Bytes, written as upper-case hexadecimal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = hex::decode(&text).map_err(|error| D::Error::custom(format!("{text}: {error}")))?;
        if hex::encode_upper(&bytes) == text {
            Ok(Self(bytes))
        } else {
            Err(D::Error::custom(format!("{text}: not upper-case")))
        }
    }
}

impl core::fmt::Debug for Hex {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&hex::encode_upper(&self.0))
    }
}

impl Hex {
    /// Bytes of exactly this length.
    pub(crate) fn array<const N: usize>(&self) -> [u8; N] {
        self.0.as_slice().try_into().unwrap_or_else(|_| panic!("{self:?} has not {N} bytes"))
    }

    pub(crate) fn u8(&self) -> u8 {
        u8::from_be_bytes(self.array())
    }

    pub(crate) fn u16(&self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub(crate) fn u32(&self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    pub(crate) fn u64(&self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    pub(crate) fn key(&self) -> AesKey {
        AesKey::new(&self.0).unwrap()
    }

    /// How many bits differ; the lengths must not.
    pub(crate) fn distance(&self, other: &Self) -> u32 {
        assert_eq!(self.0.len(), other.0.len());
        self.0.iter().zip(&other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }
}

pub(crate) fn scope(company: &Hex, environment: &Hex) -> Scope {
    Scope { company: Company(company.u16()), environment: Environment::from_code(environment.u8()).unwrap() }
}

/// The fields of a message or a record, each of which has to be taken.
#[derive(Deserialize, Clone, Debug)]
pub(crate) struct Fields(BTreeMap<String, Hex>);

impl Fields {
    pub(crate) fn take(&mut self, name: &str) -> Hex {
        self.0.remove(name).unwrap_or_else(|| panic!("no field {name}"))
    }

    /// Nothing is left over.
    pub(crate) fn done(self) {
        assert!(self.0.is_empty(), "fields that nobody asked for: {:?}", self.0);
    }
}

/// The software engine, with a memory of what it was asked: what was authenticated, and with which keys.
#[derive(Default)]
pub(crate) struct Witness {
    /// The keys of all operations, in order.
    pub(crate) keys: Vec<Vec<u8>>,
    /// The inputs of all CMACs, in order.
    pub(crate) macs: Vec<Vec<u8>>,
}

impl Engine for Witness {
    fn encrypt_block(&mut self, key: &AesKey, block: &mut Block) {
        self.keys.push(key.expose().to_vec());
        SoftEngine.encrypt_block(key, block);
    }

    fn encrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        self.keys.push(key.expose().to_vec());
        SoftEngine.encrypt_cbc(key, iv, data)
    }

    fn decrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        self.keys.push(key.expose().to_vec());
        SoftEngine.decrypt_cbc(key, iv, data)
    }

    fn cmac(&mut self, key: &AesKey, message: &[&[u8]]) -> Block {
        self.keys.push(key.expose().to_vec());
        self.macs.push(message.concat());
        SoftEngine.cmac(key, message)
    }
}
