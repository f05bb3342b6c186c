//! A pooler between: PgBouncer gives its connections to one client, or to one transaction at a time. The second is found when the ledger is
//! opened, and named; it is no damage.

use card_ledger::{LedgerError, PostgresLedger, StoreError};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use system_tests::HANG;
use system_tests::postgres::Postgres;

use super::support::{SCOPE, connect, database, meter, open, sell, total};

/// A PgBouncer before the server that all tests share; ended with the test.
struct Pooler {
    process: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Pooler {
    fn start(mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Postgres::shared();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = server.url("");
        let (user, rest) = url.strip_prefix("postgresql://").unwrap().split_once(':').unwrap();
        let (password, _) = rest.split_once('@').unwrap();
        let (host, to, port) = (server.address().ip(), server.address().port(), address.port());
        let settings = format!(
            "[databases]\n* = host={host} port={to} user={user} password={password}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n"
        );
        let path = folder.path().join("pgbouncer.ini");
        std::fs::write(&path, settings).unwrap();
        let mut command = Command::new("/usr/sbin/pgbouncer");
        if rustix::process::geteuid().is_root() {
            // It refuses to run as root, and this one reads nothing but its settings.
            let (nobody, group) = (65_534, 65_534);
            for path in [folder.path(), &path] {
                std::os::unix::fs::chown(path, Some(nobody), Some(group)).unwrap();
            }
            command.uid(nobody).gid(group);
        }
        command.arg("-q").arg(&path).stdin(Stdio::null());
        let process = command.spawn().expect("pgbouncer is installed by tests/setup.sh");
        let mut pooler = Self { process, address, _folder: folder };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert_eq!(pooler.process.try_wait().unwrap(), None, "it has ended");
            assert!(begun.elapsed() < HANG, "it never listens");
            std::thread::sleep(Duration::from_millis(5));
        }
        pooler
    }

    fn url(&self, database: &str) -> String {
        Postgres::shared().url_at(self.address, database)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn one_that_gives_transactions_is_named() {
    let url = database("pooled_by_transaction");
    open(&connect(&url, 1), 1);
    let pooler = Pooler::start("transaction");
    let opened = PostgresLedger::connect(&pooler.url("pooled_by_transaction"), SCOPE, 2);
    let Err(LedgerError::Store(error @ StoreError::Unfit(_))) = opened else { panic!("{opened:?}") };
    let text = error.to_string();
    assert!(text.contains("pool_mode = session") && !text.contains("contradicts"), "{text}");
    assert_eq!(total(&connect(&url, 1), 1), 0, "nothing was written");
}

#[test]
fn one_that_gives_sessions_does() {
    let url = database("pooled_by_session");
    open(&connect(&url, 1), 1);
    let pooler = Pooler::start("session");
    let ledger = connect(&pooler.url("pooled_by_session"), 2);
    sell(&ledger, "1", meter(1)).unwrap();
    assert_eq!(total(&ledger, 1), 100);
}
