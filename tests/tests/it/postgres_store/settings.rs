//! Settings are not damage: what is set so that it does not do is found when the ledger is opened, and named, with what to do. And what only
//! reads can be read.

use card_core::units::CardTime;
use card_ledger::{AuditKey, LedgerError, PostgresLedger, StoreError, read, verify};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use system_tests::postgres::Postgres;

use super::support::{NOW, SCOPE, connect, database, meter, open, sell, sell_at, total};

/// What is said to an address that does not do.
fn unfit(url: &str) -> String {
    match PostgresLedger::connect(url, SCOPE, 2) {
        Err(LedgerError::Store(error @ StoreError::Unfit(_))) => error.to_string(),
        other => panic!("{url}: {other:?}"),
    }
}

/// The address of another user of a database.
fn as_user(user: &str, database: &str) -> String {
    format!("postgresql://{user}@{}/{database}", Postgres::shared().address())
}

#[test]
fn addresses() {
    let url = database("address_settings");
    let said = |url: &str, part: &str| {
        let text = unfit(url);
        assert!(text.contains(part), "{text}");
        assert!(!text.contains("contradicts"), "{text}");
    };
    said(&as_user("tester", "address_settings"), "give the password in the address");
    said(&as_user("tester:wrong", "address_settings"), "see to the user and the password");
    said(&format!("{url}?sslmode=require"), "turn `ssl` on there");
    said(&format!("{url}?channel_binding=require"), "it needs TLS");
    said(&format!("{url}?sslmode=maybe"), "sslmode");
    said(&format!("{url}?sslmode=require&sslrootcert=/nowhere.pem"), "sslrootcert=/nowhere.pem");
    said(&Postgres::shared().url("address_none"), "make the database");
}

/// A server that asks for Kerberos is set so, and is not damaged.
#[test]
fn kerberos() {
    let server = Postgres::start().unwrap();
    let url = server.create_database("kerberos").unwrap();
    let file = server.directory().join("data/pg_hba.conf");
    let others = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("host kerberos all 127.0.0.1/32 gss\n{others}")).unwrap();
    server.connect("postgres").unwrap().batch_execute("SELECT pg_reload_conf()").unwrap();
    let begun = std::time::Instant::now();
    // The server reads it anew somewhat later.
    while PostgresLedger::connect(&url, SCOPE, 1).is_ok() {
        assert!(begun.elapsed() < system_tests::HANG, "it never asks for Kerberos");
    }
    let text = unfit(&url);
    assert!(text.contains("asks for Kerberos") && text.contains("scram-sha-256"), "{text}");
    assert!(!text.contains("contradicts"), "{text}");
}

#[test]
fn databases_without_arabic() {
    let mut client = Postgres::shared().connect("postgres").unwrap();
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("in_{}", encoding.to_lowercase());
        let sql = format!(
            "CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        );
        client.batch_execute(&sql).unwrap();
        let text = unfit(&Postgres::shared().url(&name));
        assert!(text.contains(encoding) && text.contains("ENCODING 'UTF8'"), "{text}");
    }
}

#[test]
fn a_seller_who_may_make_no_tables_sells_in_the_next_months() {
    let url = database("next_months");
    open(&connect(&url, 1), 1);
    let mut client = Postgres::shared().connect("next_months").unwrap();
    client
        .batch_execute(
            "CREATE ROLE monthly LOGIN PASSWORD 'monthly'; REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO monthly; \
             CREATE ROLE auditor LOGIN PASSWORD 'auditor'; \
             GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor",
        )
        .unwrap();
    let ledger = connect(&as_user("monthly:monthly", "next_months"), 2);
    sell_at(&ledger, "till", "1", meter(1), 100, CardTime(NOW.0 + 500_000_000)).unwrap();
    assert_eq!(total(&ledger, 1), 100);
    // Who may only read, reads; and is told what writing needs.
    let auditor = connect(&as_user("auditor:auditor", "next_months"), 2);
    assert_eq!(total(&auditor, 1), 100);
    let Err(LedgerError::Store(StoreError::Unfit(text))) = sell(&auditor, "2", meter(1)) else { panic!() };
    assert!(text.contains("let the owner of the tables grant"), "{text}");
    // So is a seller from whom that right was taken.
    client.batch_execute("REVOKE EXECUTE ON FUNCTION ledger_month FROM PUBLIC").unwrap();
    let later = sell_at(&ledger, "till", "3", meter(1), 100, CardTime(NOW.0 + 700_000_000));
    let Err(LedgerError::Store(StoreError::Unfit(text))) = later else { panic!("{later:?}") };
    assert!(text.contains("ledger_month") && text.contains("grant"), "{text}");
}

#[test]
fn a_standby_is_read() {
    let mut server = Postgres::start().unwrap();
    let url = server.create_database("standby").unwrap();
    let ledger = connect(&url, 2);
    open(&ledger, 1);
    sell(&ledger, "1", meter(1)).unwrap();
    drop(ledger);
    server.create_database("empty").unwrap();
    server.stop().unwrap();
    let data = server.directory().join("data");
    std::fs::write(data.join("standby.signal"), "").unwrap();
    server.restart().unwrap();
    let ledger = connect(&url, 2);
    assert_eq!(total(&ledger, 1), 100);
    let key = AuditKey::generate().unwrap().public();
    let audit = verify(&ledger, &key, &[], &mut |_| {}).unwrap();
    assert_eq!((audit.points, audit.entries), (1, 2));
    let Err(LedgerError::Store(StoreError::Unfit(text))) = sell(&ledger, "2", meter(1)) else { panic!() };
    assert!(text.contains("only reads"), "{text}");
    assert!(unfit(&server.url("empty")).contains("open it once at the primary"));
}

#[test]
fn tls_where_it_is_asked_for() {
    let mut server = Postgres::start().unwrap();
    let url = server.create_database("encrypted").unwrap();
    let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = authority.self_signed(&ca_key).unwrap();
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let own = own.signed_by(&key, &authority, &ca_key).unwrap();
    let folder = server.directory().to_owned();
    let owner = std::fs::metadata(folder.join("data")).unwrap();
    for (name, text) in [("server.pem", own.pem()), ("server.key", key.serialize_pem())] {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        let setting = if name == "server.pem" { "ssl_cert_file" } else { "ssl_key_file" };
        let sql = format!("ALTER SYSTEM SET {setting} = '{}'", path.display());
        server.connect("postgres").unwrap().batch_execute(&sql).unwrap();
    }
    server.connect("postgres").unwrap().batch_execute("ALTER SYSTEM SET ssl = on").unwrap();
    server.stop().unwrap();
    server.restart().unwrap();
    let roots = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(roots.path(), authority.pem()).unwrap();
    let trusted = format!("sslrootcert={}", roots.path().display());
    // Not by an authority that this machine knows.
    let text = unfit(&format!("{url}?sslmode=require"));
    assert!(text.contains("certificate") && text.contains("sslrootcert"), "{text}");
    for mode in ["sslmode=require", "sslmode=verify-full", "sslmode=require&channel_binding=require"] {
        let ledger = connect(&format!("{url}?{mode}&{trusted}&application_name=encrypted"), 2);
        assert_eq!(read(&ledger, |t| t.epoch()).unwrap(), 0);
        let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                         WHERE application_name = 'encrypted' AND ssl";
        let mut client = server.connect("encrypted").unwrap();
        assert!(client.query_one(encrypted, &[]).unwrap().get::<_, i64>(0) > 0, "{mode}");
    }
    // Its name must be the one in the certificate.
    let address = url.replace("127.0.0.1", "localhost");
    let text = unfit(&format!("{address}?sslmode=require&{trusted}"));
    assert!(text.contains("not valid for name"), "{text}");
}
