//! The ledger in an SQLite file on a disk that fails, fills up, forgets, or loses its power, at each of its operations in turn. What was
//! answered stays, what was refused is not there, what is unknown is there as a whole or not at all, and the ledger goes on.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use card_host::card_core::role::KeyVersion;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use card_host::card_core::id::{Binding, CardId, CardRef, Channel, Company, Environment, MeterId, Scope};
use card_host::card_core::units::{Balance, CardTime, Piastres};
use card_host::issuer::BindingAccount;
use card_ledger::{
    Ask, BindingRecord, Entry, EntryId, Head, Kind, LedgerAccount, LedgerError, Party, Payee, Point,
    RequestKey, SqliteLedger, Status, Step, StoreError, Transfer, read, transact,
};
use faulty_files::{Fault, FaultyFiles};

const SCOPE: Scope = Scope { company: Company(1), environment: Environment::Test };
const FAULTS: [Fault; 5] = [Fault::Broken, Fault::Full, Fault::ShortWrite, Fault::Sync, Fault::SyncForgets];
const SALES: u32 = 5;
const POINTS: u32 = 3;

fn request(id: &str) -> RequestKey {
    RequestKey { party: "fawry".parse().unwrap(), id: id.parse().unwrap() }
}

fn point(index: u32) -> Point {
    Point {
        code: format!("kiosk-{index}").parse().unwrap(),
        party: "fawry".parse().unwrap(),
        open: true,
        number: 0,
        head: [0; 32],
        time: CardTime::UNSET,
        cash: Balance(0),
        day: 0,
        sold: Piastres(0),
        most_cash: None,
        most_daily: None,
    }
}

fn binding() -> BindingRecord {
    BindingRecord {
        held: BindingAccount {
            scope: SCOPE,
            binding: Binding { meter: MeterId::from(7), number: 1 },
            account: 4711,
            card: CardRef { id: CardId::from(7), generation: 1 },
            load_key: KeyVersion::from_byte(0x50),
            credit_key: KeyVersion::from_byte(0x70),
            parameter_keys: KeyVersion::from_byte(0x80),
            sequence: 0,
            total_credit: Piastres(0),
            total_debited: Piastres(0),
            opening_time: CardTime(1),
            applied_credit: Piastres::ZERO,
            applied_debited: Piastres::ZERO,
            moved: false,
        },
        status: Status::Open,
        blocked: false,
        epoch: 0,
        voucher: Vec::new(),
        card_sequence: 0,
        heard: CardTime::UNSET,
    }
}

/// Sells for 10 EGP to the one card, once for each id.
fn sell(ledger: &SqliteLedger, at: u32, id: &str) -> Result<(), LedgerError> {
    let of = request(id);
    let code = point(at).code;
    transact(ledger, |transaction| {
        let payee = Some(Payee::Card(CardId::from(7)));
        let context = transaction.context(&Ask { request: &of, point: &code, payee })?;
        if !context.steps.is_empty() {
            return Ok(());
        }
        let before = context.point.unwrap_or_else(|| point(at));
        let mut held = context.binding.unwrap_or_else(binding);
        held.held.sequence += 1;
        held.held.total_credit.0 += 990;
        held.voucher = vec![0x5A; 110];
        let transfer = |credit, amount| Transfer {
            debit: LedgerAccount::Cash(code.clone()),
            credit,
            amount: Piastres(amount),
        };
        let entry = Entry {
            id: EntryId { point: code.clone(), number: before.number + 1 },
            time: CardTime(before.time.0 + 1),
            kind: Kind::Sale,
            request: of.clone(),
            step: Step::First,
            actor: "till".to_owned(),
            reason: String::new(),
            binding: Some(held.held.binding),
            card: Some(held.held.card.id),
            account: 4711,
            amount: Piastres(1000),
            sequence: held.held.sequence,
            total_credit: held.held.total_credit,
            total_debited: Piastres(0),
            policy: 1,
            // Several pages, so that writes can fail in the middle.
            payload: vec![0x5A; 9000],
            transfers: vec![
                transfer(LedgerAccount::Credit(held.held.binding), 990),
                transfer(LedgerAccount::Fee("service".parse().unwrap()), 10),
            ],
            references: None,
            previous: before.head,
            hash: [0; 32],
        }
        .sealed();
        let after = Point {
            number: entry.id.number,
            head: entry.hash,
            time: entry.time,
            cash: Balance(before.cash.0 + 1000),
            sold: Piastres(before.sold.0 + 1000),
            ..before
        };
        transaction.write(&entry, &after, &[Head::Binding(Box::new(held))])
    })
}

/// What the ledger said about a sale, the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Done,
    Nothing,
    Unknown,
}

/// What the ledger said about all sales. Once done, a sale is done.
#[derive(Debug, Default)]
struct Book(Mutex<BTreeMap<String, Told>>);

impl Book {
    fn sell(&self, ledger: &SqliteLedger, at: u32, id: &str) -> Told {
        let told = match sell(ledger, at, id) {
            Ok(()) => Told::Done,
            Err(LedgerError::Store(StoreError::Unavailable(_))) => Told::Nothing,
            Err(LedgerError::Store(StoreError::OutcomeUnknown(_))) => Told::Unknown,
            Err(other) => panic!("a failing disk is neither a mistake nor the end of the ledger: {other}"),
        };
        // Another answer says nothing of what was done, or may have been done, before.
        let mut book = self.0.lock().unwrap();
        let held = book.entry(id.to_owned()).or_insert(told);
        match (*held, told) {
            (_, Told::Done) | (Told::Nothing, Told::Unknown) => *held = told,
            _ => {}
        }
        told
    }

    /// Compares with what is in the file, which nobody has open.
    fn check(&self, path: &Path, what: &str) {
        let ledger = SqliteLedger::open(path, SCOPE).unwrap_or_else(|error| panic!("{what}: {error}"));
        let mut found = BTreeMap::new();
        read(&ledger, |transaction| {
            let mut credit = 0;
            for point in transaction.points(None, 99)? {
                let chain = transaction.chain(&point.code, 0, 999)?;
                let end = chain.last().map_or((0, [0; 32]), |entry| (entry.id.number, entry.hash));
                assert_eq!((point.number, point.head), end, "{what}: the end of a chain");
                assert_eq!(point.sold.0, 1000 * point.number, "{what}");
                for (number, entry) in (1..).zip(&chain) {
                    assert_eq!((entry.id.number, entry.hashed()), (number, entry.hash), "{what}: whole");
                    assert_eq!(entry.transfers.iter().map(|transfer| transfer.amount.0).sum::<u64>(), 1000);
                    let steps = transaction.steps(&entry.request)?;
                    assert_eq!((steps.len(), &steps[0].entry), (1, &entry.id), "{what}");
                    assert!(found.insert(entry.request.id.to_string(), ()).is_none(), "{what}: twice");
                }
                credit += 990 * point.number;
            }
            let held = transaction.binding(Payee::Meter(MeterId::from(7)))?;
            let held = held.map_or((0, 0), |held| (held.held.total_credit.0, u64::from(held.held.sequence)));
            assert_eq!(held, (credit, credit / 990), "{what}: the totals are those of the entries");
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{what}: {error}"));
        for (id, told) in &*self.0.lock().unwrap() {
            match told {
                Told::Done => assert!(found.contains_key(id), "{what}: sale {id} was answered and is lost"),
                Told::Nothing => {
                    assert!(!found.contains_key(id), "{what}: sale {id} was refused and is there")
                }
                Told::Unknown => {}
            }
        }
        assert!(
            found.keys().all(|id| self.0.lock().unwrap().contains_key(id)),
            "{what}: nobody asked for it"
        );
        let damaged = rusqlite::Connection::open(path).unwrap();
        let sound: String = damaged.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok", "{what}");
    }
}

/// In memory where there is such a folder: to lose what was not synced is the layer's work, and to look at what is left needs no disk.
fn new_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// A disk with a ledger on it that has sold nothing yet.
struct Stage {
    files: FaultyFiles,
    empty: PathBuf,
    folder: tempfile::TempDir,
}

impl Stage {
    fn new(name: &str) -> Self {
        let folder = new_folder();
        let empty = folder.path().join("empty");
        let ledger = SqliteLedger::create(&empty, SCOPE).unwrap();
        drop(ledger);
        Self { files: FaultyFiles::register(name).unwrap(), empty, folder }
    }

    fn play(&self) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let path = folder.path().join("ledger");
        std::fs::copy(&self.empty, &path).unwrap();
        (folder, path)
    }

    fn open(&self, path: &Path) -> Result<SqliteLedger, LedgerError> {
        SqliteLedger::open_with_vfs(path, SCOPE, self.files.name().to_str().unwrap())
    }

    /// The operations of a work that nothing disturbs.
    fn operations(&self, work: impl FnOnce(&Path)) -> u64 {
        let (_folder, path) = self.play();
        let before = self.files.operations();
        work(&path);
        self.files.operations() - before
    }
}

/// Some sales, and the ledger opened anew between them. Whoever is told that something failed asks again, as often as that.
fn work(stage: &Stage, path: &Path, book: &Book, patience: u32) -> bool {
    let mut all = true;
    for part in ["a", "b"] {
        let opened = (0..=patience).find_map(|_| stage.open(path).ok());
        let Some(ledger) = opened else { return false };
        for sale in 0..SALES {
            let id = format!("{part}-{sale}");
            all &= (0..=patience).any(|_| book.sell(&ledger, sale % POINTS, &id) == Told::Done);
        }
    }
    all
}

#[test]
fn a_fault_at_any_operation() {
    let stage = Stage::new("ledger-fault");
    let count = stage.operations(|path| assert!(work(&stage, path, &Book::default(), 0)));
    println!("{count} operations");
    assert!(count > 80, "{count} operations");
    for fault in FAULTS {
        let mut seen = 0;
        for n in 1..=count {
            let what = format!("{fault:?} at operation {n}");
            let ((_folder, path), book) = (stage.play(), Book::default());
            stage.files.fail_at(n, fault);
            // One failure is over when one asks again, and so everything is done in the end.
            assert!(work(&stage, &path, &book, 3), "{what}: {book:?}");
            seen += u32::from(stage.files.faults() > 0);
            // And stays, when the power goes then.
            stage.files.after_power_cut(if n % 2 == 0 { 0 } else { n }).unwrap();
            book.check(&path, &what);
            // Those who do not ask again know what they have.
            let ((_folder, path), book) = (stage.play(), Book::default());
            stage.files.fail_at(n, fault);
            work(&stage, &path, &book, 0);
            stage.files.heal();
            if n % 3 == 0 {
                stage.files.after_power_cut(n).unwrap();
            }
            book.check(&path, &what);
        }
        println!("{fault:?}: {seen} of {count}");
        assert!(seen > 10, "{fault:?} happened {seen} times");
    }
}

/// A disk that stays broken or full for a while: nobody is told what is not so, and afterwards the same ledger goes on.
#[test]
fn a_disk_that_is_repaired() {
    let stage = Stage::new("ledger-repair");
    for fault in FAULTS {
        for n in 1..=60 {
            let what = format!("{fault:?} from operation {n}");
            let ((_folder, path), book) = (stage.play(), Book::default());
            let ledger = stage.open(&path).unwrap();
            stage.files.fail_from(n, fault);
            let ids: Vec<_> = (0..6).map(|sale| format!("s-{sale}")).collect();
            for id in &ids {
                book.sell(&ledger, 0, id);
                // Reading is refused, or tells what holds.
                if let Ok(steps) = read(&ledger, |t| t.steps(&request(id))) {
                    let told = book.0.lock().unwrap()[id];
                    assert!(
                        told == Told::Unknown || (told == Told::Done) != steps.is_empty(),
                        "{what}: {id}"
                    );
                }
            }
            assert!(stage.files.faults() > 0, "{what}");
            stage.files.heal();
            for id in &ids {
                assert_eq!(book.sell(&ledger, 1, id), Told::Done, "{what}");
            }
            stage.files.cut();
            drop(ledger);
            stage.files.after_power_cut(0).unwrap();
            book.check(&path, &what);
        }
    }
}

/// Once asked what became of a sale whose outcome was unknown, the answer holds, whatever happens then.
#[test]
fn what_was_said_of_an_unknown_outcome_stays_so() {
    let stage = Stage::new("ledger-unknown");
    let (mut there, mut not_there) = (0, 0);
    for fault in FAULTS {
        for n in 1..=30 {
            for seed in 0..4 {
                let ((_folder, path), book) = (stage.play(), Book::default());
                let ledger = stage.open(&path).unwrap();
                assert_eq!(book.sell(&ledger, 0, "first"), Told::Done);
                // With a reader that stays, so that the log outlives the connection that writes.
                assert_eq!(read(&ledger, |t| t.steps(&request("first"))).unwrap().len(), 1);
                stage.files.fail_at(n, fault);
                let told = book.sell(&ledger, 0, "second");
                stage.files.heal();
                if told != Told::Unknown {
                    continue;
                }
                let asked = read(&ledger, |t| t.steps(&request("second"))).unwrap();
                let said = if asked.is_empty() { Told::Nothing } else { Told::Done };
                book.0.lock().unwrap().insert("second".to_owned(), said);
                *if said == Told::Done { &mut there } else { &mut not_there } += 1;
                // The program ends as it likes: with the power, killed, or in order.
                if seed < 3 {
                    stage.files.cut();
                }
                drop(ledger);
                stage.files.after_power_cut(seed).unwrap();
                book.check(&path, &format!("{fault:?} at operation {n}, seed {seed}"));
            }
        }
    }
    println!("{there} were there, {not_there} were not");
    assert!(there + not_there > 50);
}

#[test]
fn a_power_cut_at_any_operation() {
    let stage = Stage::new("ledger-power");
    let count = stage.operations(|path| assert!(work(&stage, path, &Book::default(), 0)));
    for n in 1..=count {
        for seed in 0..5 {
            let ((_folder, path), book) = (stage.play(), Book::default());
            stage.files.cut_at(n);
            work(&stage, &path, &book, 0);
            assert!(stage.files.faults() > 0);
            stage.files.after_power_cut(if seed < 2 { seed } else { 5 * n + seed }).unwrap();
            book.check(&path, &format!("power cut at operation {n}, seed {seed}"));
        }
    }
}

/// The power goes while a ledger is made: then there is one, or one can be made under this name.
#[test]
fn a_power_cut_while_it_is_made() {
    let stage = Stage::new("ledger-making");
    let folder = new_folder();
    let before = stage.files.operations();
    drop(stage.open(&folder.path().join("ledger")).unwrap());
    let count = stage.files.operations() - before;
    for n in 1..=count {
        for fault in [None, Some(Fault::Broken), Some(Fault::SyncForgets)] {
            let folder = new_folder();
            let path = folder.path().join("ledger");
            match fault {
                None => stage.files.cut_at(n),
                Some(fault) => stage.files.fail_at(n, fault),
            }
            let made = stage.open(&path);
            let whole = made.is_ok();
            drop(made);
            stage.files.after_power_cut(n % 4).unwrap();
            if whole {
                SqliteLedger::open(&path, SCOPE).unwrap_or_else(|error| panic!("{fault:?} {n}: {error}"));
            }
            let ledger = SqliteLedger::open_or_create(&path, SCOPE);
            let ledger = ledger.unwrap_or_else(|error| panic!("{fault:?} {n}: {error}"));
            sell(&ledger, 0, "first").unwrap();
        }
    }
}

/// Many at once, so that groups fail: each member is told what is so.
#[test]
fn groups_on_a_disk_that_fails() {
    const THREADS: u32 = 6;
    let stage = Stage::new("ledger-groups");
    let (mut unknown, mut groups) = (0, 0);
    for n in 1..=120_u64 {
        let ((_folder, path), book) = (stage.play(), Book::default());
        let ledger = stage.open(&path).unwrap();
        let cut = n % 3 == 0;
        if cut {
            stage.files.cut_at(n);
        } else {
            stage.files.fail_at(n, FAULTS[usize::try_from(n).unwrap() % FAULTS.len()]);
        }
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (ledger, book) = (&ledger, &book);
                scope.spawn(move || {
                    for sale in 0..4 {
                        // Two threads at each vending point; each sale is asked for by two.
                        book.sell(ledger, thread % POINTS, &format!("{}-{sale}", thread % 3));
                    }
                });
            }
        });
        let told: Vec<_> = book.0.lock().unwrap().values().copied().collect();
        unknown += told.iter().filter(|told| **told == Told::Unknown).count();
        groups += usize::from(told.iter().filter(|told| **told == Told::Unknown).count() > 1);
        if !cut {
            stage.files.heal();
            for thread in 0..THREADS {
                for sale in 0..4 {
                    let told = book.sell(&ledger, thread % POINTS, &format!("{}-{sale}", thread % 3));
                    assert_eq!(told, Told::Done);
                }
            }
            stage.files.cut();
        }
        drop(ledger);
        stage.files.after_power_cut(n % 5).unwrap();
        book.check(&path, &format!("operation {n}"));
    }
    println!("{unknown} unknown outcomes, {groups} times more than one");
}

/// A party is not needed for any of this, but a ledger with one is read the same way.
#[test]
fn reading_on_a_disk_without_power() {
    let stage = Stage::new("ledger-reading");
    let (_folder, path) = stage.play();
    let ledger = stage.open(&path).unwrap();
    let party = Party { code: "fawry".parse().unwrap(), channel: Channel::Kiosk, open: true };
    sell(&ledger, 0, "first").unwrap();
    stage.files.cut();
    for _ in 0..3 {
        let error = transact(&ledger, |t| t.party(&party.code)).map(|_| ());
        let passing = error.as_ref().err().is_none_or(LedgerError::is_passing);
        assert!(passing, "{error:?}");
    }
    drop(ledger);
    stage.files.after_power_cut(0).unwrap();
}
