//! `messages.json`: the records of the histories (specification, 5.8).

use card_core::message::{Event, Month};
use card_core::units::{CardTime, Energy, Piastres};
use serde::Deserialize;

use super::messages::Vectors;
use super::vectors::{Fields, Hex, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    #[serde(rename = "type")]
    kind: RecordKind,
    fields: Fields,
    encoded: Hex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IllFormedRecord {
    #[serde(rename = "type")]
    kind: RecordKind,
    field: String,
    encoded: Hex,
}

#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum RecordKind {
    Month,
    Event,
}

/// A number of a size that no type has.
fn small(fields: &mut Fields, name: &str) -> u64 {
    fields.take(name).0.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn month(fields: &mut Fields) -> Month {
    Month {
        index: fields.take("month").u16(),
        flags: fields.take("flags").u8(),
        slab: fields.take("slab").u8(),
        energy: Energy(fields.take("energy").u32()),
        energy_charge: Piastres(small(fields, "energy_charge")),
        re_rating: fields.take("re_rating").u32().cast_signed(),
        service_fee: fields.take("service_fee").u32(),
        levies: fields.take("levies").u32().cast_signed(),
        others: fields.take("others").u32().cast_signed(),
        instalments: fields.take("instalments").u32(),
        doubt_cost: small(fields, "doubt_cost") as u32,
        tariff: fields.take("tariff").u32(),
        peak: small(fields, "peak") as u32,
    }
}

fn event(fields: &mut Fields) -> Event {
    Event {
        number: fields.take("number").u32(),
        time: CardTime(fields.take("time").u32()),
        code: fields.take("code").u16(),
        data: fields.take("data").array(),
    }
}

#[test]
fn records_of_the_histories() {
    let Vectors { records, ill_formed_records, .. } = read("messages");
    for Record { kind, fields, encoded } in &records {
        let mut fields = fields.clone();
        match kind {
            RecordKind::Month => {
                let month = month(&mut fields);
                assert_eq!(month.emit().as_slice(), encoded.0);
                assert_eq!(Month::parse(&encoded.0), Ok(month));
            }
            RecordKind::Event => {
                let event = event(&mut fields);
                assert_eq!(event.emit().as_slice(), encoded.0);
                assert_eq!(Event::parse(&encoded.0), Ok(event));
            }
        }
        fields.done();
    }
    for ill in &ill_formed_records {
        let refused = match ill.kind {
            RecordKind::Month => Month::parse(&ill.encoded.0).is_err(),
            RecordKind::Event => Event::parse(&ill.encoded.0).is_err(),
        };
        assert!(refused, "{:?} {}", ill.kind, ill.field);
    }
    for kind in [RecordKind::Month, RecordKind::Event] {
        assert!(records.iter().filter(|record| record.kind == kind).count() >= 3, "{kind:?}");
        assert!(ill_formed_records.iter().any(|record| record.kind == kind), "{kind:?}");
    }
}
