//! The signer in a process of its own: what a company does with it, and what it keeps when it is killed.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use card_core::id::{Binding, MeterId};
use card_core::message::Certificate;
use card_core::role::{KeyVersion, Role};
use card_core::units::{CardTime, Piastres};
use card_host::card_work::development_scope;
use card_host::durable;
use card_host::keystore::{Forbidden, KeyStore, KeyStoreError, Memory as _};
use card_signer::{Durability, Memory, RemoteSigner};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;

struct Company {
    folder: tempfile::TempDir,
    secrets: BTreeMap<String, PathBuf>,
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn cardctl(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardctl"));
    command.arg("--data").arg(data).env_remove("CARDCTL_KEYS").stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

impl Company {
    fn new() -> Self {
        let company = Self { folder: tempfile::tempdir().unwrap(), secrets: BTreeMap::new() };
        company.init(&[])
    }

    fn init(mut self, more: &[&str]) -> Self {
        let mut init = cardctl(&self.signer());
        init.args(["--format", "json", "signer", "init", "--custodian", "mona", "--custodian", "tarek"]);
        init.args(["--certificate", "100", "--binding-day", "150", "--hour", "1000", "--day", "1000"]);
        let output = init.args(more).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        for custodian in answer["custodians"].as_array().unwrap() {
            let name = custodian["name"].as_str().unwrap();
            let path = self.folder.path().join(format!("{name}.secret"));
            std::fs::write(&path, custodian["secret"].as_str().unwrap()).unwrap();
            self.secrets.insert(name.to_owned(), path);
        }
        self
    }

    fn signer(&self) -> PathBuf {
        self.folder.path().join("signer")
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn serve(&self) -> Running {
        let mut serve = cardctl(&self.signer());
        serve.args(["signer", "serve", "--socket"]).arg(self.socket());
        let mut child = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("socket"), "{line}");
        Running(child)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = cardctl(&self.folder.path().join("ledger"));
        command.arg("--keys").arg(format!("signer:{}", self.socket().display()));
        command.args(arguments).output().unwrap()
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str], why: &str) {
        let output = self.run(arguments);
        assert!(!output.status.success() && said(&output).contains(why), "{arguments:?}: {}", said(&output));
    }

    /// Does what takes two custodians.
    fn custodian(&self, name: &str, arguments: &[&str]) -> Output {
        let mut command = cardctl(&self.signer());
        command.arg("signer").args(arguments).args(["--as", name, "--secret"]).arg(&self.secrets["mona"]);
        if let Some(secret) = self.secrets.get(name) {
            let mut own = cardctl(&self.signer());
            own.arg("signer").args(arguments).args(["--as", name, "--secret"]).arg(secret);
            command = own;
        }
        command.output().unwrap()
    }
}

#[test]
fn a_company_sells_below_its_ceilings_and_two_custodians_raise_them() {
    let company = Company::new();
    company.refused(&["ledger", "begin"], "does not answer");
    let running = company.serve();
    company.done(&["ledger", "begin"]);
    company.done(&["issue", "--meter", "1", "--account", "7"]);
    company.done(&["top-up", "90"]);
    // A national ID becomes what stands for its person by the signer's keys, too.
    let file = |name: &str, text: &str| {
        let path = company.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let policy = file("policy.toml", "[steps.block]\ndocuments = [\"national-id\"]\n");
    let national_id = file("id", "29001011234567");
    company.done(&["policy", "set", &policy]);
    let shown = ["--national-id", &national_id, "--valid-until", "2099-01-31"];
    company.done(&[&["block", "--meter", "1", "--reason", "lost"][..], &shown].concat());
    assert_eq!(company.done(&["policy", "accounts", "--national-id", &national_id]).trim(), "7");
    company.done(&["unblock", "--meter", "1", "--reason", "found"]);
    company.refused(&["top-up", "101"], "the ceiling of one certificate is 100.00 EGP");
    company.refused(&["top-up", "61"], "the ceiling of one binding in a day is 150.00 EGP");
    assert!(!company.run(&["reconcile"]).status.success());
    assert!(company.done(&["audit", "key"]).contains("PUBLIC KEY"));
    company.done(&["audit", "verify"]);

    let raise =
        &["ceilings", "--certificate", "200", "--binding-day", "400", "--hour", "1000", "--day", "1000"];
    assert!(said(&company.custodian("nobody", raise)).contains("no custodian has this name and secret"));
    assert!(company.custodian("mona", raise).status.success());
    company.refused(&["top-up", "101"], "the ceiling");
    assert!(said(&company.custodian("mona", &["agree", "1"])).contains("another custodian agrees"));
    assert!(company.custodian("tarek", &["agree", "1"]).status.success());
    assert!(said(&company.custodian("tarek", &["agree", "1"])).contains("does not wait"));
    company.done(&["top-up", "101"]);

    // The credit key's master is not valid in a time that has been.
    let past = &["validity", "71", "--from", "2021-01-01", "--until", "2021-02-01"];
    assert!(company.custodian("tarek", past).status.success());
    assert!(company.custodian("mona", &["agree", "2"]).status.success());
    company.refused(&["top-up", "10"], "master 71 is not valid at this time");
    let status = cardctl(&company.signer()).args(["signer", "status"]).output().unwrap();
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("tarek agreed") && status.contains("alarm"), "{status}");

    // A master that is drawn in the signer's directory is taken without starting it again.
    assert!(!company.done(&["keys", "list"]).contains("72 credit"));
    let rotate = |persons: &[&str]| {
        let mut command = cardctl(&company.signer());
        command.args(["keys", "rotate", "credit"]);
        for (option, name) in ["--secret-file", "--second"].iter().zip(persons) {
            let secret = std::fs::read_to_string(&company.secrets[*name]).unwrap();
            let file = company.signer().join(name);
            durable::replace(&file, format!("{name}\n{secret}\n").as_bytes()).unwrap();
            command.arg(option).arg(file);
        }
        command.output().unwrap()
    };
    assert!(said(&rotate(&["mona"])).contains("two custodians who are both there"));
    assert!(said(&rotate(&["mona", "mona"])).contains("another custodian"));
    let drawn = rotate(&["mona", "tarek"]);
    assert!(drawn.status.success(), "{}", said(&drawn));
    let status = cardctl(&company.signer()).args(["signer", "status"]).output().unwrap();
    assert!(String::from_utf8(status.stdout).unwrap().contains("master 72 is drawn"));
    assert!(company.done(&["keys", "list"]).contains("72 credit"));

    // Keys of meters, and masters, do not leave it.
    company.refused(&["mail", "keys", "credit", "--new-master"], "with a signer in a process of its own");
    drop(running);
    company.refused(&["top-up", "10"], "does not answer");
}

#[test]
fn an_older_copy_is_refused_and_a_lost_memory_is_begun_anew() {
    let mut company = Company::new();
    let running = company.serve();
    company.done(&["ledger", "begin"]);
    company.done(&["issue", "--meter", "1", "--account", "7"]);
    company.done(&["top-up", "20"]);
    let ledger = |name: &str| company.folder.path().join("ledger").join(name);
    let copy = company.folder.path().join("copy");
    company.done(&["ledger", "backup", copy.to_str().unwrap()]);
    company.done(&["top-up", "30"]);
    let newest = std::fs::read(ledger("ledger.sqlite")).unwrap();
    std::fs::copy(&copy, ledger("ledger.sqlite")).unwrap();
    company.refused(&["top-up", "10"], "this ledger is an older copy");
    std::fs::write(ledger("ledger.sqlite"), newest).unwrap();
    company.done(&["top-up", "10"]);
    // Another ledger is not founded with the same signer.
    std::fs::rename(ledger("ledger.sqlite"), ledger("away.sqlite")).unwrap();
    company.refused(&["ledger", "begin"], "knows a ledger already");
    let _ = std::fs::remove_file(ledger("ledger.sqlite"));
    std::fs::rename(ledger("away.sqlite"), ledger("ledger.sqlite")).unwrap();
    company.done(&["top-up", "10"]);

    // The memory is lost: one that begins with nothing takes no books that are there.
    drop(running);
    for adopt in [&[][..], &["--adopt"]] {
        for name in ["signer.sqlite", "signer.sqlite-wal", "signer.sqlite-shm"] {
            let _ = std::fs::remove_file(company.signer().join(name));
        }
        company = company.init(adopt);
        let _running = company.serve();
        if adopt.is_empty() {
            company.refused(&["top-up", "10"], "cardctl signer init --adopt");
        } else {
            company.done(&["top-up", "10"]);
            company.done(&["reconcile"]);
        }
    }
}

/// Certificates for many bindings are asked for by several at once, as the signer is killed and comes back: it knows each that it has signed.
#[test]
fn killed_at_any_moment_it_forgets_nothing_that_it_signed() {
    let company = Company::new();
    let (scope, key) = (development_scope(), KeyVersion::new(Role::Credit, 1));
    let told: Mutex<BTreeMap<u64, Certificate>> = Mutex::default();
    let certificate = |meter: u64, sequence: u32| Certificate {
        key_version: key,
        binding: Binding { meter: MeterId::from(meter), number: 1 },
        generation: 1,
        sequence,
        total_credit: Piastres(u64::from(sequence)),
        total_debited: Piastres::ZERO,
        known_credit: Piastres::ZERO,
        known_debited: Piastres::ZERO,
        issue_time: CardTime(1),
        mac: [0; 16],
    };
    for round in 0..12_u64 {
        let mut running = company.serve();
        let signer = RemoteSigner::connect(&company.socket()).unwrap();
        std::thread::scope(|threads| {
            for meter in 1..=4 {
                let (signer, told) = (&signer, &told);
                threads.spawn(move || {
                    let mut next = told.lock().unwrap().get(&meter).map_or(1, |last| last.sequence + 1);
                    // One whose answer was lost may have been signed: the same is asked for again.
                    while let Ok(signed) = signer.sign_certificate(scope, certificate(meter, next)) {
                        told.lock().unwrap().insert(meter, signed);
                        next += 1;
                    }
                });
            }
            // Somewhere in the middle of it, counted by what was signed and not by time.
            let all = || told.lock().unwrap().values().map(|last| u64::from(last.sequence)).sum::<u64>();
            let (begin, most) = (all(), 20 + 37 * round % 100);
            while all() < begin + most {
                std::thread::yield_now();
            }
            running.0.kill().unwrap();
        });
        drop(running);
        let memory = Memory::open(&company.signer().join("signer.sqlite"), Durability::Each).unwrap();
        let signed = memory.signed(None, 100).unwrap();
        for (meter, last) in told.lock().unwrap().iter() {
            let known = signed.iter().find(|known| known.binding.meter.number() == *meter).unwrap();
            assert!(known.sequence >= last.sequence, "round {round}, meter {meter}: {known:?}, {last:?}");
        }
    }
    let _running = company.serve();
    let signer = RemoteSigner::connect(&company.socket()).unwrap();
    for last in told.lock().unwrap().values() {
        let other = Certificate { total_credit: Piastres(last.total_credit.0 + 2), ..*last };
        let error = signer.sign_certificate(scope, other).unwrap_err();
        assert!(matches!(error, KeyStoreError::Forbidden(Forbidden::Taken { .. })), "{error}");
        signer.verify_certificate(scope, last).unwrap();
    }
}
