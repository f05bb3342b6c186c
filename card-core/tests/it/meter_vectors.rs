//! The meter's keys and decisions against `tests/vectors/meter.json`, which was computed from the specification alone.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use crate::support::Chip;
use card_core::id::{CardRef, Company, Environment, MeterId, Scope};
use card_core::key::{AesKey, KeyLength};
use card_core::layout::{CardSummary, CertificateAnswer};
use card_core::message::{BindingCertificate, Certificate, MailKeys, MeterFlags, Slot};
use card_core::meter::{
    Meter, MeterIdentity, MeterKeys, MeterState, Pair, Reason, ReportKeys, Verdict, VersionedKey,
};
use card_core::role::{Derivation, KeyVersion, Role};
use card_core::soft::SoftEngine;
use card_core::tariff::EGYPT_2024_08_CODED;
use card_core::terminal::exchange::Presented;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use serde_json::Value;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/meter.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn number(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap(), 16).unwrap()
}

fn key(value: &Value) -> AesKey {
    AesKey::new(&bytes(value)).unwrap()
}

fn scope(of: &Value) -> Scope {
    let company = Company(number(&of["company"]) as u16);
    Scope { company, environment: Environment::from_code(number(&of["environment"]) as u8).unwrap() }
}

#[test]
fn key_sets_of_cards() {
    let vectors = vectors();
    let sets = vectors["meter_key_sets"].as_array().unwrap();
    assert!(!sets.is_empty());
    for set in sets {
        let card =
            CardRef { id: number(&set["card_id"]).into(), generation: number(&set["generation"]) as u16 };
        let length = KeyLength::from_bytes(set["bits"].as_u64().unwrap() as usize / 8).unwrap();
        let version = number(&set["key_version"]) as u8;
        let keys = Derivation::for_card(scope(set), KeyVersion::from_byte(version), card, length)
            .key_set(&mut SoftEngine, &key(&set["meter_base_key"]))
            .unwrap();
        assert_eq!(keys.version(), KeyVersion::from_byte(version));
        let expected: Vec<_> = set["keys"].as_array().unwrap().iter().map(bytes).collect();
        assert_eq!([keys.enc().expose(), keys.mac().expose(), keys.dek().expose()].as_slice(), expected);
    }
}

fn keys(meter: &Value) -> MeterKeys {
    let any = || AesKey::new(&[0x5A; 32]).unwrap();
    let pair = |mut keys: Vec<VersionedKey>| {
        assert!((1..=2).contains(&keys.len()));
        let current = keys.pop().unwrap();
        Pair { current, previous: keys.pop() }
    };
    let base = meter["base_key_versions"].as_array().unwrap().iter();
    let base = base.map(|v| VersionedKey {
        version: KeyVersion::new(Role::MeterBase, v.as_u64().unwrap() as u8),
        key: any(),
    });
    let credit = meter["credit_keys"].as_object().unwrap().iter();
    let credit = credit.map(|(version, value)| VersionedKey {
        version: KeyVersion::from_byte(u8::from_str_radix(version, 16).unwrap()),
        key: key(value),
    });
    let mail = |version| MailKeys { version, mac: any(), enc: any() };
    let report = ReportKeys { mail: mail(KeyVersion::from_byte(0x91)), receipt: any() };
    let transport = VersionedKey { version: KeyVersion::from_byte(0xB1), key: any() };
    MeterKeys::new(
        pair(base.collect()),
        pair(credit.collect()),
        Pair::only(mail(KeyVersion::from_byte(0x81))),
        report,
        transport,
    )
    .unwrap()
}

fn state(of: &Value) -> MeterState {
    // The vectors know of credit and time only: no fees, and every step of the clock is believed.
    let time = CardTime(number(&of["time"]) as u32);
    let mut state = MeterState::new(EGYPT_2024_08_CODED, Energy(0), time);
    state.clock.floor = time;
    state.binding = number(&of["binding"]) as u32;
    state.generation = number(&of["lowest_generation"]) as u16;
    state.sequence = number(&of["sequence"]) as u32;
    state.applied_credit = Piastres(number(&of["applied_credit"]));
    state.applied_debited = Piastres(number(&of["applied_debited"]));
    state.report_number = number(&of["report_number"]) as u32;
    if of["regressed"].as_bool().unwrap() {
        state.flags = MeterFlags::REGRESSED;
    }
    state
}

#[test]
fn decisions() {
    let vectors = vectors();
    let decisions = vectors["decisions"].as_array().unwrap();
    assert!(!decisions.is_empty());
    for vector in decisions {
        let (meter, card) = (&vector["meter"], &vector["card"]);
        let name = vector["description"].as_str().unwrap();
        let identity = MeterIdentity { id: MeterId::from(number(&meter["meter_id"])), scope: scope(meter) };
        let mut state = state(meter);
        state.balance = Balance(number(&meter["balance"]) as i64);
        let summary = CardSummary::parse(&bytes(&card["summary"])).unwrap();
        let Ok(certificate) = Certificate::parse(&bytes(&card["certificate"])) else {
            // A card's answer that is malformed does not get as far as a decision.
            assert_eq!(
                (&vector["decision"], &vector["reason"]),
                (&"refused".into(), &"altered".into()),
                "{name}"
            );
            continue;
        };
        let answer = CertificateAnswer {
            summary,
            expiry_time: CardTime(number(&card["expiry"]) as u32),
            certificate,
            settled_credit: Piastres(number(&card["settled_credit"])),
            settled_debited: Piastres(number(&card["settled_debited"])),
            report_number: number(&card["report_number"]) as u32,
            mail: [0; 16],
            last_month: u16::MAX,
            last_event: 0,
        };
        let session = CardRef { generation: number(&card["session_generation"]) as u16, ..summary.card };
        let mut presented = Presented::from_parts(
            session,
            KeyVersion::from_byte(number(&card["session_key_version"]) as u8),
            answer,
        );
        let binding = bytes(&card["binding_certificate"]);
        if !binding.is_empty() {
            let Ok(binding) = BindingCertificate::parse(&binding) else {
                assert_eq!(vector["reason"], "binding certificate", "{name}");
                continue;
            };
            presented = presented.with_binding(binding);
        }
        let mut decided = Meter::install(Chip::new(), identity, keys(meter), &state).unwrap();
        let decision = decided
            .commit(crate::support::shows(CardTime(number(&meter["now"]) as u32)), &presented)
            .unwrap();

        assert_eq!(decision.opens.is_some(), vector["opens_binding"].as_bool().unwrap(), "{name}");
        match (vector["decision"].as_str().unwrap(), decision.verdict) {
            ("apply", Verdict::Apply { credit, debit, .. }) => {
                assert_eq!(credit.0, number(&vector["credit"]), "{name}");
                assert_eq!(debit.0, number(&vector["debited"]), "{name}");
            }
            ("nothing", Verdict::Nothing) => {}
            ("refused", Verdict::Refuse(reason)) => {
                assert_eq!(reason_text(reason), vector["reason"].as_str().unwrap(), "{name}");
            }
            (expected, got) => panic!("{name}: {expected}, but {got:?}"),
        }
        let (now, mut after) = (decided.state().clone(), self::state(&vector["after"]));
        assert!(now.clock.time >= now.clock.floor, "{name}");
        let start = if decision.opens.is_some() { 0 } else { state.balance.0 };
        if vector["decision"] != "refused" {
            // The commit already takes the number of the receipt for SETTLE; the vectors stop before that.
            after.report_number = after.report_number.saturating_add(1);
        }
        after.balance = Balance(start.wrapping_add(number(&vector["after"]["balance_difference"]) as i64));
        if let Some(version) = vector.get("final_report_version") {
            let report = decided.final_report(answer.mail[Slot::FINAL_REPORT.index()]).unwrap().unwrap();
            assert_eq!((report.slot, report.version), (Slot::FINAL_REPORT, number(version) as u32), "{name}");
            assert_eq!(report.binding.number, state.binding, "{name}");
        }
        assert_eq!(
            (now.binding, now.generation, now.sequence, now.report_number),
            (after.binding, after.generation, after.sequence, after.report_number),
            "{name}"
        );
        assert_eq!(
            (now.applied_credit, now.applied_debited),
            (after.applied_credit, after.applied_debited),
            "{name}"
        );
        assert_eq!(
            (now.clock.floor, now.balance, now.regressed()),
            (after.clock.floor, after.balance, after.regressed()),
            "{name}"
        );
    }
}

/// The words that the vectors have for a reason.
fn reason_text(reason: Reason) -> &'static str {
    match reason {
        Reason::WrongCompany => "company",
        Reason::WrongEnvironment => "environment",
        Reason::CardNotActive(_) => "state",
        Reason::Expired => "expired",
        Reason::UnknownKeyVersion => "key version",
        Reason::NotAuthentic => "altered",
        Reason::WrongMeter => "other meter",
        Reason::GenerationMismatch => "other generation",
        Reason::OldBinding => "old binding",
        Reason::BindingNotProven => "binding certificate",
        Reason::ReplacedCard => "replaced card",
        Reason::Regressed => "regressed",
        Reason::Inconsistent | Reason::BalanceOverflow => "inconsistent",
        Reason::CardFailed => "none",
    }
}
