//! Cards at ports without pcscd: ten at once with `cardctl`, and with programs of others in Python and Java.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;
use system_tests::programs::{Cardctl, programs, run};
use tempfile::TempDir;

/// `applet-sim serve`, ended when it is dropped.
struct Served {
    process: Child,
    cards: Vec<(String, String)>,
}

impl Served {
    fn start(arguments: &[&str], count: usize) -> Self {
        let mut process = Command::new(&programs().applet_sim)
            .args(["--format", "json", "serve"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().take(count);
        let card = |line: String| -> (String, String) {
            let said: Value = serde_json::from_str(&line).unwrap();
            let text = |name: &str| said[name].as_str().unwrap().to_owned();
            (text("card_id"), text("address"))
        };
        let cards = lines.map(|line| card(line.unwrap())).collect();
        Self { process, cards }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn ten_cards_are_issued_charged_and_read_in_parallel() {
    let served = Served::start(&["--blank", "10"], 10);
    let directory = TempDir::new().unwrap();
    thread::scope(|scope| {
        for (number, (id, address)) in served.cards.iter().enumerate() {
            let data = directory.path().join(number.to_string());
            scope.spawn(move || {
                let cardctl = Cardctl::new(format!("tcp://{address}"), data);
                let meter = (number + 1).to_string();
                let issued = cardctl.json(&["issue", "--meter", &meter, "--account", "7"]);
                assert_eq!(&issued["card"], id.as_str());
                assert_eq!(cardctl.json(&["top-up", "50"])["total_credit"], 5_000);
                assert_eq!(cardctl.json(&["meter", "tap"])["credit"], 5_000);
                let info = cardctl.json(&["info"]);
                assert_eq!((&info["card"], &info["state"]), (&id.as_str().into(), &"active".into()));
            });
        }
    });
}

#[test]
fn a_card_of_an_image_is_there_again_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let image = directory.path().join("my.card");
    let image = image.to_str().unwrap();
    let _ = run(&programs().applet_sim, &["new", "--image", image], "").text();
    let served = Served::start(&["--image", image], 1);
    let (id, address) = served.cards[0].clone();
    let cardctl = Cardctl::new(format!("tcp://{address}"), directory.path().join("data"));
    let issued = cardctl.json(&["issue", "--meter", "1", "--account", "7"]);
    assert_eq!(issued["card"], id.as_str());
    drop(served);
    let said = cardctl.run(&["info"]);
    assert!(said.status == Some(7) && said.err.contains("applet-sim serve"), "{said}");
    let served = Served::start(&["--image", image], 1);
    let cardctl = Cardctl::new(format!("tcp://{}", served.cards[0].1), directory.path().join("data"));
    assert_eq!(cardctl.json(&["info"])["state"], "personalised");
}

#[test]
fn from_python_with_its_standard_library() {
    let served = Served::start(&["--profile", "t1"], 1);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/endpoint.py");
    let said = run("python3", &[script.to_str().unwrap(), &served.cards[0].1], "").json();
    let answers = said["http"].as_array().unwrap();
    assert_eq!(said["tcp"].as_array(), Some(answers));
    assert!(answers.iter().all(|answer| answer.as_str().unwrap().ends_with("9000")), "{said}");
    assert_eq!((&said["gone"], &said["state"]["powered"]), (&true.into(), &true.into()));
    assert_eq!(said["state"]["atr"], said["atr"]);
}

#[test]
fn from_java_with_the_jdk() {
    let served = Served::start(&["--profile", "t1"], 1);
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/Endpoint.java");
    let said = run("java", &[host.to_str().unwrap(), &served.cards[0].1], "");
    let lines: Vec<&str> = said.text().lines().collect();
    let [select, status, atr, select_again, status_again, gone, state] = lines.as_slice() else {
        panic!("{said}")
    };
    assert!(select.ends_with("9000") && status.ends_with("9000") && atr.starts_with("3B"), "{said}");
    assert_eq!((select, status), (select_again, status_again));
    assert_eq!(*gone, "gone");
    assert!(state.contains("\"inserted\":true"), "{said}");
}
