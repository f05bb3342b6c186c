//! A private, real pcscd with a virtual reader, for tests that go the whole way through PC/SC.
//!
//! There is one pcscd on a machine: its socket has a fixed path, `/run/pcscd/pcscd.comm`. Tests therefore take turns by a
//! lock on a file, also between processes, and need root. Nothing is ever skipped: where a test cannot run, [`Pcscd::start`]
//! panics and says why, for example because the system's own pcscd runs or because a real reader is attached.
//!
//! The driver (vpcd) listens on all interfaces and cannot be told otherwise (see `applet_sim::vpcd`). Here it does so
//! within a network namespace of its own that holds nothing but a loopback interface. A relay on 127.0.0.1 leads to it.
//! Clients of PC/SC see no difference, because they reach pcscd by a path.

// A fixture fails the test that uses it, and with a reason.
#![allow(clippy::panic, clippy::expect_used, reason = "a fixture fails the test that uses it, with a reason")]

mod obstacle;
mod relay;
mod turn;

pub use obstacle::obstacle;

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::HANG;
use relay::{Relay, dial};
use turn::{end_leftover, remove_dead_socket, take_turn, write_note};

const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
const FRIENDLY_NAME: &str = "Virtual Test Reader";
const SOCKET: &str = "/run/pcscd/pcscd.comm";
const DIRECTORY_PREFIX: &str = "virtual-reader-";

/// The driver's own default; the network namespace keeps it from colliding with anything.
const DRIVER_PORT: u16 = 35963;
/// The driver's release 3.3 has two.
const SLOTS: u16 = 2;

/// Who was asked to end and has not after so long is killed.
const GRACE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// A running pcscd whose only reader is a virtual one. Dropping it ends the process and removes what it left.
#[derive(Debug)]
pub struct Pcscd {
    process: Option<Child>,
    relays: Vec<Relay>,
    /// Where each slot's relay listens; the same across restarts.
    addresses: Vec<SocketAddr>,
    directory: PathBuf,
    // Last, so that the next in turn starts only when everything above is gone.
    turn: File,
}

impl Pcscd {
    /// Waits for its turn, starts pcscd and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When the tests cannot run on this machine as it is, with the reason and what to do.
    #[must_use]
    pub fn start() -> Self {
        let mut turn = take_turn();
        end_leftover(&mut turn);
        if let Some(reason) = obstacle() {
            panic!("tests with the virtual reader cannot run here: {reason}");
        }
        let directory = std::env::temp_dir().join(format!("{DIRECTORY_PREFIX}{}", std::process::id()));
        let configuration = directory.join("reader.conf.d");
        fs::create_dir_all(&configuration).expect("a directory for pcscd's configuration");
        fs::write(
            configuration.join("vpcd"),
            format!(
                "FRIENDLYNAME \"{FRIENDLY_NAME}\"\nDEVICENAME /dev/null:{DRIVER_PORT}\nLIBPATH {DRIVER}\n\
                 CHANNELID {DRIVER_PORT}\n"
            ),
        )
        .expect("pcscd's configuration");
        let addresses = (0..SLOTS).map(|_| free_address()).collect();
        let mut pcscd = Self { process: None, relays: Vec::new(), addresses, directory, turn };
        pcscd.restart();
        pcscd
    }

    /// Starts pcscd again after [`stop`](Self::stop) or [`kill`](Self::kill), with the same reader and addresses.
    ///
    /// # Panics
    ///
    /// When it already runs or does not become ready.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "pcscd is already running");
        let log = File::create(self.log_path()).expect("a file for pcscd's messages");
        let process = Command::new("unshare")
            .args(["--net", "--", "sh", "-c"])
            // Each program replaces the one before, so that the process keeps its id.
            .arg("ip link set lo up && exec pcscd --foreground --debug --config \"$0\"")
            .arg(self.directory.join("reader.conf.d"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("pcscd's standard error"))
            .stderr(log)
            .spawn()
            .expect("unshare (package util-linux) starts pcscd");
        let id = process.id();
        self.process = Some(process);
        self.note_owner(id);
        self.wait_until_ready();
        for (slot, address) in (0..).zip(&self.addresses) {
            self.relays.push(Relay::start(*address, id, DRIVER_PORT + slot));
        }
    }

    /// Where a card connects to be in the first slot: on 127.0.0.1, and refused while pcscd is stopped.
    #[must_use]
    pub fn vpcd_address(&self) -> SocketAddr {
        self.slot_address(0)
    }

    /// Where a card connects to be in a slot: 0 or 1.
    ///
    /// # Panics
    ///
    /// When there is no such slot.
    #[must_use]
    pub fn slot_address(&self, slot: u16) -> SocketAddr {
        *self.addresses.get(usize::from(slot)).expect("the virtual reader has the slots 0 and 1")
    }

    /// What PC/SC calls the first slot.
    #[must_use]
    pub fn reader_name(&self) -> String {
        self.slot_reader_name(0)
    }

    /// What PC/SC calls a slot: 0 or 1.
    #[must_use]
    pub fn slot_reader_name(&self, slot: u16) -> String {
        format!("{FRIENDLY_NAME} 00 {slot:02}")
    }

    /// The id of the running pcscd, if it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// A connection of the driver itself, past the relay: for measurements. It fills a slot, 0 or 1.
    ///
    /// # Errors
    ///
    /// When the driver does not accept it.
    ///
    /// # Panics
    ///
    /// When pcscd is stopped.
    pub fn connect_directly(&self, slot: u16) -> io::Result<TcpStream> {
        dial(self.process_id().expect("pcscd runs"), DRIVER_PORT + slot)
    }

    /// Waits until the first slot holds a card, or holds none, as pcscd last saw it, which polls every 400 ms. Who changes
    /// one card for another waits in between until the first has left; otherwise it may be the one that is seen.
    ///
    /// # Panics
    ///
    /// When that does not happen within ten minutes.
    pub fn wait_for_card(&self, present: bool) {
        self.wait_for_card_in(0, present);
    }

    /// Waits until a slot holds a card, or holds none.
    ///
    /// # Panics
    ///
    /// When that does not happen within ten minutes.
    pub fn wait_for_card_in(&self, slot: u16, present: bool) {
        let name = CString::new(self.slot_reader_name(slot)).expect("no reader's name holds a zero");
        let context = pcsc::Context::establish(pcsc::Scope::System)
            .unwrap_or_else(|error| panic!("pcscd does not answer: {error}\n{}", self.log()));
        let mut states = [pcsc::ReaderState::new(name, pcsc::State::UNAWARE)];
        let deadline = Instant::now() + HANG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match context.get_status_change(left, &mut states) {
                Ok(()) => {}
                Err(error) => panic!("the card is not {}: {error}\n{}", in_or_out(present), self.log()),
            }
            for state in &mut states {
                // Mute: inserted, but not yet powered. The count is of insertions and removals that pcscd's polling noticed:
                // where the reset of a card that is gone has failed, the state is "empty" before that, and another card that
                // came before it would never be noticed.
                let seen = state.event_state();
                let noticed = (state.event_count() % 2 == 1) == present;
                if noticed
                    && seen.contains(pcsc::State::PRESENT) == present
                    && !seen.contains(pcsc::State::MUTE)
                {
                    return;
                }
                state.sync_current_state();
            }
        }
    }

    /// Whether a program waits in the service for a change of its readers.
    #[must_use]
    pub fn is_waited_on(&self) -> bool {
        self.log().contains("WAIT_READER_STATE_CHANGE")
    }

    /// Ends pcscd as the system would, with SIGTERM, and waits for its end.
    ///
    /// # Panics
    ///
    /// When it does not run, or does not end within ten minutes.
    pub fn stop(&mut self) {
        let status = self.end(Signal::TERM);
        assert!(status.success(), "pcscd ended with {status}\n{}", self.log());
    }

    /// Ends pcscd at once, with SIGKILL; its socket's file stays, dead.
    ///
    /// # Panics
    ///
    /// When it does not run.
    pub fn kill(&mut self) {
        let status = self.end(Signal::KILL);
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "pcscd ended with {status}\n{}", self.log());
    }

    /// What pcscd has said since it was started last.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.directory.join("log")
    }

    fn end(&mut self, signal: Signal) -> ExitStatus {
        let mut process = self.process.take().expect("pcscd runs");
        // The process is our child and not yet waited for, so the id is still its own.
        let _ = kill_process(Pid::from_child(&process), signal);
        let deadline = Instant::now() + HANG;
        loop {
            match process.try_wait() {
                Ok(Some(status)) => {
                    self.relays.clear();
                    return status;
                }
                Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
                outcome => {
                    let _ = process.kill();
                    let _ = process.wait();
                    panic!("pcscd did not end within {HANG:?} ({outcome:?})\n{}", self.log());
                }
            }
        }
    }

    /// Notes in the lock's file what runs, so that the next in turn can end it if this process dies without doing so.
    fn note_owner(&mut self, id: u32) {
        let note = format!("{id} {}\n", self.directory.display());
        write_note(&mut self.turn, &note).expect("a note in the lock's file");
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + HANG;
        let expected: Vec<String> = (0..SLOTS).map(|slot| self.slot_reader_name(slot)).collect();
        loop {
            let ended = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten());
            if let Some(status) = ended {
                self.process = None;
                panic!("pcscd ended at once with {status}\n{}", self.log());
            }
            let readers = readers();
            if let Some(other) = readers.iter().find(|name| !expected.contains(name)) {
                panic!("a reader that is not virtual is attached: {other}. Detach it to run these tests.");
            }
            if expected.iter().all(|name| readers.contains(name)) {
                return;
            }
            assert!(Instant::now() < deadline, "pcscd was not ready in {HANG:?}\n{}", self.log());
            thread::sleep(POLL);
        }
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = kill_process(Pid::from_child(&process), Signal::TERM);
            let deadline = Instant::now() + GRACE;
            while matches!(process.try_wait(), Ok(None)) {
                if Instant::now() > deadline {
                    let _ = process.kill();
                    let _ = process.wait();
                    break;
                }
                thread::sleep(POLL);
            }
        }
        self.relays.clear();
        remove_dead_socket();
        let _ = fs::remove_dir_all(&self.directory);
        let _ = write_note(&mut self.turn, "");
    }
}

fn in_or_out(present: bool) -> &'static str {
    if present { "seen in the reader" } else { "seen to leave the reader" }
}

/// The readers that pcscd lists; none while it does not answer.
fn readers() -> Vec<String> {
    let Ok(context) = pcsc::Context::establish(pcsc::Scope::System) else { return Vec::new() };
    let Ok(names) = context.list_readers_owned() else { return Vec::new() };
    names.iter().map(|name| name.to_string_lossy().into_owned()).collect()
}

/// An address on 127.0.0.1 where nobody listens now.
fn free_address() -> SocketAddr {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on 127.0.0.1");
    probe.local_addr().expect("its address")
}
