//! Other people's programs: a client that knows only the documented protocol, and a tester that knows only the description of it.

use std::path::{Path, PathBuf};

use system_tests::programs::run;

use crate::served::Served;

fn python(program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin").join(program);
    assert!(path.exists(), "{} is missing: run tests/setup.sh test", path.display());
    path
}

fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_client_in_python() {
    let served = Served::start();
    served.world.customer(7);
    let arguments = [script("channel_client.py"), served.base(), served.fawry.clone(), "fawry-1".to_owned()];
    let arguments = [arguments.to_vec(), vec!["0000000000000007".to_owned()]].concat();
    let said = run(python("python"), &arguments, "").json();
    assert_eq!(said["sold"], 3, "{said}");
    assert_eq!(said["repeated"], 5, "{said}");
    served.world.check();
    let total = served.world.record(7).held.total_credit.0;
    assert_eq!(said["total_credit_piastres"], total);
}

#[test]
fn all_answers_are_as_described() {
    let served = Served::start();
    served.world.customer(7);
    let long = std::env::var("CARD_TESTS").is_ok_and(|value| value == "long");
    let (examples, seed) = if long { ("300", "0") } else { ("15", "17") };
    let directory = tempfile::tempdir().unwrap();
    let arguments = [
        script("conformance.py"),
        served.base(),
        served.fawry.clone(),
        examples.to_owned(),
        seed.to_owned(),
        directory.path().to_str().unwrap().to_owned(),
    ];
    let said = run(python("python"), &arguments, "");
    assert_eq!(said.status, Some(0), "{said}");
    // It has done something: operations and cases are counted.
    let report = said.out.lines().last().unwrap();
    assert!(report.contains("No issues found"), "{said}");
    served.world.check();
}
