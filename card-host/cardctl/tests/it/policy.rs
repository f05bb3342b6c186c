//! What a desk asks for: on the command line, and at `serve --desk`.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::run::{cardctl, json};

const NUMBER: &str = "29001011234567";
const EGYPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/egypt.toml");

/// With the national ID on standard input.
fn shown(data: &Path, number: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardctl"));
    command.args(["--format", "json", "--data"]).arg(data).args(arguments);
    command.args(["--national-id", "-", "--valid-until", "2099-01-31"]);
    let mut program =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    program.stdin.take().unwrap().write_all(number.as_bytes()).unwrap();
    program.wait_with_output().unwrap()
}

fn refused(output: &Output) -> (String, String) {
    assert!(!output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains(NUMBER), "{said}");
    let said: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    (said["code"].as_str().unwrap().to_owned(), said["request"].as_str().unwrap_or_default().to_owned())
}

fn done(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!String::from_utf8_lossy(&output.stdout).contains(NUMBER));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_card_is_issued_and_replaced_by_the_example_of_egypt() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    // Nothing is asked for before a policy is entered.
    json(data, &["issue", "--meter", "1", "--account", "7"]);
    assert_eq!(json(data, &["policy", "show"])["policy"], Value::Null);
    let example = cardctl(data, &["policy", "example"]);
    let example: Value = serde_json::from_slice(&example.stdout).unwrap();
    assert_eq!(example["toml"].as_str().unwrap(), std::fs::read_to_string(EGYPT).unwrap());
    let entered = json(data, &["--request", "rules", "policy", "set", EGYPT]);
    assert_eq!(json(data, &["--request", "rules", "policy", "set", EGYPT]), entered, "once");
    let held = json(data, &["policy", "show"]);
    assert_eq!(held["version"], entered["version"]);
    assert_eq!(held["policy"]["steps"]["replace-lost"]["fee"]["amount"], 3_000);
    assert_eq!(json(data, &["policy", "show", "--version", "1"])["policy"], Value::Null);

    let replace = ["replace", "--meter", "1", "--reason", "lost", "--request", "lost-1"];
    let with = |more: &[&'static str]| [&replace[..], more].concat();
    assert_eq!(refused(&cardctl(data, &replace)).0, "document-missing");
    let police = ["--shown-meter", "1", "--police-report", "1234/2026"];
    assert_eq!(refused(&shown(data, "29013011234567", &with(&police))).0, "bad-national-id");
    assert_eq!(refused(&shown(data, NUMBER, &with(&["--shown-meter", "1"]))).0, "document-missing");
    let other = ["--shown-meter", "2", "--police-report", "1234/2026"];
    assert_eq!(refused(&shown(data, NUMBER, &with(&other))).0, "not-this-meter");
    let replaced = done(&shown(data, NUMBER, &with(&police)));
    assert_eq!((&replaced["generation"], &replaced["fee"]["amount"]), (&2.into(), &3_000.into()));
    assert_eq!(
        (&replaced["fee"]["paid"], &replaced["fee"]["step"]),
        (&"cash".into(), &"replace-lost".into())
    );
    // The same again takes no second fee, and asks for nothing.
    assert_eq!(json(data, &replace)["fee"], replaced["fee"]);
    let slip = directory.path().join("slip.html");
    json(data, &["--language", "ar", "slip", "lost-1", "--out", slip.to_str().unwrap()]);
    let page = std::fs::read_to_string(&slip).unwrap();
    assert!(page.contains("رسم بدل فاقد") && page.contains("30.00"), "{page}");

    let accounts = Command::new(env!("CARGO_BIN_EXE_cardctl"))
        .args(["--format", "json", "--data"])
        .arg(data)
        .args(["policy", "accounts", "--national-id"])
        .arg({
            let file = directory.path().join("id");
            std::fs::write(&file, format!("{NUMBER}\n")).unwrap();
            file
        })
        .output()
        .unwrap();
    assert_eq!(done(&accounts)["accounts"], serde_json::json!(["7"]));
    let back = json(data, &["ledger", "refund", "lost-1", "--reason", "it was ours"]);
    assert_eq!((&back["amount"], &back["receipt"]), (&3_000.into(), &replaced["fee"]["receipt"]));
    assert!(cardctl(data, &["audit", "key"]).status.success());
    // It ends as done where it finds nothing.
    json(data, &["audit", "verify"]);

    // The number is in no file of the data directory.
    for file in std::fs::read_dir(data).unwrap() {
        let file = file.unwrap().path();
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let found = bytes.windows(NUMBER.len()).any(|part| part == NUMBER.as_bytes());
        assert!(!found, "{}", file.display());
    }
}

struct Desk {
    program: Child,
    host: String,
    cookie: String,
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Desk {
    fn open(data: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cardctl"));
        command.args(["--format", "json", "--data"]).arg(data).args([
            "serve",
            "--desk",
            "--listen",
            "127.0.0.1:0",
        ]);
        let mut program = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let url = said["url"].as_str().unwrap().strip_prefix("http://").unwrap();
        let (host, path) = url.split_once('/').unwrap();
        let mut desk = Self { program, host: host.to_owned(), cookie: String::new() };
        let begun = desk.ask(&format!("GET /{path} HTTP/1.1"), "");
        let cookie = begun.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        desk.cookie = cookie.split(';').next().unwrap().to_owned();
        desk
    }

    fn ask(&self, first: &str, body: &str) -> String {
        let Self { host, cookie, .. } = self;
        let mut stream = TcpStream::connect(host).unwrap();
        let kind = "application/x-www-form-urlencoded";
        write!(
            stream,
            "{first}\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {cookie}\r\nConnection: close\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn page(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1"), "")
    }

    /// Fills a form in, and gives the page that says what became of it.
    fn act(&self, what: &str, id: &str, fields: &str) -> String {
        let answer = self.ask(&format!("POST /en/do/{what} HTTP/1.1"), &format!("request={id}&{fields}"));
        if answer.contains("422 ") {
            return answer;
        }
        assert!(answer.contains("303 "), "{answer}");
        self.page(&format!("/en/done/{id}"))
    }
}

#[test]
fn the_desk_asks_for_documents_where_the_policy_does() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    json(data, &["issue", "--meter", "1", "--account", "7"]);
    assert!(!Desk::open(data).page("/en/").contains("national_id"), "without a policy");
    json(data, &["policy", "set", EGYPT]);
    let desk = Desk::open(data);
    let (english, arabic) = (desk.page("/en/"), desk.page("/ar/"));
    for name in ["national_id", "valid_until", "shown", "police_report"] {
        assert!(english.contains(&format!("name=\"{name}\"")), "{name}: {english}");
    }
    assert!(english.contains("a fee of 30.00 EGP in cash"), "{english}");
    assert!(arabic.contains("بطاقة رقم قومي سارية") && arabic.contains("بدل فاقد"), "{arabic}");

    let page = desk.act("block", "b-1", "meter=1&reason=lost");
    assert!(page.contains("number of the meter, or a recent receipt"), "{page}");
    // What is shown with the next form goes on under the same id.
    let page = desk.act("block", "b-1", "meter=1&reason=lost&shown=%D9%A1");
    assert!(page.contains("is blocked"), "{page}");
    let page = desk.act("replace", "r-1", "meter=1&account=7&reason=lost&shown=1&national_id=1234");
    assert!(page.contains("a national ID has 14 digits"), "{page}");
    let fields = format!(
        "meter=1&account=7&reason=lost&shown=1&national_id={NUMBER}&valid_until=2099-01-31&police_report=7"
    );
    let page = desk.act("replace", "r-1", &fields);
    assert!(page.contains("The new card is made") && !page.contains(NUMBER), "{page}");
    drop(desk);
    let standing = json(data, &["slip", "r-1", "--out", directory.path().join("s.html").to_str().unwrap()]);
    assert!(standing.is_object());
    let page = std::fs::read_to_string(directory.path().join("s.html")).unwrap();
    assert!(page.contains("30.00") && page.contains("paid in cash"), "{page}");
}
