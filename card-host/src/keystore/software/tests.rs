use super::*;
use crate::issuer::{BindingAccount, Clock, Issuer};
use crate::keystore::FileError;
use crate::keystore::{CardKey, KeyStore};
use crate::random::OsRandom;
use card_core::id::{Binding, CardId, CardRef, MeterId, Scope};
use card_core::id::{Channel, Company, Reference};
use card_core::message::MeterFlags;
use card_core::message::{Certificate, Envelope, MeterReceipt, Slot, Voucher};
use card_core::role::KeyVersion;
use card_core::role::{Derivation, INITIAL_ADMIN};
use card_core::soft::SoftEngine;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use std::{fs, thread};

const SCOPE: Scope = Scope { company: Company(7), environment: Environment::Test };
const METER: MeterId = MeterId([9; 8]);
const BINDING: Binding = Binding { meter: METER, number: 1 };
const CARD: CardRef = CardRef { id: CardId([8; 8]), generation: 1 };

fn store() -> SoftwareKeyStore {
    SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom).unwrap()
}

fn certificate(key_version: KeyVersion) -> Certificate {
    Certificate {
        key_version,
        binding: BINDING,
        generation: 1,
        sequence: 1,
        total_credit: Piastres(5),
        total_debited: Piastres(0),
        known_credit: Piastres(0),
        known_debited: Piastres(0),
        issue_time: CardTime(1),
        mac: [0; 16],
    }
}

#[test]
fn a_file_reads_back_and_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let store = store();
    store.create(&path).unwrap();
    let error = store.create(&path).unwrap_err();
    assert!(matches!(error, KeyStoreError::File(FileError::Exists(_))), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("Never issue a real card"), "{text}");

    let back = SoftwareKeyStore::open(&path).unwrap();
    let made = store.sign_certificate(SCOPE, certificate(KeyVersion::from_byte(0x71))).unwrap();
    assert_eq!(back.sign_certificate(SCOPE, certificate(KeyVersion::from_byte(0x71))).unwrap(), made);
    assert_eq!(store.rotate(Role::Credit, &mut OsRandom).unwrap(), KeyVersion::from_byte(0x72));
    store.save(&path).unwrap();
    let back = SoftwareKeyStore::open(&path).unwrap();
    assert_eq!(back.current(Role::Credit).unwrap(), KeyVersion::from_byte(0x72));
    assert_eq!(
        back.sign_certificate(SCOPE, certificate(KeyVersion::from_byte(0x71))).unwrap(),
        made,
        "the old one stays"
    );
    assert_ne!(back.sign_certificate(SCOPE, certificate(KeyVersion::from_byte(0x72))).unwrap().mac, made.mac);
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    store().create(&path).unwrap();
    let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for loose in [0o640, 0o604, 0o660, 0o610, 0o666] {
        mode(loose);
        let error = SoftwareKeyStore::open(&path).unwrap_err();
        assert!(matches!(error, KeyStoreError::File(FileError::Readable { .. })), "{loose:o}: {error}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    for tight in [0o600, 0o400] {
        mode(tight);
        SoftwareKeyStore::open(&path).unwrap();
    }
    mode(0o600);
    store().save(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "after saving");
}

#[test]
fn production_and_nonsense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    store().create(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let open = |text: &str| {
        fs::write(&path, text).unwrap();
        SoftwareKeyStore::open(&path).unwrap_err()
    };
    let error = open(&text.replace("\"test\"", "\"production\""));
    assert!(matches!(error, KeyStoreError::Production), "{error}");
    for (from, to) in [
        ("\"test\"", "\"other\""),
        ("\"format\": 2", "\"format\": 3"),
        ("\"format\": 2", "\"format\": 1"),
        ("\"key_bytes\": 32", "\"key_bytes\": 24"),
        ("\"credit\": 1", "\"credit\": 2"),
        ("\"credit\": 1", "\"credit\": 0"),
        ("\"credit\": 1", "\"credits\": 1"),
        ("\"credit\": {", "\"credits\": {"),
        ("{", "["),
    ] {
        let error = open(&text.replace(from, to));
        assert!(matches!(error, KeyStoreError::File(FileError::Malformed { .. })), "{to}: {error}");
    }
    let initial = text.find("\"initial\": \"").unwrap() + 12;
    let mut short = text.clone();
    short.replace_range(initial..initial + 2, "");
    let error = open(&short);
    let shown = format!("{error} {error:?}");
    assert!(matches!(error, KeyStoreError::File(FileError::Malformed { .. })));
    assert!(!shown.contains(&short[initial..initial + 16]), "no key in an error");
    let error = SoftwareKeyStore::open(&folder.path().join("none")).unwrap_err();
    assert!(matches!(error, KeyStoreError::File(FileError::Io { .. })), "{error}");
}

/// A digit, a letter or a sign of the file: changed, it is refused, or it is none that counts.
#[test]
fn a_changed_digit_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let written = store();
    written.rotate(Role::Credit, &mut OsRandom).unwrap();
    written.create(&path).unwrap();
    let text = fs::read(&path).unwrap();
    let notice = String::from_utf8_lossy(&text).find("Test keys").unwrap();
    let (mut found, mut changed) = (0, 0);
    for at in (0..text.len()).filter(|at| text[*at].is_ascii_digit() || (b'a'..=b'f').contains(&text[*at])) {
        let mut other = text.clone();
        other[at] = if text[at] == b'1' { b'2' } else { b'1' };
        fs::write(&path, &other).unwrap();
        match SoftwareKeyStore::open(&path) {
            Err(KeyStoreError::File(FileError::Changed(_))) => changed += 1,
            Err(_) => found += 1,
            Ok(_) => assert!((notice..notice + 100).contains(&at), "{}", String::from_utf8_lossy(&other)),
        }
    }
    assert!(changed > 11 * 64, "each digit of each key: {changed}");
    assert!(found > 10, "{found}");
}

#[test]
fn a_file_of_the_former_format_is_read_and_becomes_one_of_this() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    store().create(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let check = text.find(",\n  \"check\"").unwrap();
    let former = format!("{}\n}}\n", &text[..check]).replace("\"format\": 2", "\"format\": 1");
    fs::write(&path, former).unwrap();
    SoftwareKeyStore::open(&path).unwrap().save(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn it_says_loudly_what_it_is_and_shows_nothing() {
    let store = store();
    assert!(store.warning().unwrap().starts_with("WARNING"));
    let shown = format!("{store:?}");
    assert!(shown.contains("redacted"), "{shown}");
    for master in store.masters().held().masters.values() {
        let shown = format!("{shown} {master:?}");
        assert!(!shown.contains(&hex::encode(master.key().expose())));
    }
}

#[test]
fn other_environments_companies_roles_and_versions_are_refused() {
    let store = store();
    let scope = Scope { environment: Environment::Production, ..SCOPE };
    let error = store.sign_certificate(scope, certificate(KeyVersion::from_byte(0x71))).unwrap_err();
    assert!(matches!(error, KeyStoreError::OtherEnvironment { .. }), "{error}");
    let scope = Scope { company: Company(0), ..SCOPE };
    let error = store.sign_certificate(scope, certificate(KeyVersion::from_byte(0x71))).unwrap_err();
    assert!(matches!(error, KeyStoreError::Company(0)), "{error}");
    let error = store.sign_certificate(SCOPE, certificate(KeyVersion::from_byte(0x51))).unwrap_err();
    assert!(matches!(error, KeyStoreError::WrongRole(version) if version.byte() == 0x51), "{error}");
    let error = store.sign_certificate(SCOPE, certificate(KeyVersion::from_byte(0x72))).unwrap_err();
    assert!(matches!(error, KeyStoreError::NoMaster { role: Role::Credit, version: 2 }), "{error}");
    let mut key = CardKey {
        scope: SCOPE,
        version: KeyVersion::from_byte(0x31),
        card: CARD,
        meter: None,
        initial_length: None,
    };
    assert!(matches!(store.card_key_set(&key), Err(KeyStoreError::NoMeter)));
    for version in [0x41, 0x51, 0x71, 0x01, 0xF1] {
        key.version = KeyVersion::from_byte(version);
        assert!(matches!(store.card_key_set(&key), Err(KeyStoreError::WrongRole(_))), "{version:02X}");
    }
    let scope = Scope { environment: Environment::Production, ..SCOPE };
    key = CardKey { scope, version: INITIAL_ADMIN, card: CARD, meter: None, initial_length: None };
    assert!(store.card_key_set(&key).is_err());
}

#[test]
fn versions_end_at_fifteen() {
    let store = store();
    for version in 2..=15 {
        assert_eq!(store.rotate(Role::Load, &mut OsRandom).unwrap(), KeyVersion::from_byte(0x50 | version));
    }
    let error = store.rotate(Role::Load, &mut OsRandom).unwrap_err();
    assert!(matches!(error, KeyStoreError::VersionsExhausted(Role::Load)), "{error}");
}

#[test]
fn what_it_signs_and_seals_fits_the_meters_keys() {
    let store = store();
    let meter = store.meter_keys(SCOPE, METER).unwrap();
    let mut engine = SoftEngine;
    let signed = store.sign_certificate(SCOPE, certificate(KeyVersion::from_byte(0x71))).unwrap();
    signed.verify(&mut engine, &meter.credit.1, SCOPE).unwrap();
    let slot = Slot::new(2).unwrap();
    let envelope = store.seal_mail(SCOPE, KeyVersion::from_byte(0x81), BINDING, slot, 1, b"limits").unwrap();
    assert_eq!(envelope.open(&mut engine, &meter.parameter, SCOPE).unwrap().as_slice(), b"limits");
    let error = store.seal_mail(SCOPE, KeyVersion::from_byte(0x81), BINDING, slot, 1, &[0; 146]).unwrap_err();
    assert!(matches!(error, KeyStoreError::MailTooLong), "{error}");

    let slot = Slot::new(0x11).unwrap();
    let report = Envelope::seal(&mut engine, &meter.report, SCOPE, BINDING, slot, 1, b"readings").unwrap();
    assert_eq!(store.open_mail(SCOPE, &report).unwrap().as_slice(), b"readings");
    let receipt = MeterReceipt {
        key_version: KeyVersion::from_byte(0x91),
        binding: BINDING,
        number: 1,
        time: CardTime(5),
        applied_credit: Piastres(5),
        applied_debited: Piastres(0),
        balance: Balance(5),
        energy: Energy(0),
        flags: MeterFlags(0),
        mac: [0; 16],
    }
    .sign(&mut engine, &meter.receipt, SCOPE);
    store.verify_meter_receipt(SCOPE, receipt).unwrap();
    let forged = MeterReceipt { balance: Balance(6), ..receipt };
    let error = store.verify_meter_receipt(SCOPE, forged).unwrap_err();
    assert!(matches!(error, KeyStoreError::NotAuthentic(_)), "{error}");

    // The meter derives the same key set for a card as the store does.
    let key = CardKey {
        scope: SCOPE,
        version: KeyVersion::from_byte(0x31),
        card: CARD,
        meter: Some(METER),
        initial_length: None,
    };
    let ours = store.card_key_set(&key).unwrap();
    let theirs = Derivation::for_card(SCOPE, KeyVersion::from_byte(0x31), CARD, KeyLength::Aes256)
        .key_set(&mut engine, &meter.base.1)
        .unwrap();
    assert_eq!(ours.enc().expose(), theirs.enc().expose());
    assert_eq!(ours.dek().expose(), theirs.dek().expose());
}

#[test]
fn a_voucher_is_for_one_card() {
    let store = store();
    let certificate = store.sign_certificate(SCOPE, certificate(KeyVersion::from_byte(0x71))).unwrap();
    let voucher = voucher(certificate);
    let signed = store.sign_voucher(voucher).unwrap();
    let other = store.sign_voucher(Voucher { card: CardId([7; 8]), ..voucher }).unwrap();
    assert_ne!(signed.mac, other.mac);
    let key = store.chip_key(SCOPE, KeyVersion::from_byte(0x51), Role::Load, CARD.id).unwrap();
    signed.verify(&mut SoftEngine, &key).unwrap();
}

/// A store whose masters are known: of each role, 32 times its number.
fn fixed(length: KeyLength) -> SoftwareKeyStore {
    let master = |role: Role| Arc::new(ExpandedKey::new(AesKey::new(&[role as u8; 32]).unwrap()));
    let masters = MASTERS.map(|role| ((role as u8, 1), master(role))).into();
    let current = MASTERS.map(|role| (role as u8, 1)).into();
    SoftwareKeyStore::from_parts(length, Held { masters, current })
}

fn voucher(certificate: Certificate) -> Voucher {
    Voucher {
        key_version: KeyVersion::from_byte(0x51),
        scope: SCOPE,
        card: CARD.id,
        channel: Channel::Kiosk,
        reference: Reference([1; 8]),
        certificate,
        mac: [0; 16],
    }
}

/// The bytes are those of `tests/reference`.
#[test]
fn the_voucher_of_known_masters() {
    for (length, expected) in [
        (
            KeyLength::Aes128,
            "01510007540808080808080808020101010101010101017109090909090909090000000100010000000100000000000000050000000000000000000000000000000000000000000000000000000165201157f99539b9ce01a41d89e079439c39ca4b6e4c577ab3b1138b42eabd15",
        ),
        (
            KeyLength::Aes256,
            "0151000754080808080808080802010101010101010101710909090909090909000000010001000000010000000000000005000000000000000000000000000000000000000000000000000000017fffe4861f7a6ceb96929927d864038aa6f43972edf4582d84d3ed02c20ffdf1",
        ),
    ] {
        let store = fixed(length);
        let certificate = store.sign_certificate(SCOPE, certificate(KeyVersion::from_byte(0x71))).unwrap();
        let made = store.sign_voucher(voucher(certificate)).unwrap();
        assert_eq!(hex::encode(made.emit()), expected, "{length:?}");
    }
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Option<CardTime> {
        Some(CardTime(u32::MAX))
    }
}

#[test]
fn threads_share_one_issuer() {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<SoftwareKeyStore>();
    let account = |meter: u64| BindingAccount {
        scope: SCOPE,
        binding: Binding { meter: meter.into(), number: 1 },
        account: 1,
        card: CARD,
        load_key: KeyVersion::from_byte(0x51),
        credit_key: KeyVersion::from_byte(0x71),
        parameter_keys: KeyVersion::from_byte(0x81),
        sequence: 1,
        total_credit: Piastres(5),
        total_debited: Piastres(0),
        opening_time: CardTime(1),
        applied_credit: Piastres::ZERO,
        applied_debited: Piastres::ZERO,
        moved: false,
    };
    let issuer = || Issuer::new(Arc::new(fixed(KeyLength::Aes256)), Noon);
    let sell = |issuer: &Issuer<_>, meter| {
        issuer.voucher(&account(meter), Channel::Bank, Reference::from(meter)).unwrap()
    };
    let shared = issuer();
    let sold = thread::scope(|scope| {
        let desk = |desk: u64| {
            let shared = &shared;
            scope.spawn(move || (0..50).map(|sale| sell(shared, 4 * sale + desk)).collect::<Vec<_>>())
        };
        let desks = [0, 1, 2, 3].map(desk);
        desks.map(|desk| desk.join().unwrap())
    });
    let alone = issuer();
    for (desk, sold) in (0_u64..).zip(sold) {
        for (sale, voucher) in (0_u64..).zip(sold) {
            assert_eq!(voucher, sell(&alone, 4 * sale + desk));
        }
    }
}
