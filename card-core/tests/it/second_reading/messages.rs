//! `messages.json`: messages with their codes (specification, section 5).

use card_core::id::{Binding, CardId, CardRef, Channel, MeterId, Reference, Scope, State};
use card_core::key::AesKey;
use card_core::message::{
    BindingCertificate, Certificate, Delivery, Envelope, MeterFlags, MeterReceipt, NotAuthentic, Receipt,
    Voucher,
};
use card_core::platform::Engine;
use card_core::role::KeyVersion;
use card_core::soft::SoftEngine;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use serde::Deserialize;

use super::records::{IllFormedRecord, Record};
use super::vectors::{Fields, Hex, Witness, read, scope};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vectors {
    messages: Vec<Message>,
    pub(crate) records: Vec<Record>,
    pub(crate) ill_formed_records: Vec<IllFormedRecord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    #[serde(rename = "type")]
    kind: Kind,
    tag: String,
    environment: Hex,
    company: Hex,
    key: Hex,
    fields: Fields,
    mac_input: Hex,
    encoded: Hex,
    altered: Vec<Altered>,
    ill_formed: Vec<IllFormed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Altered {
    field: String,
    encoded: Hex,
    environment: Option<Hex>,
    company: Option<Hex>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IllFormed {
    field: String,
    encoded: Hex,
}

#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[serde(rename = "credit certificate")]
    Certificate,
    #[serde(rename = "binding certificate")]
    Binding,
    #[serde(rename = "voucher")]
    Voucher,
    #[serde(rename = "card receipt")]
    Receipt,
    #[serde(rename = "mail delivery")]
    Delivery,
    #[serde(rename = "meter receipt")]
    MeterReceipt,
}

/// All of them, with the tags of section 5.
const KINDS: [(Kind, &str); 6] = [
    (Kind::Certificate, "EGCREDIT"),
    (Kind::Binding, "EGBINDNG"),
    (Kind::Voucher, "EGVOUCHR"),
    (Kind::Receipt, "EGRECEIP"),
    (Kind::Delivery, "EGDELIVR"),
    (Kind::MeterReceipt, "EGMTRRCP"),
];

/// Why a message was refused.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Form,
    Scope,
    Code,
}

fn binding(fields: &mut Fields) -> Binding {
    Binding { meter: MeterId(fields.take("meter_id").array()), number: fields.take("binding").u32() }
}

pub(crate) fn piastres(fields: &mut Fields, name: &str) -> Piastres {
    Piastres(fields.take(name).u64())
}

/// The company and the environment that a message names itself.
fn named_scope(fields: &mut Fields) -> Scope {
    scope(&fields.take("company"), &fields.take("environment"))
}

fn certificate(fields: &mut Fields) -> Certificate {
    Certificate {
        key_version: KeyVersion::from_byte(fields.take("kvn").u8()),
        binding: binding(fields),
        generation: fields.take("generation").u16(),
        sequence: fields.take("sequence").u32(),
        total_credit: piastres(fields, "total_credit"),
        total_debited: piastres(fields, "total_debited"),
        known_credit: piastres(fields, "known_credit"),
        known_debited: piastres(fields, "known_debited"),
        issue_time: CardTime(fields.take("issue_time").u32()),
        mac: [0; 16],
    }
}

fn binding_certificate(fields: &mut Fields) -> BindingCertificate {
    BindingCertificate {
        key_version: KeyVersion::from_byte(fields.take("kvn").u8()),
        binding: binding(fields),
        account: fields.take("account").u64(),
        opening_time: CardTime(fields.take("opening_time").u32()),
        mac: [0; 16],
    }
}

fn voucher(fields: &mut Fields) -> Voucher {
    Voucher {
        key_version: KeyVersion::from_byte(fields.take("kvn").u8()),
        scope: named_scope(fields),
        card: CardId(fields.take("card_id").array()),
        channel: Channel::from_code(fields.take("channel").u8()).unwrap(),
        reference: Reference(fields.take("reference").array()),
        certificate: Certificate::parse(&fields.take("certificate").0).unwrap(),
        mac: [0; 16],
    }
}

fn receipt(fields: &mut Fields) -> Receipt {
    Receipt {
        key_version: KeyVersion::from_byte(fields.take("kvn").u8()),
        card: CardRef {
            id: CardId(fields.take("card_id").array()),
            generation: fields.take("generation").u16(),
        },
        binding: binding(fields),
        sequence: fields.take("sequence").u32(),
        total_credit: piastres(fields, "total_credit"),
        total_debited: piastres(fields, "total_debited"),
        settled_credit: piastres(fields, "settled_credit"),
        settled_debited: piastres(fields, "settled_debited"),
        loads: fields.take("loads").u32(),
        state: State::from_code(fields.take("state").u8()).unwrap(),
        mac: [0; 16],
    }
}

fn meter_receipt(fields: &mut Fields) -> MeterReceipt {
    MeterReceipt {
        key_version: KeyVersion::from_byte(fields.take("kvn").u8()),
        binding: binding(fields),
        number: fields.take("report").u32(),
        time: CardTime(fields.take("time").u32()),
        applied_credit: piastres(fields, "applied_credit"),
        applied_debited: piastres(fields, "applied_debited"),
        balance: Balance(i64::from_be_bytes(fields.take("balance").array())),
        energy: Energy(fields.take("energy").u32()),
        flags: MeterFlags(fields.take("flags").u16()),
        mac: [0; 16],
    }
}

/// From fields to the bytes, and from the bytes to the very same fields.
macro_rules! both_ways {
    ($engine:ident, $vector:ident, $fields:ident, $key:ident, $scope:ident, $type:ident, $build:ident) => {{
        let signed = $build(&mut $fields).sign($engine, $key, $scope);
        assert_eq!(signed.emit().as_slice(), $vector.encoded.0);
        assert_eq!($type::parse(&$vector.encoded.0), Ok(signed));
    }};
}

impl Message {
    fn scope(&self) -> Scope {
        scope(&self.company, &self.environment)
    }

    fn check_both_ways(&self, engine: &mut Witness) {
        let mut fields = self.fields.clone();
        assert_eq!(fields.take("format").0, [1]);
        let (key, scope) = (&self.key.key(), self.scope());
        match self.kind {
            Kind::Certificate => both_ways!(engine, self, fields, key, scope, Certificate, certificate),
            Kind::Binding => {
                both_ways!(engine, self, fields, key, scope, BindingCertificate, binding_certificate);
            }
            Kind::Voucher => {
                // A voucher names its scope itself.
                let signed = voucher(&mut fields).sign(engine, key);
                assert_eq!(signed.emit().as_slice(), self.encoded.0);
                assert_eq!((Voucher::parse(&self.encoded.0), signed.scope), (Ok(signed), scope));
            }
            Kind::Receipt => both_ways!(engine, self, fields, key, scope, Receipt, receipt),
            Kind::MeterReceipt => both_ways!(engine, self, fields, key, scope, MeterReceipt, meter_receipt),
            Kind::Delivery => {
                let version = fields.take("kvn").u8();
                let named = named_scope(&mut fields);
                let card = CardId(fields.take("card_id").array());
                let content = fields.take("envelope");
                let envelope = Envelope::parse(&content.0).unwrap();
                let made =
                    Delivery::make(engine, key, KeyVersion::from_byte(version), named, card, &envelope)
                        .unwrap();
                assert_eq!(made.as_slice(), self.encoded.0);
                let parsed = Delivery::parse(&self.encoded.0).unwrap();
                assert_eq!((parsed.key_version.byte(), parsed.scope, parsed.card), (version, named, card));
                assert_eq!(parsed.envelope().unwrap().as_bytes(), content.0);
            }
        }
        fields.done();
    }

    /// What somebody of `scope` says to these bytes.
    fn receive(&self, scope: Scope, bytes: &[u8]) -> Result<(), Refused> {
        let (engine, key) = (&mut SoftEngine, &self.key.key());
        match self.kind {
            Kind::Certificate => accept(Certificate::parse(bytes), |m| m.verify(engine, key, scope)),
            Kind::Binding => accept(BindingCertificate::parse(bytes), |m| m.verify(engine, key, scope)),
            Kind::Voucher => {
                let as_issuer = accept(Voucher::parse(bytes), |m| {
                    if m.scope != scope {
                        return Err(NotAuthentic);
                    }
                    m.verify(engine, key)
                });
                // The card looks at the certificate last.
                let outer = Voucher::parse_outer(bytes).map_err(|_| Refused::Form)?;
                let as_card = if outer.scope != scope {
                    Err(Refused::Scope)
                } else {
                    outer.verify(engine, key).map_err(|_| Refused::Code)
                };
                let as_card = as_card.and_then(|()| accept(outer.certificate(), |_| Ok::<_, ()>(())));
                assert_eq!(as_issuer.is_ok(), as_card.is_ok());
                as_issuer
            }
            Kind::Receipt => accept(Receipt::parse(bytes), |m| m.verify(engine, key, scope)),
            Kind::MeterReceipt => accept(MeterReceipt::parse(bytes), |m| m.verify(engine, key, scope)),
            Kind::Delivery => {
                let delivery = Delivery::parse(bytes).map_err(|_| Refused::Form)?;
                if delivery.scope != scope {
                    return Err(Refused::Scope);
                }
                delivery.verify(engine, key).map_err(|_| Refused::Code)?;
                accept(delivery.envelope(), |_| Ok::<_, ()>(()))
            }
        }
    }
}

fn accept<M, V, E, F>(message: Result<M, F>, verify: impl FnOnce(M) -> Result<V, E>) -> Result<(), Refused> {
    verify(message.map_err(|_| Refused::Form)?).map(|_| ()).map_err(|_| Refused::Code)
}

/// Section 5, "header block", from the text.
fn header_block(tag: &str, environment: u8, company: &[u8], key_version: u8, length: usize) -> Vec<u8> {
    let length = u16::try_from(length).unwrap().to_be_bytes();
    [tag.as_bytes(), &[1, environment], company, &[key_version, 0], &length].concat()
}

#[test]
fn messages_both_ways() {
    let messages = read::<Vectors>("messages").messages;
    for vector in &messages {
        let name = format!("{:?} {:?}", vector.kind, vector.encoded);
        assert!(KINDS.contains(&(vector.kind, vector.tag.as_str())), "{name}: {}", vector.tag);
        let mut witness = Witness::default();
        vector.check_both_ways(&mut witness);
        assert_eq!(witness.macs.as_slice(), core::slice::from_ref(&vector.mac_input.0), "{name}");
        assert_eq!(vector.receive(vector.scope(), &vector.encoded.0), Ok(()), "{name}");

        let (body, _) = vector.encoded.0.split_last_chunk::<16>().unwrap();
        let block =
            header_block(&vector.tag, vector.environment.u8(), &vector.company.0, body[1], body.len());
        assert_eq!([&block, body].concat(), vector.mac_input.0, "{name}");
    }
    for (kind, _) in KINDS {
        let count = messages.iter().filter(|message| message.kind == kind).count();
        assert!(count >= 6, "{kind:?}: {count}");
        for length in [16, 32] {
            assert!(messages.iter().any(|m| m.kind == kind && m.key.0.len() == length), "{kind:?} {length}");
        }
    }
    assert!(messages.len() >= 36, "{}", messages.len());
}

#[test]
fn altered_messages_are_refused() {
    let (mut total, mut by_code) = (0, 0);
    for vector in read::<Vectors>("messages").messages {
        assert!(vector.altered.len() >= 9, "{:?}", vector.kind);
        for altered in &vector.altered {
            let name = format!("{:?} {}", vector.kind, altered.field);
            let (receiver, distance) = match (&altered.company, &altered.environment) {
                (Some(company), Some(environment)) => {
                    assert!(altered.field.starts_with("header: "), "{name}");
                    (scope(company, environment), 0)
                }
                _ => (vector.scope(), 1),
            };
            assert_eq!(altered.encoded.distance(&vector.encoded), distance, "{name}");
            assert!(distance == 1 || receiver != vector.scope(), "{name}");
            let refused = vector.receive(receiver, &altered.encoded.0).expect_err(&name);
            total += 1;
            by_code += usize::from(refused == Refused::Code);
        }
    }
    assert!(total >= 420 && by_code >= 340, "{total}, of them {by_code} by the code");
}

#[test]
fn ill_formed_messages_are_refused_for_their_form() {
    let mut total = 0;
    for vector in read::<Vectors>("messages").messages {
        assert!(vector.ill_formed.len() >= 2, "{:?}", vector.kind);
        for ill in &vector.ill_formed {
            let name = format!("{:?} {} {:?}", vector.kind, ill.field, ill.encoded);
            assert!(ill.encoded != vector.encoded, "{name}");
            assert_eq!(vector.receive(vector.scope(), &ill.encoded.0), Err(Refused::Form), "{name}");
            assert!(code_is_right(&vector, &ill.encoded.0), "{name}");
            total += 1;
        }
    }
    assert!(total >= 228, "{total}");
}

/// Whether the last 16 bytes are the code over the rest, so that nothing but the form can be the reason to refuse.
fn code_is_right(vector: &Message, bytes: &[u8]) -> bool {
    let (body, code) = bytes.split_last_chunk::<16>().unwrap();
    let key: AesKey = vector.key.key();
    let right = |environment: u8| {
        let block = header_block(&vector.tag, environment, &vector.company.0, body[1], body.len());
        SoftEngine.cmac(&key, &[&block, body]) == *code
    };
    let names_its_own = matches!(vector.kind, Kind::Voucher | Kind::Delivery);
    right(if names_its_own { body[4] } else { vector.environment.u8() })
}
