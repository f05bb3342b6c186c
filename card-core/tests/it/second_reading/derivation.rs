//! `derivation.json`: keys of all roles, access numbers, initial admin key sets (specification, section 4).

use std::collections::{BTreeMap, BTreeSet};

use card_core::access_number::AccessNumber;
use card_core::id::{CardId, CardRef, Environment, MeterId};
use card_core::key::{AesKey, KeyLength};
use card_core::role::{Derivation, HOLDER, INITIAL_ADMIN, KeyVersion, Role, TEST_INITIAL_MASTER};
use card_core::scp03::KeySet;
use card_core::soft::SoftEngine;
use serde::Deserialize;

use super::vectors::{Hex, Witness, read, scope};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    keys: Vec<Key>,
    check_values: Vec<CheckValue>,
    persons: Vec<Person>,
    access_numbers: Vec<Access>,
    derived_access_numbers: Vec<Derived>,
    initial_admin_key_sets: Vec<InitialAdmin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    parent: Hex,
    label: String,
    company: Hex,
    environment: Hex,
    key_version: Hex,
    subject_id: Hex,
    generation: Hex,
    bits: usize,
    prf_input_1: Hex,
    key: Hex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckValue {
    master: Hex,
    company: Hex,
    environment: Hex,
    key_version: Hex,
    bits: usize,
    check_value: Hex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    master: Hex,
    company: Hex,
    environment: Hex,
    key_version: Hex,
    bits: usize,
    digits: String,
    person: Hex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Derived {
    dek: Hex,
    company: Hex,
    environment: Hex,
    key_version: Hex,
    card_id: Hex,
    generation: u16,
    access_number: Hex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Access {
    access_number: Hex,
    print_form: String,
    refused_print_forms: Vec<String>,
    parent: Hex,
    company: Hex,
    environment: Hex,
    key_version: Hex,
    subject_id: Hex,
    generation: Hex,
    keys: BTreeMap<String, [Hex; 3]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InitialAdmin {
    initial_master: Hex,
    environment: Hex,
    card_id: Hex,
    bits: usize,
    keys: [Hex; 3],
}

fn length(bits: usize) -> KeyLength {
    KeyLength::from_bytes(bits / 8).unwrap()
}

fn assert_set(set: &KeySet, version: u8, expected: &[Hex; 3]) {
    assert_eq!(set.version(), KeyVersion::from_byte(version));
    assert_eq!(
        [set.enc().expose(), set.mac().expose(), set.dek().expose()],
        expected.each_ref().map(|k| &k.0[..])
    );
}

/// All labels of section 4.2, with their role.
const LABELS: [(&str, Role); 22] = [
    ("ADMN-ENC", Role::Admin),
    ("ADMN-MAC", Role::Admin),
    ("ADMN-DEK", Role::Admin),
    ("VEND-ENC", Role::Vending),
    ("VEND-MAC", Role::Vending),
    ("VEND-DEK", Role::Vending),
    ("METR-ENC", Role::Meter),
    ("METR-MAC", Role::Meter),
    ("METR-DEK", Role::Meter),
    ("HOLD-ENC", Role::Holder),
    ("HOLD-MAC", Role::Holder),
    ("HOLD-DEK", Role::Holder),
    ("PARM-MAC", Role::Parameter),
    ("PARM-ENC", Role::Parameter),
    ("RPRT-MAC", Role::Report),
    ("RPRT-ENC", Role::Report),
    ("RPRT-RCP", Role::Report),
    ("CARDLOAD", Role::Load),
    ("CARDRCPT", Role::Receipt),
    ("METRCRED", Role::Credit),
    ("METRBASE", Role::MeterBase),
    ("METRTRSP", Role::Transport),
];

/// The key of this label, as those who use the library get it: from its role, without naming a label.
fn by_role(of: &Derivation, engine: &mut Witness, parent: &AesKey, role: Role, label: &str) -> Vec<u8> {
    let key = match role {
        Role::Admin | Role::Vending | Role::Meter | Role::Holder => {
            let set = of.key_set(engine, parent).unwrap();
            let key = match &label[5..] {
                "ENC" => set.enc(),
                "MAC" => set.mac(),
                _ => set.dek(),
            };
            return key.expose().to_vec();
        }
        Role::Parameter | Role::Report if label != "RPRT-RCP" => {
            let keys = of.mail_keys(engine, parent).unwrap();
            if label.ends_with("MAC") { keys.mac } else { keys.enc }
        }
        Role::Report => of.report_receipt_key(engine, parent),
        _ => of.single(engine, parent).unwrap(),
    };
    key.expose().to_vec()
}

#[test]
fn keys_of_all_roles() {
    let keys = read::<Vectors>("derivation").keys;
    let mut seen = BTreeSet::new();
    for vector in &keys {
        let name = format!("{} {:?} {} bits", vector.label, vector.key_version, vector.bits);
        let (_, role) = LABELS.into_iter().find(|(label, _)| *label == vector.label).expect(&name);
        let (version, generation) = (vector.key_version.u8(), vector.generation.u16());
        assert_eq!(KeyVersion::from_byte(version).role(), Some(role), "{name}");
        assert_eq!(KeyVersion::new(role, version).byte(), version, "{name}");

        let scope = scope(&vector.company, &vector.environment);
        let (subject, length) = (vector.subject_id.u64(), length(vector.bits));
        let derivation = match role {
            Role::Admin | Role::Vending | Role::Meter | Role::Holder => Derivation::for_card(
                scope,
                KeyVersion::from_byte(version),
                CardRef { id: subject.into(), generation },
                length,
            ),
            Role::Load | Role::Receipt => {
                assert_eq!(generation, 0, "{name}");
                Derivation::for_chip(scope, KeyVersion::from_byte(version), CardId::from(subject), length)
            }
            _ => {
                assert_eq!(generation, 0, "{name}");
                Derivation::for_meter(scope, KeyVersion::from_byte(version), MeterId::from(subject), length)
            }
        };
        let (parent, label) = (vector.parent.key(), vector.label.as_bytes().try_into().unwrap());
        let mut witness = Witness::default();
        assert_eq!(derivation.key(&mut witness, &parent, label).expose(), vector.key.0, "{name}");
        assert_eq!(witness.macs[0], vector.prf_input_1.0, "{name}");
        assert_eq!(witness.macs.len(), vector.bits.div_ceil(128), "{name}");
        let mut witness = Witness::default();
        assert_eq!(by_role(&derivation, &mut witness, &parent, role, &vector.label), vector.key.0, "{name}");
        assert!(witness.macs.contains(&vector.prf_input_1.0), "{name}");
        seen.insert((vector.label.as_str(), 8 * vector.parent.0.len(), vector.bits));
    }
    for (label, role) in LABELS {
        for parent in [128, 192, 256] {
            for bits in [128, 192, 256] {
                // Only key sets of SCP03 may be AES-192.
                if bits != 192 || role.session_index().is_some() {
                    assert!(seen.contains(&(label, parent, bits)), "{label}, {bits} bits from {parent}");
                }
            }
        }
    }
    assert!(keys.len() >= 500, "{}", keys.len());
}

#[test]
fn access_numbers_and_the_holders_keys() {
    let numbers = read::<Vectors>("derivation").access_numbers;
    let mut refused = 0;
    for vector in &numbers {
        let name = &vector.print_form;
        let number = AccessNumber::new(vector.access_number.array());
        assert_eq!(number.digits().as_slice(), name.as_bytes());
        assert_eq!(AccessNumber::parse(name).as_ref(), Ok(&number));
        for text in &vector.refused_print_forms {
            assert!(AccessNumber::parse(text).is_err(), "{text}");
            refused += 1;
        }
        let parent = number.key().unwrap();
        assert_eq!(parent.expose(), vector.parent.0, "{name}");

        assert_eq!(vector.key_version.u8(), HOLDER.byte(), "{name}");
        assert_eq!(vector.keys.keys().collect::<Vec<_>>(), ["128", "192", "256"], "{name}");
        let card = CardRef { id: vector.subject_id.u64().into(), generation: vector.generation.u16() };
        for (bits, expected) in &vector.keys {
            let length = length(bits.parse().unwrap());
            let scope = scope(&vector.company, &vector.environment);
            let set = Derivation::for_card(scope, HOLDER, card, length).key_set(&mut SoftEngine, &parent);
            assert_set(&set.unwrap(), HOLDER.byte(), expected);
        }
    }
    assert!(numbers.len() >= 5 && refused >= 15, "{} {refused}", numbers.len());
}

#[test]
fn initial_admin_key_sets() {
    let sets = read::<Vectors>("derivation").initial_admin_key_sets;
    for vector in &sets {
        let environment = Environment::from_code(vector.environment.u8()).unwrap();
        let set = Derivation::initial(environment, vector.card_id.u64().into(), length(vector.bits))
            .key_set(&mut SoftEngine, &vector.initial_master.key());
        assert_set(&set.unwrap(), INITIAL_ADMIN.byte(), &vector.keys);
    }
    for bits in [128, 192, 256] {
        assert!(
            sets.iter().any(|set| set.bits == bits && set.initial_master.0 == TEST_INITIAL_MASTER),
            "{bits} bits from the public master of test cards"
        );
    }
    assert!(sets.len() >= 6, "{}", sets.len());
}

#[test]
fn check_values_of_masters() {
    let checks = read::<Vectors>("derivation").check_values;
    for vector in &checks {
        let scope = scope(&vector.company, &vector.environment);
        let version = KeyVersion::from_byte(vector.key_version.u8());
        let (length, master) = (length(vector.bits), vector.master.key());
        let check = Derivation::check_value(scope, version, length, &mut SoftEngine, &master);
        assert_eq!(check[..], vector.check_value.0, "{version} {length:?}");
    }
    assert!(checks.len() >= 6, "{}", checks.len());
}

#[test]
fn persons() {
    let persons = read::<Vectors>("derivation").persons;
    for vector in &persons {
        let scope = scope(&vector.company, &vector.environment);
        let version = KeyVersion::from_byte(vector.key_version.u8());
        let (length, master) = (length(vector.bits), vector.master.key());
        let digits = vector.digits.as_bytes().try_into().unwrap();
        let person = Derivation::person(scope, version, length, &mut SoftEngine, &master, digits);
        assert_eq!(person[..], vector.person.0, "{version} {length:?}");
    }
    assert!(persons.len() >= 6, "{}", persons.len());
}

#[test]
fn access_numbers_that_are_made_again() {
    let numbers = read::<Vectors>("derivation").derived_access_numbers;
    for vector in &numbers {
        let scope = scope(&vector.company, &vector.environment);
        let version = KeyVersion::from_byte(vector.key_version.u8());
        let card = CardRef { id: CardId(vector.card_id.array()), generation: vector.generation };
        let dek = vector.dek.key();
        let derivation = Derivation::for_card(scope, version, card, dek.length());
        let number = derivation.access_number(&mut SoftEngine, &dek);
        assert_eq!(number, AccessNumber::new(vector.access_number.array()), "{version} {card:?}");
    }
    assert!(numbers.len() >= 6, "{}", numbers.len());
}
