//! The real programs as processes: `cardctl`, and `applet-sim` with a card in the virtual reader.

// A fixture fails the test that uses it, and with a reason.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a fixture fails the test that uses it, with a reason and what came before"
)]

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::HANG;
use crate::pcscd::Pcscd;

/// A program that runs for so many seconds hangs.
const LIMIT: &str = "600";
const POLL: Duration = Duration::from_millis(10);

/// Where the built programs are.
#[derive(Debug)]
pub struct Programs {
    /// The host's program.
    pub cardctl: PathBuf,
    /// The card simulator.
    pub applet_sim: PathBuf,
}

/// The programs: those in the folder `CARD_PROGRAMS`, which whoever set that has just built; or else optimised where these tests
/// are, made once a process from what is there now, so that none is ever an old one.
///
/// # Panics
///
/// When they cannot be built.
#[must_use]
pub fn programs() -> &'static Programs {
    static BUILT: OnceLock<Programs> = OnceLock::new();
    BUILT.get_or_init(|| match std::env::var_os("CARD_PROGRAMS") {
        Some(folder) => {
            let path = |name: &str| Path::new(&folder).join(name);
            Programs { cardctl: path("cardctl"), applet_sim: path("applet-sim") }
        }
        None => build(!cfg!(debug_assertions)),
    })
}

fn build(release: bool) -> Programs {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(workspace).args(["build", "--workspace", "--all-features", "--bins"]);
    command.arg("--message-format=json-render-diagnostics");
    if release {
        command.arg("--release");
    }
    let output = command.stdin(Stdio::null()).output().expect("cargo runs");
    assert!(
        output.status.success(),
        "the programs cannot be built: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let messages: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    let path = |name: &str| {
        let made = messages.iter().find(|message| {
            message.pointer("/target/name") == Some(&name.into())
                && message.get("executable").is_some_and(Value::is_string)
        });
        let path = made.and_then(|message| message.get("executable")).and_then(Value::as_str);
        PathBuf::from(path.unwrap_or_else(|| panic!("cargo has not built {name}")))
    };
    Programs { cardctl: path("cardctl"), applet_sim: path("applet-sim") }
}

/// What a program said, and how it ended.
#[derive(Debug, Clone)]
pub struct Said {
    /// The command line.
    pub line: String,
    /// Its exit status; `None` after a signal, 124 where it took too long.
    pub status: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// The one JSON object that it printed on one line, after success.
    ///
    /// # Panics
    ///
    /// When it printed anything else, or failed.
    #[must_use]
    pub fn json(&self) -> Value {
        assert_eq!(self.status, Some(0), "{self}");
        assert_eq!(self.out.lines().count(), 1, "one line: {self}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Standard output after success.
    ///
    /// # Panics
    ///
    /// When it failed.
    #[must_use]
    pub fn text(&self) -> &str {
        assert_eq!(self.status, Some(0), "{self}");
        &self.out
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "$ {} -> {:?}\n{}{}", self.line, self.status, self.out, self.err)
    }
}

impl Said {
    /// Whether it ended with an error, whichever: nothing was done, or not all of it, or that is not known.
    pub fn failed(&self) -> bool {
        matches!(self.status, Some(1 | 5..=9))
    }
}

/// Runs a program with an input until it ends, ten minutes at most, and prints what came of it.
///
/// # Panics
///
/// When it cannot be started.
pub fn run<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: &[A], input: &str) -> Said {
    let program = program.as_ref();
    let mut line = Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned();
    for argument in arguments {
        line = format!("{line} {}", argument.as_ref().to_string_lossy());
    }
    let mut process = Command::new("timeout")
        .arg(LIMIT)
        .arg(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("timeout (package coreutils) starts programs");
    // One that does not read its input is none the worse.
    let _ = process.stdin.take().expect("its input").write_all(input.as_bytes());
    let output = process.wait_with_output().expect("its end");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said =
        Said { line, status: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) };
    println!("{said}");
    said
}

/// `cardctl` with a reader and a data directory.
#[derive(Debug, Clone)]
pub struct Cardctl {
    /// What `--reader` says.
    pub reader: String,
    /// What `--data` says.
    pub data: PathBuf,
}

impl Cardctl {
    /// With this reader and this data directory.
    #[must_use]
    pub fn new(reader: impl Into<String>, data: impl Into<PathBuf>) -> Self {
        Self { reader: reader.into(), data: data.into() }
    }

    /// Runs it.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let data = self.data.to_str().expect("a directory with a plain name");
        run(&programs().cardctl, &[&["--reader", &self.reader, "--data", data], arguments].concat(), "")
    }

    /// Runs it for programs, and gives its JSON object.
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[&["--format", "json"], arguments].concat()).json()
    }

    /// Does what takes two people under this id: one asks for it, another one approves, and the same again gives its JSON object.
    ///
    /// # Panics
    ///
    /// Where the first one is not told that it takes two.
    pub fn two(&self, id: &str, arguments: &[&str]) -> Value {
        let whole = [&["--request", id], arguments].concat();
        let said = self.run(&whole);
        assert!(said.status == Some(9) && said.err.contains("takes two people"), "{said}");
        let _ = self.json(&["--actor", "second", "ledger", "approve", id]);
        self.json(&whole)
    }
}

/// `applet-sim run` with a card in a slot of the virtual reader. Dropping it ends the process.
#[derive(Debug)]
pub struct CardProcess {
    process: Child,
    out: BufReader<ChildStdout>,
    err: ChildStderr,
}

impl CardProcess {
    /// Starts it, and waits until it says that it is in and the reader sees it in its first slot.
    ///
    /// # Panics
    ///
    /// When that does not happen.
    #[must_use]
    pub fn insert(pcscd: &Pcscd, image: &Path, profile: &str) -> Self {
        pcscd.wait_for_card(false);
        let inserted = Self::start(&programs().applet_sim, &[], pcscd.vpcd_address(), image, profile);
        pcscd.wait_for_card(true);
        inserted
    }

    /// Starts a simulator, perhaps through another program, and waits until it says that it is connected to a reader's slot.
    ///
    /// # Panics
    ///
    /// When it says otherwise.
    #[must_use]
    pub fn start(
        program: &Path,
        through: &[String],
        address: SocketAddr,
        image: &Path,
        profile: &str,
    ) -> Self {
        let mut words = through.iter().map(AsRef::as_ref).chain([program.as_os_str()]);
        let mut process = Command::new(words.next().expect("a program"))
            .args(words)
            .args(["run", "--vpcd", &address.to_string(), "--profile", profile, "--image"])
            .arg(image)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("applet-sim starts");
        let out = BufReader::new(process.stdout.take().expect("its output"));
        let err = process.stderr.take().expect("its standard error");
        let mut inserted = Self { process, out, err };
        let mut line = String::new();
        let read = inserted.out.read_line(&mut line);
        if line != format!("card in the virtual reader at {address}; end with Ctrl-C\n") {
            let status = inserted.end(Signal::KILL);
            panic!("applet-sim said {line:?} ({read:?}), {status}\n{}", inserted.rest().1);
        }
        inserted
    }

    /// The id of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it with SIGTERM, as its user would, and checks that it ends well and has said nothing more.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn take_out(mut self) {
        let status = self.end(Signal::TERM);
        let (out, err) = self.rest();
        assert!(
            status.success() && out.is_empty() && err.is_empty(),
            "applet-sim ended with {status}:\n{out}{err}"
        );
    }

    /// Ends it with SIGKILL: in the middle of whatever it does.
    pub fn kill(mut self) {
        self.end(Signal::KILL);
    }

    /// Waits for its end by itself, and gives its exit status and what it said on standard error.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let status = self.wait();
        (status.code(), self.rest().1)
    }

    fn end(&mut self, signal: Signal) -> ExitStatus {
        // The process is our child and not yet waited for, so the id is still its own.
        let _ = kill_process(Pid::from_child(&self.process), signal);
        self.wait()
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + HANG;
        loop {
            match self.process.try_wait() {
                Ok(Some(status)) => return status,
                Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
                outcome => {
                    let _ = self.process.kill();
                    let _ = self.process.wait();
                    panic!("applet-sim did not end within {HANG:?} ({outcome:?})");
                }
            }
        }
    }

    /// What it has said since, after its end.
    fn rest(&mut self) -> (String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        let _ = self.out.read_to_string(&mut out);
        let _ = self.err.read_to_string(&mut err);
        (out, err)
    }
}

impl Drop for CardProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `cardctl serve` on a free port, ended when it is dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    /// Where it listens.
    pub address: String,
}

impl Server {
    /// Starts it, by this command without `serve`, which answers in JSON.
    ///
    /// # Panics
    ///
    /// When it does not say where it listens.
    #[must_use]
    pub fn start(mut cardctl: Command) -> Self {
        let mut process = cardctl
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("cardctl starts");
        let mut line = String::new();
        let said = process.stdout.take().expect("its standard output");
        BufReader::new(said).read_line(&mut line).expect("a line of text");
        let said: Value = serde_json::from_str(&line).expect("JSON");
        Self {
            process,
            address: said.get("listening").and_then(Value::as_str).expect("an address").to_owned(),
        }
    }

    /// Ends it as a crash does.
    ///
    /// # Panics
    ///
    /// When it cannot be ended.
    pub fn kill(&mut self) {
        self.process.kill().expect("a process that can be ended");
        self.process.wait().expect("its end");
    }

    /// Ends it as the system does, and gives its status.
    ///
    /// # Panics
    ///
    /// When it cannot be ended.
    #[must_use]
    pub fn stop(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.process), Signal::TERM).expect("a process that can be ended");
        self.process.wait().expect("its end").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
