//! From the ledger's types to those of the wire and back.

use card_core::id::{CardId, MeterId};

use super::failure::Failure;
use card_channel::wire::{self, Code, texts};
use card_ledger::{
    ChargeKind, Collected, Entry, Evidence, HandedIn, LedgerError, Office, Payee, RequestId, Sale, SaleState,
    Shown,
};

/// A sale on the wire. It is a function of the sale alone, so a repetition gives the same bytes. What is in it is what a seller needs to know
/// (docs/channels.md, section 3).
pub(super) fn sale(
    office: &Office,
    sale: &Sale,
    waits_for: Option<&LedgerError>,
) -> Result<wire::Sale, LedgerError> {
    let kept = match (&sale.certified, sale.card) {
        (Some(certified), None) => Some(office.kept(certified)?),
        _ => None,
    };
    Ok(written(sale, kept.as_deref(), waits_for))
}

fn written(sale: &Sale, kept: Option<&[u8]>, waits_for: Option<&LedgerError>) -> wire::Sale {
    let certified = sale.certified.as_ref().map(|certified| wire::Certified {
        time: certified.time.to_unix(),
        voucher: sale.card.map(|_| hex::encode_upper(&certified.voucher)),
        kept: kept.map(hex::encode_upper),
    });
    let charges = sale.division.charges.iter().map(|charged| wire::Charge {
        code: charged.code.to_string(),
        kind: match charged.kind {
            ChargeKind::Fee => wire::ChargeKind::Fee,
            ChargeKind::Levy => wire::ChargeKind::Levy,
        },
        amount_piastres: charged.amount,
    });
    let mut written = wire::Sale {
        id: sale.request.id.to_string(),
        party: sale.request.party.to_string(),
        point: sale.entry.point.to_string(),
        number: sale.entry.number,
        state: match sale.state {
            SaleState::Reserved => wire::SaleState::Reserved,
            SaleState::Paid => wire::SaleState::Paid,
            SaleState::Certified => wire::SaleState::Certified,
            SaleState::Cancelled => wire::SaleState::Cancelled,
            SaleState::Refunded => wire::SaleState::Refunded,
        },
        time: sale.time.to_unix(),
        actor: sale.actor.clone(),
        meter: sale.binding.meter.to_string(),
        card: sale.card.map(|card| card.to_string()),
        amount_piastres: sale.amount.0,
        credit_piastres: sale.division.credit,
        debt_piastres: sale.division.debt,
        charges: charges.collect(),
        approved_by: sale.approved_by.clone(),
        certified,
        waits_for: waits_for.map(|error| reason(sale.card.is_some(), error)),
        message: None,
    };
    written.message = texts::of_sale(&written);
    written
}

fn reason(to_card: bool, error: &LedgerError) -> wire::Reason {
    let Failure { code, detail, .. } = Failure::of(error).about(to_card);
    wire::Reason { code: code.as_str().to_owned(), detail, message: code.message() }
}

pub(super) fn waiting(collected: &Collected) -> wire::Waiting {
    wire::Waiting {
        card: collected.card.to_string(),
        voucher: collected.voucher.as_ref().map(hex::encode_upper),
        mail: collected.mail.iter().map(hex::encode_upper).collect(),
    }
}

pub(super) fn handed_in(done: &HandedIn) -> wire::EvidenceAnswer {
    wire::EvidenceAnswer {
        known: done.known,
        meter: done.binding.meter.to_string(),
        binding: done.binding.number,
        finding: done.finding.code().to_owned(),
    }
}

/// What the card in the channel's reader shows.
pub(super) fn shown(receipt: Option<&str>, certificate: Option<&str>) -> Result<Option<Shown>, Failure> {
    let certificate = certificate.map(|text| bytes("certificate", text)).transpose()?;
    let receipt = receipt.map(|text| bytes("receipt", text)).transpose()?;
    match (receipt, certificate) {
        (Some(receipt), certificate) => Ok(Some(Shown { receipt, certificate })),
        (None, None) => Ok(None),
        (None, Some(_)) => {
            Err(Failure::new(Code::BadEvidence, "a `certificate` comes with the `receipt` of its card"))
        }
    }
}

fn bytes(what: &str, text: &str) -> Result<Vec<u8>, Failure> {
    let bytes = hex::decode(text).ok().filter(|bytes| !bytes.is_empty() && bytes.len() <= 4096);
    let form = || Failure::malformed(format!("`{what}` is 1 to 4096 bytes, in pairs of hexadecimal digits"));
    bytes.ok_or_else(form)
}

pub(super) fn evidence(request: &wire::EvidenceRequest) -> Result<Evidence, Failure> {
    let bytes = bytes("data", &request.data)?;
    Ok(match request.kind {
        wire::EvidenceKind::CardReceipt => Evidence::CardReceipt(bytes),
        wire::EvidenceKind::Certificate => Evidence::Certificate(bytes),
        wire::EvidenceKind::MeterReceipt => Evidence::MeterReceipt(bytes),
        wire::EvidenceKind::MeterMail => Evidence::MeterMail(bytes),
    })
}

pub(super) fn payee(payee: &wire::Payee) -> Result<Payee, Failure> {
    match payee {
        wire::Payee::Card(text) => Ok(Payee::Card(card(text)?)),
        wire::Payee::Meter(text) => Ok(Payee::Meter(meter(text)?)),
    }
}

pub(super) fn card(text: &str) -> Result<CardId, Failure> {
    let mut id = [0; 8];
    let read = if text.len() == 16 { hex::decode_to_slice(text, &mut id).ok() } else { None };
    read.map(|()| CardId(id)).ok_or_else(|| Failure::malformed("a card is named by 16 hexadecimal digits"))
}

fn meter(text: &str) -> Result<MeterId, Failure> {
    let plain = text == "0" || !text.starts_with('0');
    if text.is_empty() || text.len() > 20 || !plain || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::malformed(
            "a meter is named by its number: 1 to 20 decimal digits without leading zeros",
        ));
    }
    // What has the form and does not fit is the number of no meter.
    text.parse().map_err(|_| {
        Failure::new(Code::UnknownMeter, format!("meter {text} serves no customer: look at its number"))
    })
}

pub(super) fn request_id(text: &str) -> Result<RequestId, Failure> {
    let form = "an id has 1 to 64 characters of A-Z, a-z, 0-9, '-', '.', '_' and ':', and no '.' first";
    let id = text.parse().ok().filter(|_| wire::is_request_id(text));
    id.ok_or_else(|| Failure::malformed(form))
}

/// Whether a text has the form that the description of the protocol gives it.
pub(super) fn printable(what: &str, text: &str, most: usize) -> Result<(), Failure> {
    if (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Failure::malformed(format!("`{what}` has 1 to {most} printable characters of ASCII, without spaces")))
}

/// The same for words.
pub(super) fn words(what: &str, text: &str) -> Result<(), Failure> {
    if Entry::is_reason(text) {
        return Ok(());
    }
    let most = Entry::REASON;
    Err(Failure::malformed(format!(
        "`{what}` has 1 to {most} characters, not only white space and without control characters"
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;
    use card_core::id::Binding;
    use card_core::units::{CardTime, Piastres};
    use card_ledger::{Certified, Charged, Division, EntryId, Refusal, RequestKey};

    fn sold() -> Sale {
        Sale {
            request: RequestKey { party: "fawry".parse().unwrap(), id: "k1-1".parse().unwrap() },
            state: SaleState::Certified,
            entry: EntryId { point: "fawry-1".parse().unwrap(), number: 7 },
            time: CardTime(200_000_000),
            actor: "front".to_owned(),
            binding: Binding { meter: MeterId::from(u64::MAX), number: 2 },
            card: Some(CardId::from(0xC0FFEE)),
            account: u64::MAX,
            amount: Piastres(5000),
            division: Division {
                credit: 4850,
                debt: 0,
                charges: vec![Charged {
                    code: "cleaning".parse().unwrap(),
                    kind: ChargeKind::Levy,
                    amount: 150,
                }],
            },
            approved_by: None,
            certified: Some(Certified {
                time: CardTime(200_000_001),
                sequence: 3,
                total_credit: Piastres(9850),
                total_debited: Piastres::ZERO,
                voucher: vec![0xA5; 110],
            }),
        }
    }

    #[test]
    fn a_sale_is_always_written_with_the_same_bytes() {
        let bytes = serde_json::to_string(&written(&sold(), None, None)).unwrap();
        assert_eq!(bytes, serde_json::to_string(&written(&sold(), None, None)).unwrap());
        // The bytes of version 1: what is changed here changes what a repetition gives for sales of the past.
        let front = r#"{"id":"k1-1","party":"fawry","point":"fawry-1","number":7,"state":"certified","time":1777836800,"actor":"front","meter":"18446744073709551615","card":"0000000000C0FFEE","amount_piastres":5000,"credit_piastres":4850,"debt_piastres":0,"charges":[{"code":"cleaning","kind":"levy","amount_piastres":150}],"approved_by":null,"certified":{"time":1777836801,"voucher":"A5A5"#;
        assert!(bytes.starts_with(front), "{bytes}");
        assert!(
            bytes.contains(r#"A5A5","kept":null},"waits_for":null,"message":{"en":"Paid: 50.00 EGP."#),
            "{bytes}"
        );
    }

    #[test]
    fn a_paid_sale_says_what_it_waits_for() {
        let paid = Sale { state: SaleState::Paid, certified: None, ..sold() };
        let blocked = Refusal::Blocked(CardId::from(0xC0FFEE)).into();
        let told = written(&paid, None, Some(&blocked)).waits_for.unwrap();
        assert_eq!((told.code.as_str(), told.detail.contains("C0FFEE")), ("card-blocked", true));
        // Who has named the meter is not told which card it is.
        let by_meter = Sale { card: None, ..paid.clone() };
        let told = written(&by_meter, None, Some(&blocked)).waits_for.unwrap();
        assert_eq!((told.code.as_str(), told.detail.contains("C0FFEE")), ("card-blocked", false));
        let inner = LedgerError::from(card_host::issuer::IssuerError::NoTime);
        let reason = written(&paid, None, Some(&inner)).waits_for.unwrap();
        assert_eq!(reason.code, "cannot-sign");
        assert!(!reason.detail.contains("clock"), "that is for the log: {reason:?}");
        assert_eq!(written(&paid, None, None).waits_for, None);
    }

    #[test]
    fn names_are_read_in_one_spelling_only() {
        assert_eq!(card("00c0FFEE00C0FFEE"), Ok(CardId::from(0x00C0_FFEE_00C0_FFEE)));
        for text in ["", "00C0FFEE", "00C0FFEE00C0FFEG", "00C0FFEE00C0FFEE00", "éééééééé"] {
            assert_eq!(card(text).unwrap_err().code, Code::Malformed, "{text}");
        }
        assert_eq!(meter("18446744073709551615"), Ok(MeterId::from(u64::MAX)));
        assert_eq!(meter("18446744073709551616").unwrap_err().code, Code::UnknownMeter);
        for text in ["", "017", "-1", "+1", "1.0", "1e3", "\u{0661}", "111111111111111111111"] {
            assert_eq!(meter(text).unwrap_err().code, Code::Malformed, "{text}");
        }
        for text in ["", ".", "..", ".a", "a b", "a/b", "\u{e9}", &"a".repeat(65)] {
            assert!(request_id(text).is_err(), "{text}");
        }
        assert!(request_id(&"a".repeat(64)).is_ok() && request_id("a.b:c_d-E9").is_ok());
    }
}
