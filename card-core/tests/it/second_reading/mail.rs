//! `mail.json`: envelopes in both directions, and the data field of PUT MAIL (specification, 5.5 and 5.6).

use card_core::role::KeyVersion;
use std::collections::BTreeSet;

use card_core::id::{Binding, CardId, Environment, MeterId, Scope};
use card_core::message::{Delivery, Direction, Envelope, MAX_PLAINTEXT, MailKeys, Slot};
use card_core::soft::SoftEngine;
use serde::Deserialize;

use super::vectors::{Fields, Hex, Witness, read, scope};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    envelopes: Vec<Mail>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mail {
    tag: String,
    environment: Hex,
    company: Hex,
    mac_key: Hex,
    enc_key: Hex,
    fields: Fields,
    associated_data: Hex,
    plain: Hex,
    envelope: Hex,
    altered: Vec<Altered>,
    delivery: Option<Delivered>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Altered {
    field: String,
    envelope: Hex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivered {
    load_key: Hex,
    load_key_version: Hex,
    card_id: Hex,
    data: Hex,
}

/// The fields of an envelope.
struct Header {
    version: u32,
    binding: Binding,
    slot: Slot,
    keys: MailKeys,
}

impl Mail {
    fn scope(&self) -> Scope {
        scope(&self.company, &self.environment)
    }

    fn header(&self) -> Header {
        let mut fields = self.fields.clone();
        assert_eq!(fields.take("format").0, [1]);
        let version = fields.take("kvn").u8();
        let meter = MeterId(fields.take("meter_id").array());
        let header = Header {
            version: fields.take("version").u32(),
            binding: Binding { meter, number: fields.take("binding").u32() },
            slot: Slot::new(fields.take("slot").u8()).unwrap(),
            keys: MailKeys {
                version: KeyVersion::from_byte(version),
                mac: self.mac_key.key(),
                enc: self.enc_key.key(),
            },
        };
        fields.done();
        header
    }

    /// What the owner of the keys in `scope` reads in these bytes.
    fn read(&self, scope: Scope, bytes: &[u8]) -> Option<Vec<u8>> {
        let opened = Envelope::parse(bytes).ok()?.open(&mut SoftEngine, &self.header().keys, scope).ok()?;
        Some(opened.as_slice().to_vec())
    }
}

#[test]
fn envelopes_both_ways() {
    let envelopes = read::<Vectors>("mail").envelopes;
    let mut sizes = BTreeSet::new();
    for vector in &envelopes {
        let name = format!("{:?}", vector.envelope);
        let Header { version, binding, slot, keys } = vector.header();
        let tag = match slot.direction() {
            Direction::ToMeter => "EGMAILTO",
            Direction::ToIssuer => "EGMAILFR",
        };
        assert_eq!(vector.tag, tag, "{name}");

        let (plain, mut witness) = (&vector.plain.0, Witness::default());
        let sealed =
            Envelope::seal(&mut witness, &keys, vector.scope(), binding, slot, version, plain).unwrap();
        assert_eq!(sealed.as_bytes(), vector.envelope.0, "{name}");
        assert!(witness.macs.contains(&vector.associated_data.0), "{name}");

        let parsed = Envelope::parse(&vector.envelope.0).unwrap();
        assert_eq!((parsed.key_version, parsed.binding), (keys.version, binding), "{name}");
        assert_eq!((parsed.slot, parsed.version), (slot, version), "{name}");
        assert_eq!(parsed.as_bytes(), vector.envelope.0, "{name}");
        assert_eq!(vector.read(vector.scope(), &vector.envelope.0).as_ref(), Some(plain), "{name}");
        sizes.insert((slot.direction() == Direction::ToMeter, keys.mac.expose().len(), plain.len()));
    }
    for to_meter in [true, false] {
        for key in [16, 32] {
            for plain in [0, 1, 15, 16, 17, MAX_PLAINTEXT] {
                assert!(sizes.contains(&(to_meter, key, plain)), "{to_meter} {key} {plain}");
            }
        }
    }
    assert!(envelopes.len() >= 28, "{}", envelopes.len());
}

#[test]
fn altered_envelopes_are_refused() {
    let mut total = 0;
    for vector in read::<Vectors>("mail").envelopes {
        assert!(vector.altered.len() >= 8, "{:?}", vector.envelope);
        for altered in &vector.altered {
            let name = format!("{} {:?}", altered.field, altered.envelope);
            if altered.field == "one byte less" {
                assert_eq!(altered.envelope.0.len() + 1, vector.envelope.0.len(), "{name}");
            } else {
                assert_eq!(altered.envelope.distance(&vector.envelope), 1, "{name}");
            }
            assert_eq!(vector.read(vector.scope(), &altered.envelope.0), None, "{name}");
            total += 1;
        }
        let elsewhere = match vector.scope().environment {
            Environment::Test => Environment::Production,
            Environment::Production => Environment::Test,
        };
        let other = Scope { environment: elsewhere, ..vector.scope() };
        assert_eq!(vector.read(other, &vector.envelope.0), None, "{:?}", vector.envelope);
    }
    assert!(total >= 248, "{total}");
}

#[test]
fn deliveries_both_ways() {
    let mut total = 0;
    for vector in read::<Vectors>("mail").envelopes {
        let slot = vector.header().slot;
        assert_eq!(vector.delivery.is_some(), slot.direction() == Direction::ToMeter, "{slot:?}");
        let Some(delivery) = &vector.delivery else { continue };
        let (key, version) = (delivery.load_key.key(), delivery.load_key_version.u8());
        let (card, envelope) =
            (CardId(delivery.card_id.array()), Envelope::parse(&vector.envelope.0).unwrap());
        let made = Delivery::make(
            &mut SoftEngine,
            &key,
            KeyVersion::from_byte(version),
            vector.scope(),
            card,
            &envelope,
        )
        .unwrap();
        assert_eq!(made.as_slice(), delivery.data.0);

        let parsed = Delivery::parse(&delivery.data.0).unwrap();
        assert_eq!((parsed.key_version.byte(), parsed.scope, parsed.card), (version, vector.scope(), card));
        assert!(parsed.verify(&mut SoftEngine, &key).is_ok());
        assert_eq!(parsed.envelope().unwrap().as_bytes(), vector.envelope.0);
        total += 1;
    }
    assert!(total >= 14, "{total}");
}
