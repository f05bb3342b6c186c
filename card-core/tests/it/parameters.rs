//! Plaintexts of mail (docs/meter.md, sections 7 to 10): bytes written by hand from the text, every rule, and both ways round.
// Long: each plaintext with each of its rules.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use card_core::id::{CardId, Company, Environment, Scope};
use card_core::key::AesKey;
use card_core::key_wrap;
use card_core::message::{MeterFlags, Month};
use card_core::parameters::command::kind;
use card_core::parameters::{
    Action, AuditRecord, AuditRecords, Command, Debt, DebtKind, DebtPlan, KeyChange, KeysInUse, Limits,
    MAX_DEBTS, MAX_NOTICES, NewKeys, Notice, Notices, ParameterError, Readings,
};
use card_core::role::KeyVersion;
use card_core::soft::SoftEngine;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use hex_literal::hex;
use proptest::prelude::*;

const SCOPE: Scope = Scope { company: Company(0x0102), environment: Environment::Test };
const CARD: CardId = CardId(hex!("C0C1C2C3C4C5C6C7"));

/// A parser and the bytes that it took, as its value writes them again.
type Again = fn(&[u8]) -> Result<Vec<u8>, ParameterError>;

fn limits_again(bytes: &[u8]) -> Result<Vec<u8>, ParameterError> {
    Limits::parse(bytes).map(|value| value.emit().to_vec())
}
fn debts_again(bytes: &[u8]) -> Result<Vec<u8>, ParameterError> {
    DebtPlan::parse(bytes).map(|value| value.emit().as_slice().to_vec())
}
fn notices_again(bytes: &[u8]) -> Result<Vec<u8>, ParameterError> {
    Notices::parse(bytes).map(|value| value.emit().as_slice().to_vec())
}
fn command_again(bytes: &[u8]) -> Result<Vec<u8>, ParameterError> {
    Command::parse(bytes).map(|value| value.emit().to_vec())
}
fn key_change_again(bytes: &[u8]) -> Result<Vec<u8>, ParameterError> {
    KeyChange::parse(bytes).map(|value| value.emit().as_slice().to_vec())
}
fn readings_again(bytes: &[u8]) -> Result<Vec<u8>, ParameterError> {
    Readings::parse(bytes).map(|value| value.emit().to_vec())
}
fn audit_again(bytes: &[u8]) -> Result<Vec<u8>, ParameterError> {
    AuditRecords::parse(bytes).map(|value| value.emit().as_slice().to_vec())
}

const ALL: [Again; 7] =
    [limits_again, debts_again, notices_again, command_again, key_change_again, readings_again, audit_again];

/// Every bit flip is refused or gives back just those bytes; every truncation and extension is refused with `Length`, but for the
/// lengths that are another mail's; another format is `Format`.
fn mistreated(again: Again, right: &[u8], also: &[usize]) {
    assert_eq!(again(right).unwrap(), right);
    for bit in 0..right.len() * 8 {
        let mut altered = right.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        match again(&altered) {
            Ok(bytes) => assert_eq!(bytes, altered, "bit {bit}"),
            Err(error) if bit < 8 => assert_eq!(error, ParameterError::Format, "bit {bit}"),
            Err(_) => {}
        }
        assert!(bit >= 8 || again(&altered).is_err(), "bit {bit}");
    }
    for length in (0..right.len()).filter(|length| !also.contains(length)) {
        assert_eq!(again(&right[..length]), Err(ParameterError::Length), "{length}");
    }
    for more in (1..200).filter(|more| !also.contains(&(right.len() + more))) {
        let longer = [right, &vec![0x5A; more]].concat();
        assert!(again(&longer).is_err(), "{more} more");
        let longer = [right, &vec![0; more]].concat();
        assert!(again(&longer).is_err(), "{more} more");
    }
}

#[test]
fn nothing_is_no_mail() {
    for again in ALL {
        assert_eq!(again(&[]), Err(ParameterError::Length));
        for format in (0..=255).filter(|format| *format != 1) {
            assert_eq!(again(&[format]), Err(ParameterError::Format));
            assert_eq!(again(&[format; 50]), Err(ParameterError::Format));
        }
    }
}

// 7.1

const LIMITS: [u8; 50] = hex!(
    "01 00000DAC 000007D0 00001388 000009C4 03FC 0564 000003E8 0258 05 003C 0018 00002710 002D 00000708 15 01"
    "0032 000005DC"
);

fn limits() -> Limits {
    Limits {
        first_threshold: 3500,
        second_threshold: 2000,
        contracted_power: 5000,
        second_power: 2500,
        second_from: 1020,
        second_until: 1380,
        loan_power: 1000,
        overload_pause: 600,
        overload_pauses: 5,
        overload_reset: 60,
        loan_hours: 24,
        loan_amount: 10_000,
        loan_seconds: 45,
        clock_step: 1_800,
        tamper_cuts: 0x15,
        policies: 1,
        relay_power: 50,
        restart_notice: Energy(1_500),
    }
}

#[test]
fn limits_by_hand() {
    assert_eq!(Limits::SIZE, 50);
    assert_eq!(Limits::parse(&LIMITS), Ok(limits()));
    assert_eq!(limits().emit(), LIMITS);
    mistreated(limits_again, &LIMITS, &[]);
}

#[test]
fn limits_before_the_first_mail() {
    let bytes = hex!(
        "01 000003E8 000001F4 00000000 00000000 0000 0000 00000000 012C 03 05A0 0030 00004E20 003C 00000258 1F 00"
        "0064 000007D0"
    );
    assert_eq!(Limits::DEFAULT.emit(), bytes);
    assert_eq!(Limits::parse(&bytes), Ok(Limits::DEFAULT));
    assert_eq!(Limits::default(), Limits::DEFAULT);
}

#[test]
fn limits_have_rules() {
    let right = limits();
    for (wrong, error) in [
        (Limits { second_threshold: 3501, ..right }, ParameterError::Thresholds),
        (Limits { overload_pause: 0, ..right }, ParameterError::OverloadPause),
        (Limits { clock_step: 59, ..right }, ParameterError::ClockStep),
        (Limits { clock_step: 3601, ..right }, ParameterError::ClockStep),
        (Limits { tamper_cuts: 0x20, ..right }, ParameterError::TamperCuts),
        (Limits { tamper_cuts: 0x40, ..right }, ParameterError::TamperCuts),
        (Limits { tamper_cuts: 0x9F, ..right }, ParameterError::TamperCuts),
        (Limits { second_from: 1440, ..right }, ParameterError::SecondPower),
        (Limits { second_until: 1440, ..right }, ParameterError::SecondPower),
        (Limits { policies: 2, ..right }, ParameterError::Policies),
        (Limits { policies: 0x81, ..right }, ParameterError::Policies),
    ] {
        assert_eq!(wrong.check(), Err(error));
        assert_eq!(Limits::parse(&wrong.emit()), Err(error));
    }
    for edge in [
        Limits { second_threshold: 3500, ..right },
        Limits { first_threshold: 0, second_threshold: 0, ..right },
        Limits { contracted_power: 0, ..right },
        Limits { contracted_power: u32::MAX, ..right },
        Limits { overload_pause: 1, ..right },
        Limits { overload_pauses: 0, overload_reset: 0, loan_hours: 0, ..right },
        Limits { overload_pauses: 255, overload_reset: u16::MAX, loan_hours: u16::MAX, ..right },
        Limits { clock_step: 60, ..right },
        Limits { clock_step: 3600, ..right },
        Limits { tamper_cuts: 0, ..right },
        Limits { second_from: 1439, second_until: 0, second_power: u32::MAX, ..right },
        Limits { second_from: 0, second_until: 1439, second_power: 0, loan_power: u32::MAX, ..right },
        Limits { loan_amount: u32::MAX, loan_seconds: u16::MAX, policies: 0, ..right },
        Limits { loan_amount: 0, loan_seconds: 0, relay_power: 0, restart_notice: Energy(0), ..right },
        Limits { relay_power: u16::MAX, restart_notice: Energy(u32::MAX), ..right },
        Limits { tamper_cuts: 0x1F, ..right },
    ] {
        assert_eq!(edge.check(), Ok(()));
        assert_eq!(Limits::parse(&edge.emit()), Ok(edge));
    }
}

// 7.3

const DEBTS: [u8; 36] =
    hex!("01 02" "00010203 01 0051 000C 000061A8 000061B0" "F0000001 03 FFFE 0001 00000000 FFFFFFFF");

fn debts() -> [Debt; 2] {
    [
        Debt {
            id: 0x0001_0203,
            kind: DebtKind::Instalment,
            first_month: 81,
            count: 12,
            amount: 25_000,
            last: 25_008,
        },
        Debt {
            id: 0xF000_0001,
            kind: DebtKind::Other,
            first_month: 0xFFFE,
            count: 1,
            amount: 0,
            last: u32::MAX,
        },
    ]
}

fn four_debts() -> [Debt; 4] {
    [1, 2, 3, 4].map(|id| Debt { id, ..debts()[0] })
}

#[test]
fn debts_by_hand() {
    assert_eq!((DebtPlan::MAX, MAX_DEBTS), (70, 4));
    let plan = DebtPlan::new(&debts()).unwrap();
    assert_eq!(plan.debts(), debts());
    assert_eq!(plan.emit().as_slice(), DEBTS);
    assert_eq!(DebtPlan::parse(&DEBTS), Ok(plan));
    mistreated(debts_again, &DEBTS, &[]);

    assert_eq!(DebtPlan::NONE.emit().as_slice(), hex!("01 00"));
    assert_eq!(DebtPlan::parse(&hex!("01 00")), Ok(DebtPlan::NONE));
    assert_eq!(DebtPlan::new(&[]), Ok(DebtPlan::NONE));
    assert_eq!(DebtPlan::default(), DebtPlan::NONE);
    assert_eq!(DebtPlan::NONE.debts(), []);
    mistreated(debts_again, &hex!("01 00"), &[]);

    let most = DebtPlan::new(&four_debts()).unwrap();
    assert_eq!(most.emit().len(), 70);
    mistreated(debts_again, most.emit().as_slice(), &[]);
}

#[test]
fn debts_have_rules() {
    let [first, second] = debts();
    for (wrong, error) in [
        (Debt { id: 0, ..second }, ParameterError::DebtId(2)),
        (Debt { id: first.id, ..second }, ParameterError::DebtId(2)),
        (Debt { first_month: 0xFFFF, ..second }, ParameterError::DebtMonth(2)),
        (Debt { count: 0, ..second }, ParameterError::DebtInstalments(2)),
    ] {
        assert_eq!(DebtPlan::new(&[first, wrong]), Err(error));
        let mut bytes = DEBTS;
        bytes[19..23].copy_from_slice(&wrong.id.to_be_bytes());
        bytes[24..26].copy_from_slice(&wrong.first_month.to_be_bytes());
        bytes[26..28].copy_from_slice(&wrong.count.to_be_bytes());
        assert_eq!(DebtPlan::parse(&bytes), Err(error));
    }
    let [a, b, c, d] = four_debts();
    assert_eq!(DebtPlan::new(&[Debt { id: 0, ..a }, b]), Err(ParameterError::DebtId(1)));
    assert_eq!(DebtPlan::new(&[a, b, c, Debt { id: a.id, ..d }]), Err(ParameterError::DebtId(4)));
    assert_eq!(DebtPlan::new(&[a, b, Debt { id: b.id, ..c }, d]), Err(ParameterError::DebtId(3)));
    assert_eq!(DebtPlan::new(&[a, b, c, d, Debt { id: 5, ..a }]), Err(ParameterError::DebtCount));
    for code in (0..=255).filter(|code| ![1, 2, 3].contains(code)) {
        let mut bytes = DEBTS;
        bytes[6] = code;
        assert_eq!(DebtPlan::parse(&bytes), Err(ParameterError::DebtKind(1)));
    }
    for code in [1, 2, 3] {
        let mut bytes = DEBTS;
        bytes[23] = code;
        assert_eq!(DebtPlan::parse(&bytes).unwrap().debts()[1].kind.code(), code);
    }
    for count in 5..=255 {
        let mut bytes = [0x11; 2 + 17 * 255];
        (bytes[0], bytes[1]) = (1, count);
        assert_eq!(DebtPlan::parse(&bytes[..2 + 17 * usize::from(count)]), Err(ParameterError::DebtCount));
    }
    assert_eq!(DebtKind::from_code(2), Some(DebtKind::Arrears));
}

#[test]
fn instalments() {
    let debt = Debt { count: 3, amount: 100, last: 101, ..debts()[0] };
    let taken: Vec<_> = (0..5).map(|number| debt.instalment(number).map(|sum| sum.0)).collect();
    assert_eq!(taken, [Some(100), Some(100), Some(101), None, None]);
    let left: Vec<_> = (0..5).map(|taken| debt.remaining(taken).0).collect();
    assert_eq!(left, [301, 201, 101, 0, 0]);
    assert_eq!((debt.instalment(u16::MAX), debt.remaining(u16::MAX)), (None, Piastres(0)));

    let single = Debt { count: 1, ..debt };
    assert_eq!((single.instalment(0), single.instalment(1)), (Some(Piastres(101)), None));
    assert_eq!((single.remaining(0), single.remaining(1)), (Piastres(101), Piastres(0)));

    let largest = Debt { count: u16::MAX, amount: u32::MAX, last: u32::MAX, ..debt };
    assert_eq!(largest.remaining(0), Piastres(65_535 * 4_294_967_295));
    assert_eq!(largest.instalment(65_533), Some(Piastres(4_294_967_295)));
    assert_eq!(
        (largest.instalment(65_534), largest.instalment(65_535)),
        (Some(Piastres(4_294_967_295)), None)
    );
}

// 7.4

const NOTICES: [u8; 22] = hex!("01 02" "0102 0C200000 00000064" "FFFF 00000000 FFFFFFFF");

fn notices() -> [Notice; 2] {
    [
        Notice { template: 0x0102, until: CardTime(0x0C20_0000), value: 100 },
        Notice { template: 0xFFFF, until: CardTime(0), value: u32::MAX },
    ]
}

#[test]
fn notices_by_hand() {
    assert_eq!((Notices::MAX, MAX_NOTICES), (82, 8));
    let all = Notices::new(&notices()).unwrap();
    assert_eq!(all.notices(), notices());
    assert_eq!(all.emit().as_slice(), NOTICES);
    assert_eq!(Notices::parse(&NOTICES), Ok(all));
    mistreated(notices_again, &NOTICES, &[]);

    assert_eq!(Notices::NONE.emit().as_slice(), hex!("01 00"));
    assert_eq!(Notices::parse(&hex!("01 00")), Ok(Notices::NONE));
    assert_eq!(Notices::new(&[]), Ok(Notices::NONE));
    assert_eq!(Notices::default(), Notices::NONE);
    assert_eq!(Notices::NONE.notices(), []);
    mistreated(notices_again, &hex!("01 00"), &[]);

    let most = Notices::new(&[notices()[0]; 8]).unwrap();
    assert_eq!(most.emit().len(), 82);
    mistreated(notices_again, most.emit().as_slice(), &[]);
    assert_eq!(Notices::new(&[notices()[0]; 9]), Err(ParameterError::NoticeCount));
    for count in 9..=255 {
        let mut bytes = [0x11; 2 + 10 * 255];
        (bytes[0], bytes[1]) = (1, count);
        assert_eq!(Notices::parse(&bytes[..2 + 10 * usize::from(count)]), Err(ParameterError::NoticeCount));
    }
}

// 8

const COMMAND: [u8; 22] = hex!("01 00000007 0C210000 C0C1C2C3C4C5C6C7 04 0C200000");

#[test]
fn commands_by_hand() {
    let command = Command {
        counter: 7,
        expiry: CardTime(0x0C21_0000),
        card: Some(CARD),
        action: Action::SetClock(CardTime(0x0C20_0000)),
    };
    assert_eq!(Command::SIZE, 22);
    assert_eq!(Command::parse(&COMMAND), Ok(command));
    assert_eq!(command.emit(), COMMAND);
    mistreated(command_again, &COMMAND, &[]);

    let for_all = Command { counter: u32::MAX, expiry: CardTime(0), card: None, action: Action::Cut };
    let bytes = hex!("01 FFFFFFFF 00000000 0000000000000000 01 00000000");
    assert_eq!(Command::parse(&bytes), Ok(for_all));
    assert_eq!(for_all.emit(), bytes);
    mistreated(command_again, &bytes, &[]);

    // One byte of the card's id is enough to name it.
    let bytes = hex!("01 00000001 00000000 0000000000000001 01 00000000");
    assert_eq!(Command::parse(&bytes).unwrap().card, Some(CardId::from(1)));
}

#[test]
fn the_form_of_a_command_is_length_format_and_counter() {
    let mut bytes = COMMAND;
    bytes[1..5].fill(0);
    assert_eq!(Command::parse(&bytes), Err(ParameterError::Counter));
    for kind in 0..=255 {
        for value in [0, 1, 0x0C20_0000, 0x0C21_0000, u32::MAX] {
            let mut bytes = COMMAND;
            bytes[17] = kind;
            bytes[18..].copy_from_slice(&value.to_be_bytes());
            let command = Command::parse(&bytes).unwrap();
            assert_eq!((command.action.kind(), command.action.value()), (kind, value));
        }
    }
}

#[test]
fn kinds_of_commands() {
    assert_eq!([kind::CUT, kind::END_CUT, kind::CLEAR_TAMPER, kind::CLOCK], [1, 2, 3, 4]);
    assert_eq!([kind::READ_OUT, kind::END_OVERLOAD, kind::LOWEST_GENERATION], [5, 6, 7]);
}

// 9

fn key(bytes: &[u8]) -> AesKey {
    AesKey::new(bytes).unwrap()
}

/// 20, 21, .. 3F.
fn transport() -> AesKey {
    key(&(0x20..0x40).collect::<Vec<u8>>())
}

/// `count` keys of `length` bytes: 11.., 22.., 33...
fn keys(count: usize, length: usize) -> [Option<AesKey>; 3] {
    [(1, 0x11), (2, 0x22), (3, 0x33)]
        .map(|(number, byte)| (number <= count).then(|| key(&vec![byte; length])))
}

fn exposed(new: &NewKeys) -> Vec<Vec<u8>> {
    new.keys().map(|key| key.expose().to_vec()).collect()
}

/// Wrapped by pyca/cryptography (`aes_key_wrap`), of what section 9 says, for company 0102 and environment "T".
#[test]
fn key_changes_by_hand() {
    for (version, count, length, bytes) in [
        (
            0x72,
            1,
            32,
            hex!(
                "01 B3 FDF1CFC7A4E79AF1BA93A52A485440ABD8AFFAC4ADB8C3AEE3ED9948A9CA82E5"
                "F5846EB1E9B27ED5FC49BF90E6EB229F"
            )
            .as_slice(),
        ),
        (
            0x82,
            2,
            16,
            hex!(
                "01 B3 6A9249B0EB8B12F77F34B24F1509BBAC04B201F0C8F0971F6CF7E0DAC4A0D057"
                "73E6678D5CC4CF466EC412AC73E7360C"
            )
            .as_slice(),
        ),
        (
            0x9F,
            3,
            32,
            hex!(
                "01 B3 619E5BA72699D0386E76595092A801C6252BE04A52BA0FE9332A95BA097DB856"
                "95E4F9C7F8BFF4259A45B6139B5DD34EB8087664E781D09514B1EACBFB904AEC"
                "C84FFA95262AA2AC4F5396F563EBECDC98C25F23D5DCEA461612E3CADF7A8E23"
                "B5E4B7414A658DB34F2736DADFDCB1B5"
            )
            .as_slice(),
        ),
    ] {
        let new = NewKeys::new(KeyVersion::from_byte(version), keys(count, length)).unwrap();
        let change =
            KeyChange::seal(&mut SoftEngine, KeyVersion::from_byte(0xB3), &transport(), SCOPE, &new).unwrap();
        assert_eq!(change.emit().as_slice(), bytes);

        let parsed = KeyChange::parse(bytes).unwrap();
        assert_eq!(parsed.transport_version, KeyVersion::from_byte(0xB3));
        let opened = parsed.open(&mut SoftEngine, &transport(), SCOPE).unwrap();
        assert_eq!(opened.version(), KeyVersion::from_byte(version));
        assert_eq!(exposed(&opened), exposed(&new));
        mistreated(key_change_again, bytes, &[34, 50, 66, 82, 114]);
    }
}

#[test]
fn every_role_and_length_of_new_keys() {
    assert_eq!(KeyChange::MAX, 114);
    for (role, count) in [(7, 1), (8, 2), (9, 3), (10, 1), (11, 1)] {
        for length in [16, 32] {
            for master in 1..=15 {
                let version = KeyVersion::from_byte(role << 4 | master);
                let new = NewKeys::new(version, keys(count, length)).unwrap();
                assert_eq!((new.version(), new.keys().count()), (version, count));
                let change =
                    KeyChange::seal(&mut SoftEngine, KeyVersion::from_byte(0xB1), &transport(), SCOPE, &new)
                        .unwrap();
                let size = change.emit().len();
                assert_eq!(size, 2 + 8 + 8 + count * length);
                assert!([34, 50, 66, 82, 114].contains(&size));
                let change = KeyChange::parse(change.emit().as_slice()).unwrap();
                let opened = change.open(&mut SoftEngine, &transport(), SCOPE).unwrap();
                assert_eq!(exposed(&opened), exposed(&new));
                assert_eq!(opened.version(), version);
            }
        }
    }
}

#[test]
fn new_keys_have_rules() {
    let error = |version, keys| NewKeys::new(version, keys).err();
    for version in 0..=255 {
        let right = (7..=11).contains(&(version >> 4)) && version & 0x0F != 0;
        let count = match version >> 4 {
            8 => 2,
            9 => 3,
            _ => 1,
        };
        let expected = (!right).then_some(ParameterError::KeyVersion);
        assert_eq!(error(KeyVersion::from_byte(version), keys(count, 32)), expected, "{version:02X}");
    }
    for (version, count) in [(0x71, 1), (0x81, 2), (0x91, 3), (0xA1, 1), (0xB1, 1)] {
        for wrong in (0..=3).filter(|wrong| *wrong != count) {
            assert_eq!(
                error(KeyVersion::from_byte(version), keys(wrong, 16)),
                Some(ParameterError::KeyCount),
                "{version:02X} {wrong}"
            );
        }
        assert_eq!(
            error(KeyVersion::from_byte(version), keys(count, 24)),
            Some(ParameterError::KeyLength),
            "{version:02X}"
        );
    }
    let some = |length| Some(key(&vec![1; length]));
    for mixed in
        [[some(16), some(32), some(16)], [some(32), some(32), some(16)], [some(32), some(32), some(24)]]
    {
        assert_eq!(error(KeyVersion::from_byte(0x91), mixed), Some(ParameterError::KeyLength));
    }
    assert_eq!(
        error(KeyVersion::from_byte(0x81), [some(32), some(16), None]),
        Some(ParameterError::KeyLength)
    );
    for gap in [[None, some(16), some(16)], [some(16), None, some(16)]] {
        assert_eq!(error(KeyVersion::from_byte(0x81), gap), Some(ParameterError::KeyCount));
    }
    assert_eq!(error(KeyVersion::from_byte(0x71), [None, some(16), None]), Some(ParameterError::KeyCount));
}

#[test]
fn transport_keys_have_role_b() {
    let new = NewKeys::new(KeyVersion::from_byte(0xB2), keys(1, 32)).unwrap();
    for version in 0..=255 {
        let expected =
            (version & 0xF0 != 0xB0 || version == 0xB0).then_some(ParameterError::TransportVersion);
        let sealed =
            KeyChange::seal(&mut SoftEngine, KeyVersion::from_byte(version), &transport(), SCOPE, &new);
        assert_eq!(sealed.err(), expected, "{version:02X}");
        let mut bytes = [0x5A; 34];
        (bytes[0], bytes[1]) = (1, version);
        assert_eq!(KeyChange::parse(&bytes).err(), expected, "{version:02X}");
    }
}

#[test]
fn a_key_change_has_one_of_five_sizes() {
    for length in 2..=200 {
        let mut bytes = vec![0x5A; length];
        (bytes[0], bytes[1]) = (1, 0xB1);
        let expected = (![34, 50, 66, 82, 114].contains(&length)).then_some(ParameterError::Length);
        assert_eq!(KeyChange::parse(&bytes).err(), expected, "{length}");
    }
}

/// A mail with `inner` wrapped as it is.
fn wrapped(inner: &[u8]) -> KeyChange {
    let mut bytes = vec![0; 2 + inner.len() + 8];
    (bytes[0], bytes[1]) = (1, 0xB3);
    key_wrap::wrap(&mut SoftEngine, &transport(), inner, &mut bytes[2..]).unwrap();
    KeyChange::parse(&bytes).unwrap()
}

fn opened(change: &KeyChange) -> Result<NewKeys, ParameterError> {
    change.open(&mut SoftEngine, &transport(), SCOPE)
}

#[test]
fn wrapped_keys_have_one_form() {
    let right = [hex!("01 82 02 10 0102 54 00").as_slice(), &[0x11; 16], &[0x22; 16]].concat();
    let new = opened(&wrapped(&right)).unwrap();
    assert_eq!(new.version(), KeyVersion::from_byte(0x82));
    assert_eq!(exposed(&new), [vec![0x11; 16], vec![0x22; 16]]);

    for (what, offset, value) in [
        ("format 00", 0, 0x00),
        ("format 02", 0, 0x02),
        ("a role of one key", 1, 0x72),
        ("a role of three keys", 1, 0x92),
        ("version 0", 1, 0x80),
        ("a role of a card", 1, 0x52),
        ("a role that does not exist", 1, 0xC2),
        ("no key", 2, 0),
        ("one key", 2, 1),
        ("three keys", 2, 3),
        ("four keys", 2, 4),
        ("255 keys", 2, 255),
        ("keys of 0", 3, 0),
        ("keys of 15", 3, 15),
        ("keys of 17", 3, 17),
        ("keys of 24", 3, 24),
        ("keys of 32", 3, 32),
        ("keys of 255", 3, 255),
        ("another company", 4, 0x02),
        ("another company", 5, 0x03),
        ("production", 6, 0x50),
        ("no environment", 6, 0x00),
        ("reserved byte", 7, 0x01),
        ("reserved byte", 7, 0x80),
    ] {
        let mut inner = right.clone();
        inner[offset] = value;
        assert_eq!(opened(&wrapped(&inner)).err(), Some(ParameterError::Keys), "{what}");
    }
    // Right in every byte, but for bytes that follow, or are missing.
    let longer = [right.as_slice(), &[0; 16]].concat();
    assert_eq!(opened(&wrapped(&longer)).err(), Some(ParameterError::Keys));
    assert_eq!(opened(&wrapped(&right[..24])).err(), Some(ParameterError::Keys));
    let one = [hex!("01 72 01 10 0102 54 00").as_slice(), &[0x11; 16], &[0x22; 16]].concat();
    assert_eq!(opened(&wrapped(&one)).err(), Some(ParameterError::Keys));
    // AES-192 fits the size of three keys of 16, and is no key of a meter.
    let middle = [hex!("01 82 02 18 0102 54 00").as_slice(), &[0x11; 48]].concat();
    assert_eq!(opened(&wrapped(&middle)).err(), Some(ParameterError::Keys));
    // One key as long as two.
    let long = [hex!("01 72 01 20 0102 54 00").as_slice(), &[0x11; 32]].concat();
    assert_eq!(exposed(&opened(&wrapped(&long)).unwrap()), [vec![0x11; 32]]);
}

#[test]
fn keys_open_for_their_meter_alone() {
    let new = NewKeys::new(KeyVersion::from_byte(0xA2), keys(1, 32)).unwrap();
    let change =
        KeyChange::seal(&mut SoftEngine, KeyVersion::from_byte(0xB3), &transport(), SCOPE, &new).unwrap();
    let e = &mut SoftEngine;
    assert!(change.open(e, &transport(), SCOPE).is_ok());
    for scope in [
        Scope { company: Company(0x0103), ..SCOPE },
        Scope { company: Company(0x0202), ..SCOPE },
        Scope { environment: Environment::Production, ..SCOPE },
    ] {
        assert_eq!(change.open(e, &transport(), scope).err(), Some(ParameterError::Keys));
    }
    assert_eq!(change.open(e, &key(&[1; 32]), SCOPE).err(), Some(ParameterError::Keys));
    let bytes = change.emit();
    for bit in 16..bytes.len() * 8 {
        let mut altered = bytes.as_slice().to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        let altered = KeyChange::parse(&altered).unwrap();
        assert_eq!(altered.open(e, &transport(), SCOPE).err(), Some(ParameterError::Keys), "{bit}");
    }
}

#[test]
fn new_keys_are_not_printed() {
    let new = NewKeys::new(KeyVersion::from_byte(0x91), keys(3, 32)).unwrap();
    let shown = format!("{new:?} {new:X?}");
    assert!(shown.contains("redacted"));
    for key in ["17, 17", "34, 34", "51, 51", "11, 11", "22, 22", "33, 33", "1111", "2222", "3333"] {
        assert!(!shown.contains(key), "{shown}");
    }
}

// 10

const READINGS: [u8; 140] = hex!(
    "01 0C200000 00000009 0000000000002710 0000000000000064 FFFFFFFFFFFFFF9C 000186A0"
    "0051 04 03 00000BB8 000000000FA0 FFFFFFF9 000001F4 000007D0 FFFFFFD8 00000384 00003C 00000102 001194"
    "009F 25 11 0C2A0000 0000000000004E20 00000000000007D0"
    "00000102 00000103 00000003 00000042 0000001F FFFFFFFFFFFFFFC4 01020304 123F50"
);

fn readings() -> Readings {
    Readings {
        time: CardTime(0x0C20_0000),
        report_number: 9,
        applied_credit: Piastres(10_000),
        applied_debited: Piastres(100),
        balance: Balance(-100),
        energy: Energy(100_000),
        month: Month {
            index: 81,
            flags: 4,
            slab: 3,
            energy: Energy(3000),
            energy_charge: Piastres(4000),
            re_rating: -7,
            service_fee: 500,
            levies: 2000,
            others: -40,
            instalments: 900,
            doubt_cost: 60,
            tariff: 0x0102,
            peak: 4500,
        },
        flags: MeterFlags(0x009F),
        cut: 0x25,
        tampering: 0x11,
        loan_until: CardTime(0x0C2A_0000),
        debts_left: Piastres(20_000),
        debts_paid: Piastres(2000),
        tariff: 0x0102,
        waiting_tariff: 0x0103,
        refused_cards: 3,
        last_event: 66,
        last_command: 31,
        clock_offset: -60,
        firmware: 0x0102_0304,
        keys: KeysInUse { credit: 1, parameter: 2, report: 3, base: 15, transport: 5 },
    }
}

#[test]
fn readings_by_hand() {
    assert_eq!(Readings::SIZE, 140);
    assert_eq!(Readings::parse(&READINGS), Ok(readings()));
    assert_eq!(readings().emit(), READINGS);
    mistreated(readings_again, &READINGS, &[]);
    let mut bytes = READINGS;
    bytes[37..39].fill(0xFF);
    assert_eq!(Readings::parse(&bytes), Err(ParameterError::Month));
    // A meter that has nothing to tell yet.
    let mut bytes = [0; 140];
    bytes[0] = 1;
    assert_eq!(Readings::parse(&bytes).unwrap().emit(), bytes);
}

// 8 and 10

fn record(counter: u32) -> AuditRecord {
    AuditRecord { counter, time: CardTime(0x0C20_0000 + counter), kind: 1, outcome: 1, card: None }
}

#[test]
fn audit_records_by_hand() {
    assert_eq!((AuditRecord::SIZE, AuditRecords::KEPT, AuditRecords::MAX), (18, 8, 145));
    assert_eq!(AuditRecord::EXECUTED, 1);
    let bytes = hex!(
        "01"
        "00000007 0C200007 04 0A C0C1C2C3C4C5C6C7"
        "00000005 0C200008 01 01 0000000000000000"
    );
    let first =
        AuditRecord { counter: 7, time: CardTime(0x0C20_0007), kind: 4, outcome: 0x0A, card: Some(CARD) };
    let second = AuditRecord { counter: 5, time: CardTime(0x0C20_0008), kind: 1, outcome: 1, card: None };
    let mut records = AuditRecords::NONE;
    records.push(first);
    records.push(second);
    assert_eq!(records.emit().as_slice(), bytes);
    assert_eq!(AuditRecords::parse(&bytes), Ok(records));
    assert!(records.records().eq([&first, &second]));
    let lengths: Vec<_> = (0..=8).map(|n| 1 + 18 * n).collect();
    mistreated(audit_again, &bytes, &lengths);

    assert_eq!(AuditRecords::NONE.emit().as_slice(), hex!("01"));
    assert_eq!(AuditRecords::parse(&hex!("01")), Ok(AuditRecords::NONE));
    assert_eq!(AuditRecords::default(), AuditRecords::NONE);
    assert_eq!(AuditRecords::NONE.records().count(), 0);
}

#[test]
fn the_newest_eight_audit_records_are_kept() {
    let mut records = AuditRecords::NONE;
    for counter in 1..=600 {
        records.push(record(counter));
        let kept: Vec<_> = records.records().map(|record| record.counter).collect();
        let expected: Vec<_> = (counter.saturating_sub(7).max(1)..=counter).collect();
        assert_eq!(kept, expected);
        let bytes = records.emit();
        assert_eq!(bytes.len(), 1 + 18 * expected.len());
        assert_eq!(AuditRecords::parse(bytes.as_slice()), Ok(records));
    }
    let nine = [records.emit().as_slice(), &[0x11; 18]].concat();
    assert_eq!(AuditRecords::parse(&nine), Err(ParameterError::AuditCount));
    assert_eq!(AuditRecords::parse(&nine[..162]), Err(ParameterError::Length));
}

#[test]
fn errors_name_the_field() {
    for (error, text) in [
        (ParameterError::Thresholds, "second threshold"),
        (ParameterError::OverloadPause, "pause after an overload"),
        (ParameterError::ClockStep, "greatest step"),
        (ParameterError::TamperCuts, "tampering"),
        (ParameterError::SecondPower, "second power"),
        (ParameterError::Policies, "policies"),
        (ParameterError::DebtCount, "at most 4"),
        (ParameterError::DebtId(3), "debt 3"),
        (ParameterError::DebtKind(4), "debt 4"),
        (ParameterError::NoticeCount, "at most 8"),
        (ParameterError::AuditCount, "at most 8"),
        (ParameterError::Counter, "counter"),
    ] {
        assert!(error.to_string().contains(text), "{error}");
    }
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let minute = || 0..1440_u16;
    let powers = (any::<(u32, u32)>(), minute(), minute());
    let newer = (powers, any::<(u32, u16)>(), 0..=1_u8, any::<(u16, u32)>());
    (any::<(u32, u32, u32)>(), 1..=u16::MAX, any::<(u8, u16, u16)>(), 60..=3600_u32, 0..=0x1F_u8, newer)
        .prop_map(|((a, b, power), pause, (pauses, reset, loan), clock_step, tamper_cuts, newer)| Limits {
            second_power: newer.0.0.0,
            second_from: newer.0.1,
            second_until: newer.0.2,
            loan_power: newer.0.0.1,
            loan_amount: newer.1.0,
            loan_seconds: newer.1.1,
            policies: newer.2,
            relay_power: newer.3.0,
            restart_notice: Energy(newer.3.1),
            first_threshold: a.max(b),
            second_threshold: a.min(b),
            contracted_power: power,
            overload_pause: pause,
            overload_pauses: pauses,
            overload_reset: reset,
            loan_hours: loan,
            clock_step,
            tamper_cuts,
        })
}

fn any_debts() -> impl Strategy<Value = Vec<Debt>> {
    let kind = prop_oneof![Just(DebtKind::Instalment), Just(DebtKind::Arrears), Just(DebtKind::Other)];
    let debt = (1..=u32::MAX, kind, 0..0xFFFF_u16, 1..=u16::MAX, any::<u32>(), any::<u32>()).prop_map(
        |(id, kind, first_month, count, amount, last)| Debt { id, kind, first_month, count, amount, last },
    );
    proptest::collection::vec(debt, 0..=4).prop_map(|mut debts| {
        debts.sort_by_key(|debt| debt.id);
        debts.dedup_by_key(|debt| debt.id);
        debts.reverse();
        debts
    })
}

fn any_notices() -> impl Strategy<Value = Vec<Notice>> {
    let notice = any::<(u16, u32, u32)>().prop_map(|(template, until, value)| Notice {
        template,
        until: CardTime(until),
        value,
    });
    proptest::collection::vec(notice, 0..=8)
}

fn any_card() -> impl Strategy<Value = Option<CardId>> {
    proptest::option::of((1..=u64::MAX).prop_map(CardId::from))
}

fn any_command() -> impl Strategy<Value = Command> {
    (1..=u32::MAX, any::<u32>(), any_card(), any::<u8>(), any::<u32>()).prop_map(
        |(counter, expiry, card, kind, value)| Command {
            counter,
            expiry: CardTime(expiry),
            card,
            action: Action::of(kind, value),
        },
    )
}

fn any_record() -> impl Strategy<Value = AuditRecord> {
    (any::<(u32, u32, u8, u8)>(), any_card()).prop_map(|((counter, time, kind, outcome), card)| AuditRecord {
        counter,
        time: CardTime(time),
        kind,
        outcome,
        card,
    })
}

fn any_readings() -> impl Strategy<Value = Readings> {
    (
        any::<(u32, u32, u64, u64, i64, u32)>(),
        (0..0xFFFF_u16, any::<(u8, u8, u32, u64, u32, u32)>()),
        any::<(u16, u8, u8, u32, u64, u64)>(),
        any::<(u32, u32, u32, u32, u32, i64, u32)>(),
    )
        .prop_map(|(a, (index, month), b, c)| Readings {
            time: CardTime(a.0),
            report_number: a.1,
            applied_credit: Piastres(a.2),
            applied_debited: Piastres(a.3),
            balance: Balance(a.4),
            energy: Energy(a.5),
            month: Month {
                index,
                flags: month.0,
                slab: month.1,
                energy: Energy(month.2),
                energy_charge: Piastres(month.3 >> 16),
                re_rating: month.4 as i32,
                service_fee: month.5,
                levies: month.5 as i32,
                others: month.4 as i32,
                instalments: month.2,
                doubt_cost: month.3 as u32 >> 8,
                tariff: month.4,
                peak: month.5 >> 8,
            },
            flags: MeterFlags(b.0),
            cut: b.1,
            tampering: b.2,
            loan_until: CardTime(b.3),
            debts_left: Piastres(b.4),
            debts_paid: Piastres(b.5),
            tariff: c.0,
            waiting_tariff: c.1,
            refused_cards: c.2,
            last_event: c.3,
            last_command: c.4,
            clock_offset: c.5,
            firmware: c.6,
            keys: KeysInUse {
                credit: b.1 & 15,
                parameter: b.2 & 15,
                report: month.0 & 15,
                base: month.1 & 15,
                transport: b.2 >> 4,
            },
        })
}

proptest! {
    #[test]
    fn values_come_back(
        limits in any_limits(),
        debts in any_debts(),
        notices in any_notices(),
        command in any_command(),
        readings in any_readings(),
        records in proptest::collection::vec(any_record(), 0..=12),
    ) {
        prop_assert_eq!(limits.check(), Ok(()));
        prop_assert_eq!(Limits::parse(&limits.emit()), Ok(limits));
        let plan = DebtPlan::new(&debts).unwrap();
        prop_assert_eq!(plan.debts(), &debts[..]);
        prop_assert_eq!(DebtPlan::parse(plan.emit().as_slice()), Ok(plan));
        let all = Notices::new(&notices).unwrap();
        prop_assert_eq!(all.notices(), &notices[..]);
        prop_assert_eq!(Notices::parse(all.emit().as_slice()), Ok(all));
        prop_assert_eq!(Command::parse(&command.emit()), Ok(command));
        prop_assert_eq!(Readings::parse(&readings.emit()), Ok(readings));
        let mut kept = AuditRecords::NONE;
        for record in &records {
            kept.push(*record);
        }
        prop_assert!(kept.records().eq(&records[records.len().saturating_sub(8)..]));
        prop_assert_eq!(AuditRecords::parse(kept.emit().as_slice()), Ok(kept));
    }

    #[test]
    fn instalments_add_up(debt in any_debts(), taken in 0_u16..200) {
        for debt in debt {
            let debt = Debt { count: debt.count % 200 + 1, ..debt };
            let left: u64 = (taken..=u16::MAX).map_while(|number| debt.instalment(number)).map(|sum| sum.0).sum();
            prop_assert_eq!(debt.remaining(taken), Piastres(left));
            prop_assert_eq!(debt.instalment(taken).is_some(), taken < debt.count);
        }
    }

    #[test]
    fn new_keys_come_back(
        role in 7_u8..=11,
        master in 1_u8..=15,
        short in any::<bool>(),
        bytes in any::<[[u8; 32]; 3]>(),
        transport_key in any::<[u8; 32]>(),
        company in any::<u16>(),
        production in any::<bool>(),
    ) {
        let count = match role { 8 => 2, 9 => 3, _ => 1 };
        let length = if short { 16 } else { 32 };
        let mut numbers = 0..;
        let keys = bytes.map(|bytes| (numbers.next().unwrap() < count).then(|| key(&bytes[..length])));
        let new = NewKeys::new(KeyVersion::from_byte(role << 4 | master), keys).unwrap();
        let environment = if production { Environment::Production } else { Environment::Test };
        let scope = Scope { company: Company(company), environment };
        let transport_key = key(&transport_key);
        let change = KeyChange::seal(&mut SoftEngine, KeyVersion::from_byte(0xB0 | master), &transport_key, scope, &new).unwrap();
        let parsed = KeyChange::parse(change.emit().as_slice()).unwrap();
        prop_assert!(parsed.emit().as_slice() == change.emit().as_slice());
        prop_assert_eq!(parsed.transport_version.byte(), 0xB0 | master);
        let opened = parsed.open(&mut SoftEngine, &transport_key, scope).unwrap();
        prop_assert_eq!(opened.version(), new.version());
        prop_assert_eq!(exposed(&opened), exposed(&new));
    }

    /// Whatever is accepted is written again as it was; nothing panics.
    #[test]
    fn bytes_come_back(
        mut bytes in proptest::collection::vec(any::<u8>(), 1..180),
        small in 0_u8..10,
        which in 0..4,
    ) {
        for again in ALL {
            bytes[0] = 1;
            if let Some(second) = bytes.get_mut(1) && which > 0 {
                *second = if which == 1 { small } else { 0xB0 | small };
            }
            if let Ok(same) = again(&bytes) {
                prop_assert_eq!(&same, &bytes);
            }
        }
    }

    /// The same, of bytes that have the length of a mail.
    #[test]
    fn bytes_of_the_right_length_come_back(mut bytes in proptest::collection::vec(any::<u8>(), 180), n in 0..9_u8) {
        bytes[0] = 1;
        let count = usize::from(n);
        for (again, length) in [
            (command_again as Again, 22),
            (readings_again, 140),
            (audit_again, 1 + 18 * count),
            (limits_again, 50),
        ] {
            match again(&bytes[..length]) {
                Ok(same) => prop_assert_eq!(&same, &bytes[..length]),
                Err(error) => prop_assert!(error != ParameterError::Length && error != ParameterError::Format),
            }
        }
        bytes[1] = n;
        prop_assert_eq!(notices_again(&bytes[..2 + 10 * count]).unwrap(), &bytes[..2 + 10 * count]);
        let debts = count.min(4);
        bytes[1] = debts.try_into().unwrap();
        for debt in 0..debts {
            bytes[2 + 17 * debt + 4] = n % 3 + 1;
        }
        if let Ok(same) = debts_again(&bytes[..2 + 17 * debts]) {
            prop_assert_eq!(&same, &bytes[..2 + 17 * debts]);
        }
    }
}
