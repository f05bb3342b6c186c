use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use card_core::id::{Binding, Company, Environment, MeterId, Scope};
use card_core::role::{KeyVersion, Role};
use card_core::units::{CardTime, Piastres};
use card_host::keystore::{Forbidden, KeyStoreError, Memory as _, Totals};
use card_signer::rules::Ceilings;
use card_signer::{Durability, Memory};
use faulty_files::{Fault, FaultyFiles};

const SCOPE: Scope = Scope { company: Company(1), environment: Environment::Test };
const KEY: KeyVersion = KeyVersion::new(Role::Credit, 1);
const NOW: CardTime = CardTime(200_000_000);

fn totals(meter: u64, sequence: u32, credit: u64) -> Totals {
    let binding = Binding { meter: MeterId::from(meter), number: 1 };
    Totals { binding, generation: 1, sequence, credit: Piastres(credit), debited: Piastres(0) }
}

fn open(path: &Path, ceilings: &Ceilings) -> Memory {
    Memory::open_or_create(path, SCOPE, Durability::Each, ceilings).unwrap()
}

/// The most that was let through for each binding is known, and nothing else is signed in its place.
fn knows(memory: &Memory, told: &BTreeMap<u64, Totals>, what: &str) {
    let signed = memory.signed(None, 1000).unwrap();
    for (meter, totals) in told {
        let found = signed.iter().find(|found| found.binding == totals.binding);
        assert!(found.is_some_and(|found| found.credit >= totals.credit), "{what}: {found:?}, {totals:?}");
        let other = Totals { credit: Piastres(totals.credit.0 + 1), ..*totals };
        let error = memory.admit(other, KEY, NOW).unwrap_err();
        assert!(
            matches!(error, KeyStoreError::Forbidden(Forbidden::Taken { .. })),
            "{what}: meter {meter}: {error}"
        );
    }
}

/// Two meters in turns, as long as it works.
fn work(memory: &Memory) -> BTreeMap<u64, Totals> {
    let mut told = BTreeMap::new();
    for round in 1..=4_u32 {
        for meter in 1..=2 {
            let totals = totals(meter, round, u64::from(round) * 100);
            if memory.admit(totals, KEY, NOW).is_ok() {
                told.insert(meter, totals);
            }
        }
    }
    told
}

#[test]
fn a_power_cut_or_a_fault_at_any_operation_forgets_nothing_that_was_let_through() {
    let files = FaultyFiles::register("signer").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &Path| Memory::open_with_vfs(path, SCOPE, &Ceilings::DEVELOPMENT, "signer");
    let begin = files.operations();
    assert_eq!(work(&at(&folder.path().join("whole")).unwrap()).len(), 2);
    let count = files.operations() - begin;
    assert!(count > 20);
    let faults = [None, Some(Fault::Broken), Some(Fault::Full), Some(Fault::ShortWrite), Some(Fault::Sync)];
    for n in 1..=count {
        for (seed, fault) in (0..).zip(faults) {
            let path = folder.path().join(format!("{n}-{seed}"));
            match fault {
                None => files.cut_at(n),
                Some(fault) => files.fail_at(n, fault),
            }
            let memory = at(&path);
            let told = memory.as_ref().map(work).unwrap_or_default();
            drop(memory);
            files.after_power_cut(n * 5 + seed).unwrap();
            files.heal();
            knows(&open(&path, &Ceilings::DEVELOPMENT), &told, &format!("operation {n}, {fault:?}"));
        }
    }
}

/// As many as come at once, in one program and in two: together they stay below the ceilings to the piastre.
#[test]
fn those_who_ask_at_once_stay_below_the_ceilings_together() {
    let few = Ceilings {
        certificate: Piastres(100),
        binding_day: Piastres(1_000),
        hour: Piastres(2_000),
        day: Piastres(3_000),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signer.sqlite");
    let programs = [open(&path, &few), open(&path, &few)];
    let sum = Mutex::new(0);
    let hour = |hours: u32| CardTime(NOW.0 / 86_400 * 86_400 + hours * 3_600);
    for hours in [0, 1, 2] {
        std::thread::scope(|scope| {
            for meter in 0..8_u64 {
                let (memory, sum) = (&programs[usize::try_from(meter % 2).unwrap()], &sum);
                scope.spawn(move || {
                    for round in 1..=20_u32 {
                        let sequence = hours * 20 + round;
                        let credit = memory.signed(None, 100).unwrap();
                        let binding = totals(meter, 1, 0).binding;
                        let credit = credit.iter().find(|signed| signed.binding == binding);
                        let credit = credit.map_or(0, |signed| signed.credit.0) + 50;
                        if memory.admit(totals(meter, sequence, credit), KEY, hour(hours)).is_ok() {
                            *sum.lock().unwrap() += 50;
                        }
                    }
                });
            }
        });
        assert_eq!(*sum.lock().unwrap(), [2_000, 3_000, 3_000][usize::try_from(hours).unwrap()]);
    }
    let signed: u64 = programs[0].signed(None, 100).unwrap().iter().map(|signed| signed.credit.0).sum();
    assert_eq!(signed, 3_000);
    let alarms = programs[1].alarms(CardTime::UNSET).unwrap();
    let said = |part: &str| alarms.iter().filter(|alarm| alarm.what.contains(part)).count();
    assert_eq!(said("of the company in an hour, 20.00 EGP, are certified"), 1, "{alarms:?}");
    assert_eq!(said("of the company in a day, 30.00 EGP, are certified"), 1, "{alarms:?}");
    assert!(said("refused") > 0);
}

#[test]
fn keys_are_used_in_their_time_only() {
    let folder = tempfile::tempdir().unwrap();
    let memory = open(&folder.path().join("signer.sqlite"), &Ceilings::DEVELOPMENT);
    memory.admit(totals(1, 1, 10), KEY, NOW).unwrap();
    memory.set_validity(KEY, NOW.to_unix(), NOW.to_unix() + 10).unwrap();
    memory.admit(totals(1, 2, 20), KEY, NOW).unwrap();
    for time in [CardTime(NOW.0 - 1), CardTime(NOW.0 + 10)] {
        let error = memory.admit(totals(1, 3, 30), KEY, time).unwrap_err();
        assert!(matches!(error, KeyStoreError::Forbidden(Forbidden::Validity(KEY))), "{error}");
        memory.valid(KEY, time).unwrap_err();
    }
    memory.valid(KEY, NOW).unwrap();
    let next = KeyVersion::new(Role::Credit, 2);
    memory.admit(totals(1, 3, 30), next, CardTime(NOW.0 + 10)).unwrap();
}

#[test]
fn a_memory_is_of_one_company_and_begins_as_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signer.sqlite");
    let memory = Memory::create(&path, SCOPE, &Ceilings::DEVELOPMENT, false).unwrap();
    Memory::create(&path, SCOPE, &Ceilings::DEVELOPMENT, false).unwrap_err();
    let other = Scope { company: Company(2), ..SCOPE };
    Memory::open_or_create(&path, other, Durability::Each, &Ceilings::DEVELOPMENT).unwrap_err();
    // Books that are there are not taken as they are, and others are not founded once some are known.
    memory.adopt(&[totals(1, 5, 500)]).unwrap_err();
    memory.begin().unwrap();
    memory.learn(&card_host::keystore::Extent::default(), &[]).unwrap();
    memory.begin().unwrap_err();
    let path = folder.path().join("adopts.sqlite");
    let memory = Memory::create(&path, SCOPE, &Ceilings::DEVELOPMENT, true).unwrap();
    memory.adopt(&[totals(1, 5, 500)]).unwrap();
    let error = memory.admit(totals(1, 5, 501), KEY, NOW).unwrap_err();
    assert!(matches!(error, KeyStoreError::Forbidden(Forbidden::Behind { .. })), "{error}");
    memory.admit(totals(1, 5, 500), KEY, NOW).unwrap();
}
