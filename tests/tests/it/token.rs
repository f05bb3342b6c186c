//! Masters in SoftHSM2, a real PKCS#11 token in software (package softhsm2): each test with tokens of its own.

mod production;

use card_core::id::{Binding, Company, Environment, MeterId, Scope};
use card_core::key::KeyLength;
use card_core::message::Certificate;
use card_core::role::{KeyVersion, Role};
use card_core::soft::SoftEngine;
use card_core::units::{CardTime, Piastres};
use card_host::keystore::{DerivingKeyStore, KeyStore, KeyStoreError, MASTERS};
use card_host::national_id::NationalId;
use card_pkcs11::{Location, Pin, TokenError, TokenMasters};
use cryptoki::context::Pkcs11;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::UserType;
use std::process::Command;
use std::thread;
use system_tests::programs::Cardctl;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "5678";
const SCOPE: Scope = Scope { company: Company(7), environment: Environment::Test };
const METER: MeterId = MeterId([9; 8]);

fn token(label: &str) -> Location {
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", label, "--so-pin", "1234", "--pin", PIN])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    Location { module: MODULE.into(), token: label.into() }
}

/// Runs a test again in a process whose library, which reads its configuration once, finds its tokens in a folder of its own.
fn with_tokens(test: &str, run: impl FnOnce()) {
    if std::env::var_os("SOFTHSM2_CONF").is_some() {
        return run();
    }
    let folder = tempfile::tempdir().unwrap();
    let (configuration, tokens) = (folder.path().join("softhsm2.conf"), folder.path().join("tokens"));
    std::fs::create_dir(&tokens).unwrap();
    std::fs::write(
        &configuration,
        format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display()),
    )
    .unwrap();
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("token::{test}"), "--nocapture"])
        .env("SOFTHSM2_CONF", &configuration)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn error(error: KeyStoreError) -> TokenError {
    match error {
        KeyStoreError::Token(error) => *error.downcast().unwrap(),
        error => panic!("{error}"),
    }
}

fn certificate(key_version: KeyVersion) -> Certificate {
    Certificate {
        key_version,
        binding: Binding { meter: METER, number: 1 },
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
fn what_is_signed_is_what_the_meter_checks_and_outlives_the_program() {
    with_tokens("what_is_signed_is_what_the_meter_checks_and_outlives_the_program", || {
        // The library sees the tokens that are there when it is initialised.
        let (location, second) = (token("one"), token("two"));
        let store =
            DerivingKeyStore::new(TokenMasters::found(&location, Pin::new(PIN), Environment::Test).unwrap());
        assert!(store.warning().unwrap().contains("development"));
        let version = store.current(Role::Credit).unwrap();
        let signed = store.sign_certificate(SCOPE, certificate(version)).unwrap();
        let keys = store.meter_keys(SCOPE, METER).unwrap();
        assert_eq!((keys.credit.0, keys.credit.1.length()), (version, KeyLength::Aes256));
        assert!(signed.verify(&mut SoftEngine, &keys.credit.1, SCOPE).is_ok());

        // Another opening finds the same masters; another token has others.
        let again = DerivingKeyStore::new(TokenMasters::open(&location, Pin::new(PIN)).unwrap());
        assert_eq!(again.sign_certificate(SCOPE, certificate(version)).unwrap(), signed);
        let other =
            DerivingKeyStore::new(TokenMasters::found(&second, Pin::new(PIN), Environment::Test).unwrap());
        assert_ne!(other.sign_certificate(SCOPE, certificate(version)).unwrap(), signed);

        // So it is with what stands for a person.
        let number: NationalId = "29001011234567".parse().unwrap();
        let vending = store.current(Role::Vending).unwrap();
        let person = |store: &DerivingKeyStore<TokenMasters>| store.person(SCOPE, vending, &number).unwrap();
        assert_eq!(person(&again), person(&store));
        assert_ne!(person(&other), person(&store));

        // A version that is not there is named.
        let none = store.sign_certificate(SCOPE, certificate(KeyVersion::new(Role::Credit, 2))).unwrap_err();
        assert!(matches!(none, KeyStoreError::NoMaster { role: Role::Credit, version: 2 }), "{none}");
    });
}

#[test]
fn masters_rotate_and_older_ones_stay() {
    with_tokens("masters_rotate_and_older_ones_stay", || {
        let location = token("one");
        let masters = TokenMasters::found(&location, Pin::new(PIN), Environment::Test).unwrap();
        let first = KeyVersion::new(Role::Credit, 1);
        let before = DerivingKeyStore::new(TokenMasters::open(&location, Pin::new(PIN)).unwrap());
        let signed = before.sign_certificate(SCOPE, certificate(first)).unwrap();
        for version in 2..=15 {
            assert_eq!(masters.rotate(Role::Credit).unwrap(), KeyVersion::new(Role::Credit, version));
        }
        assert!(matches!(masters.rotate(Role::Credit), Err(KeyStoreError::VersionsExhausted(Role::Credit))));
        let store = DerivingKeyStore::new(TokenMasters::open(&location, Pin::new(PIN)).unwrap());
        assert_eq!(store.current(Role::Credit).unwrap(), KeyVersion::new(Role::Credit, 15));
        assert_eq!(store.sign_certificate(SCOPE, certificate(first)).unwrap(), signed);
    });
}

#[test]
fn no_master_can_be_read() {
    with_tokens("no_master_can_be_read", || {
        let location = token("one");
        let masters = TokenMasters::found(&location, Pin::new(PIN), Environment::Test).unwrap();
        masters.rotate(Role::Load).unwrap();
        // The library is initialised already, by the store.
        let library = Pkcs11::new(MODULE).unwrap();
        let slot = library.get_slots_with_initialized_token().unwrap().into_iter().next().unwrap();
        let session = library.open_ro_session(slot).unwrap();
        let _ = session.login(UserType::User, Some(&cryptoki::types::AuthPin::new(PIN.into())));
        let keys = session.find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)]).unwrap();
        // One of each role, the second one of loads, and that of blank cards.
        assert_eq!(keys.len(), MASTERS.len() + 2);
        for key in keys {
            let wanted =
                [AttributeType::Sensitive, AttributeType::Extractable, AttributeType::NeverExtractable];
            let found = session.get_attributes(key, &wanted).unwrap();
            assert!(
                found.contains(&Attribute::Sensitive(true)) && found.contains(&Attribute::Extractable(false)),
                "{found:?}"
            );
            let value = session.get_attributes(key, &[AttributeType::Value]).unwrap_or_default();
            assert!(value.is_empty(), "a master was read");
            assert!(
                !session
                    .get_attributes(key, &[AttributeType::Wrap])
                    .unwrap()
                    .contains(&Attribute::Wrap(true))
            );
        }
    });
}

#[test]
fn what_is_wrong_is_named() {
    with_tokens("what_is_wrong_is_named", || {
        let location = token("one");
        let open = |location: &Location, pin| error(TokenMasters::open(location, Pin::new(pin)).unwrap_err());
        assert!(matches!(open(&location, PIN), TokenError::Missing(_)));
        assert!(matches!(open(&location, "0000"), TokenError::Pin));
        let elsewhere = Location { token: "elsewhere".into(), ..location.clone() };
        let none = open(&elsewhere, PIN);
        assert!(none.to_string().contains("there is no token \"elsewhere\", but one"), "{none}");
        let nothing = Location { module: "/usr/lib/nothing.so".into(), ..location.clone() };
        assert!(matches!(open(&nothing, PIN), TokenError::Module { .. }));
        TokenMasters::found(&location, Pin::new(PIN), Environment::Test).unwrap();
        let twice = error(TokenMasters::found(&location, Pin::new(PIN), Environment::Test).unwrap_err());
        assert!(matches!(twice, TokenError::Founded(_)), "{twice}");
    });
}

#[test]
fn lost_sessions_lose_nothing_and_many_sign_at_once() {
    with_tokens("lost_sessions_lose_nothing_and_many_sign_at_once", || {
        let location = token("one");
        let store =
            DerivingKeyStore::new(TokenMasters::found(&location, Pin::new(PIN), Environment::Test).unwrap());
        let version = store.current(Role::Credit).unwrap();
        let signed = store.sign_certificate(SCOPE, certificate(version)).unwrap();
        let library = Pkcs11::new(MODULE).unwrap();
        let slot = library.get_slots_with_initialized_token().unwrap().into_iter().next().unwrap();
        let elsewhere = library.open_ro_session(slot).unwrap();
        for _ in 0..3 {
            // Another part of the program ends the login of all its sessions: handles of private keys are void then.
            elsewhere.logout().unwrap();
            assert_eq!(store.sign_certificate(SCOPE, certificate(version)).unwrap(), signed);
        }
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        assert_eq!(store.sign_certificate(SCOPE, certificate(version)).unwrap(), signed);
                    }
                });
            }
        });
    });
}

/// A customer's first days, with all masters in the token: issued, charged, tapped, keys changed, read. No file holds a key.
#[test]
fn a_branch_works_with_its_keys_in_a_token() {
    with_tokens("a_branch_works_with_its_keys_in_a_token", || {
        let folder = tempfile::tempdir().unwrap();
        let location = token("company");
        let secret = folder.path().join("pin");
        std::fs::write(&secret, format!("{PIN}\n")).unwrap();
        let uri = format!("pkcs11:token=company?module-path={MODULE}&pin-source={}", secret.display());
        let data = folder.path().join("data");
        let cardctl = Cardctl::new("sim", &data);
        let with_token = |arguments: &[&str]| cardctl.json(&[&["--keys", &uri], arguments].concat());
        with_token(&["issue", "--meter", "5", "--account", "7"]);
        with_token(&["top-up", "50"]);
        assert_eq!(with_token(&["meter", "tap"])["balance"], 5_000);
        // New masters of the meter are drawn in the token, and reach it by the card.
        with_token(&["mail", "keys", "credit", "--new-master"]);
        with_token(&["meter", "tap"]);
        with_token(&["collect"]);
        with_token(&["top-up", "25"]);
        assert_eq!(with_token(&["meter", "tap"])["balance"], 7_500);
        assert_eq!(with_token(&["show"])["total_credit"], 7_500);
        let masters = TokenMasters::open(&location, Pin::new(PIN)).unwrap();
        let store = DerivingKeyStore::new(masters);
        assert_eq!(store.current(Role::Credit).unwrap(), KeyVersion::new(Role::Credit, 2));
        let names =
            std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let names: Vec<_> = names.collect();
        assert!(!names.iter().any(|name| name.contains("keys")), "{names:?}");

        // Without the token, or with a PIN that is wrong, it says so and does nothing.
        let without = cardctl.run(&["top-up", "25"]);
        assert!(without.status == Some(1) && without.err.contains("needs its own keys"), "{without}");
        std::fs::write(&secret, "0000\n").unwrap();
        let refused = cardctl.run(&["--keys", &uri, "top-up", "25"]);
        assert!(refused.status == Some(1) && refused.err.contains("refuses the PIN"), "{refused}");
    });
}
