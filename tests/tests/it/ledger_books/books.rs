//! A world whose file can be looked into, changed and restored, and its auditor.

use card_host::card_core::key::KeyLength;
use card_host::card_core::message::{MeterFlags, MeterReceipt};
use card_host::card_core::soft::SoftEngine;
use card_host::card_core::units::{Balance, Energy, Piastres};
use card_host::card_work::development_scope;
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_ledger::{
    AuditFinding, AuditKey, AuditReport, BindingRecord, Evidence, HandedIn, Office, SignedHead, SqliteLedger,
    sign_heads, verify,
};
use std::path::PathBuf;
use std::sync::Arc;
use system_tests::world::{World, kiosk, wallet};

pub(crate) struct Books {
    pub(crate) world: World,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) auditor: AuditKey,
}

/// What a meter reports.
pub(crate) struct Report {
    pub(crate) number: u32,
    pub(crate) applied: u64,
    pub(crate) balance: i64,
    pub(crate) energy: u32,
    pub(crate) flags: u16,
}

impl Books {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let keys = SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom).unwrap();
        keys.create(&directory.path().join("keys.json")).unwrap();
        let ledger =
            SqliteLedger::create(&directory.path().join("ledger.sqlite"), development_scope()).unwrap();
        let world = World::with_keys(Arc::new(ledger), keys);
        Self { world, directory, auditor: AuditKey::generate().unwrap() }
    }

    /// A world in which much has happened: customers 1 to 3 with sales in all steps, corrections, debts.
    pub(crate) fn busy() -> Self {
        let books = Self::new();
        let world = &books.world;
        for number in 1..=3 {
            world.customer(number);
            world.sell(number, 10_000 * number);
        }
        let order = world.order(wallet(), 1, 7_000);
        world.office.reserve(&order).unwrap();
        world.office.confirm(&wallet(), &order.id, None).unwrap();
        let order = world.order(wallet(), 2, 5_000);
        world.office.reserve(&order).unwrap();
        world.office.cancel(&wallet(), &order.id).unwrap();
        world.office.debt(&world.boss(), &world.id(), 3, Piastres(9_000), "from the old books").unwrap();
        world.sell(3, 20_000);
        books
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Changes the file behind the ledger's back.
    pub(crate) fn tamper(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.path("ledger.sqlite")).unwrap();
        let triggers: Vec<String> = {
            let mut statement =
                connection.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        for trigger in triggers {
            connection.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
        }
        connection.execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}")).unwrap();
    }

    pub(crate) fn back_up(&self, name: &str) {
        self.back_up_of("ledger.sqlite", name);
    }

    /// The same of a copy that has taken its place.
    pub(crate) fn back_up_of(&self, newest: &str, name: &str) {
        let ledger = SqliteLedger::open(&self.path(newest), development_scope()).unwrap();
        ledger.backup(&self.path(name)).unwrap();
    }

    /// The disk is gone, and a copy takes its place. Cards, meters, channels and the auditor keep what they have.
    pub(crate) fn restore(&mut self, name: &str) {
        let ledger = Arc::new(SqliteLedger::open(&self.path(name), development_scope()).unwrap());
        let keys = Arc::new(SoftwareKeyStore::open(&self.path("keys.json")).unwrap());
        self.world.keys = Arc::clone(&keys);
        self.world.office = Office::new(ledger.clone(), keys, self.world.clock.clone()).unwrap();
        self.world.ledger = ledger;
    }

    pub(crate) fn sign(&self) -> Vec<SignedHead> {
        sign_heads(&*self.world.ledger, &self.auditor, self.world.office.now().unwrap()).unwrap()
    }

    pub(crate) fn audit(&self, heads: &[SignedHead]) -> AuditReport {
        verify(&*self.world.ledger, &self.auditor.public(), heads, &mut |_| {}).unwrap()
    }

    pub(crate) fn findings(&self, heads: &[SignedHead]) -> Vec<AuditFinding> {
        self.audit(heads).findings
    }

    /// A report of the meter of a binding, handed in.
    pub(crate) fn report(&self, record: &BindingRecord, report: &Report) -> HandedIn {
        let evidence = self.receipt(record, report);
        self.world.office.hand_in(&kiosk(), &evidence).unwrap()
    }

    pub(crate) fn receipt(&self, record: &BindingRecord, report: &Report) -> Evidence {
        receipt(&self.world, record, report)
    }

    pub(crate) fn days(&self, days: u32) {
        self.world.clock.pass(days * 86_400);
    }
}

/// What a meter hands out, signed with its key.
pub(crate) fn receipt(world: &World, record: &BindingRecord, report: &Report) -> Evidence {
    let (scope, meter) = (world.scope(), record.binding().meter);
    let keys = world.keys.meter_keys(scope, meter).unwrap();
    let receipt = MeterReceipt {
        key_version: keys.report.version,
        binding: record.binding(),
        number: report.number,
        time: world.office.now().unwrap(),
        applied_credit: Piastres(report.applied),
        applied_debited: Piastres::ZERO,
        balance: Balance(report.balance),
        energy: Energy(report.energy),
        flags: MeterFlags(report.flags),
        mac: [0; 16],
    };
    Evidence::MeterReceipt(receipt.sign(&mut SoftEngine, &keys.receipt, scope).emit().to_vec())
}
