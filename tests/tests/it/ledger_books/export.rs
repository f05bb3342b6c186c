//! An export, and another program that believes only the document.

use super::books::Books;
use card_host::card_core::units::{CardTime, Piastres};
use card_ledger::{ExportError, ExportOrder, Manifest, export};
use std::path::Path;
use std::process::Command;
use system_tests::world::who;

fn all(books: &Books) -> ExportOrder {
    let now = books.world.office.now().unwrap();
    ExportOrder { points: Vec::new(), from: CardTime(1), until: CardTime(now.0 + 1), now, bom: false }
}

/// The program in Python: its last line, and whether it was content.
fn verified(folder: &Path, key: &Path) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/verify_export.py");
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin/python");
    let python = if python.exists() { python } else { "python3".into() };
    let output = Command::new(python).arg(script).arg(folder).arg(key).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn another_program_finds_it_right_and_every_change_wrong() {
    let books = Books::busy();
    let world = &books.world;
    let till = who("fawry", "fawry-1", "till;1");
    world
        .office
        .deposit(&till, &world.id(), &"fawry-1".parse().unwrap(), Piastres(5), "=1+1, \"مكتب\"")
        .unwrap();
    let (folder, key) = (books.path("export"), books.path("audit.pub.pem"));
    books.auditor.public().create(&key).unwrap();
    let manifest = export(&*world.ledger, Some(&books.auditor), &all(&books), &folder, &mut |_| {}).unwrap();
    let (right, text) = verified(&folder, &key);
    assert!(right, "{text}");
    let count = world.entries().len();
    assert_eq!(text, format!("{count} entries, signed: right\n"));
    assert_eq!(manifest.points["fawry-1"].last, 5);
    let table = std::fs::read_to_string(folder.join("entries.csv")).unwrap();
    // It does not make numbers of meters.
    assert!(table.contains("\"'0000000000000001\""), "{table}");
    // Why and by whom stand there by reference.
    assert!(!table.contains("1+1") && !table.contains("till;1"), "{table}");
    assert!(matches!(
        export(&*world.ledger, None, &all(&books), &folder, &mut |_| {}),
        Err(ExportError::Exists(_))
    ));

    for name in ["entries.jsonl", "entries.csv", "transfers.csv", "manifest.json", "manifest.sig"] {
        let path = folder.join(name);
        let content = std::fs::read(&path).unwrap();
        let mut changed = content.clone();
        let digit = changed.iter().rposition(u8::is_ascii_digit).unwrap();
        changed[digit] = if changed[digit] == b'7' { b'8' } else { b'7' };
        std::fs::write(&path, changed).unwrap();
        assert!(!verified(&folder, &key).0, "{name}");
        std::fs::write(&path, content).unwrap();
    }
    // A line that was changed, and the hash of the file with it: the entry's own hash finds it.
    let lines = std::fs::read_to_string(folder.join("entries.jsonl")).unwrap();
    let changed = lines.replacen("\"actor\":\"mona\"", "\"actor\":\"lisa\"", 1);
    assert_ne!(changed, lines);
    std::fs::write(folder.join("entries.jsonl"), &changed).unwrap();
    assert!(verified(&folder, &key).1.contains("another hash"));
    assert!(!verified(&folder, &key).0);
}

#[test]
fn a_part_of_it_is_as_whole() {
    let books = Books::busy();
    let world = &books.world;
    books.days(1);
    let from = world.office.now().unwrap();
    for _ in 0..3 {
        world.sell(1, 1_000);
        world.clock.pass(100);
    }
    let key = books.path("audit.pub.pem");
    books.auditor.public().create(&key).unwrap();
    let make = |name: &str, order: ExportOrder| -> Manifest {
        let folder = books.path(name);
        let manifest = export(&*world.ledger, Some(&books.auditor), &order, &folder, &mut |_| {}).unwrap();
        let (right, text) = verified(&folder, &key);
        assert!(right, "{text}");
        manifest
    };
    let today = make("today", ExportOrder { from, ..all(&books) });
    let point = &today.points["fawry-1"];
    assert_eq!((today.points.len(), point.first, point.last), (1, 5, 7));
    let before =
        make("before", ExportOrder { until: from, points: vec!["fawry-1".parse().unwrap()], ..all(&books) });
    assert_eq!(before.points["fawry-1"].head, point.before);
    let none = make("none", ExportOrder { from, until: from, ..all(&books) });
    assert!(none.points.is_empty() && none.accounts.is_empty());
    // An unknown point leaves no folder behind, nor a part of one.
    let order = ExportOrder { points: vec!["nowhere".parse().unwrap()], ..all(&books) };
    assert!(export(&*world.ledger, None, &order, &books.path("bad"), &mut |_| {}).is_err());
    let left: Vec<_> =
        std::fs::read_dir(books.directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("bad")), "{left:?}");
}
