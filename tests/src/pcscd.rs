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

use std::ffi::CString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
const FRIENDLY_NAME: &str = "Virtual Test Reader";
const SOCKET: &str = "/run/pcscd/pcscd.comm";
const PID_FILE: &str = "/run/pcscd/pcscd.pid";
const DIRECTORY_PREFIX: &str = "virtual-reader-";

/// The driver's own default; the network namespace keeps it from colliding with anything.
const DRIVER_PORT: u16 = 35963;
/// The driver's release 3.3 has two.
const SLOTS: u16 = 2;

const TURN_LIMIT: Duration = Duration::from_secs(600);
const START_LIMIT: Duration = Duration::from_secs(20);
const END_LIMIT: Duration = Duration::from_secs(10);
const CARD_LIMIT: Duration = Duration::from_secs(20);
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
            .arg("ip link set lo up && exec pcscd --foreground --info --config \"$0\"")
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
    /// When that does not happen within 20 seconds.
    pub fn wait_for_card(&self, present: bool) {
        self.wait_for_card_in(0, present);
    }

    /// Waits until a slot holds a card, or holds none.
    ///
    /// # Panics
    ///
    /// When that does not happen within 20 seconds.
    pub fn wait_for_card_in(&self, slot: u16, present: bool) {
        let name = CString::new(self.slot_reader_name(slot)).expect("no reader's name holds a zero");
        let context = pcsc::Context::establish(pcsc::Scope::System)
            .unwrap_or_else(|error| panic!("pcscd does not answer: {error}\n{}", self.log()));
        let mut states = [pcsc::ReaderState::new(name, pcsc::State::UNAWARE)];
        let deadline = Instant::now() + CARD_LIMIT;
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

    /// Ends pcscd as the system would, with SIGTERM, and waits for its end.
    ///
    /// # Panics
    ///
    /// When it does not run, or does not end within 10 seconds.
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
        let deadline = Instant::now() + END_LIMIT;
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
                    panic!("pcscd did not end within {END_LIMIT:?} ({outcome:?})\n{}", self.log());
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
        let deadline = Instant::now() + START_LIMIT;
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
            assert!(Instant::now() < deadline, "pcscd was not ready in {START_LIMIT:?}\n{}", self.log());
            thread::sleep(POLL);
        }
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = kill_process(Pid::from_child(&process), Signal::TERM);
            let deadline = Instant::now() + END_LIMIT;
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

/// Connects to a port of 127.0.0.1 within the network namespace of a process.
fn dial(process: u32, port: u16) -> io::Result<TcpStream> {
    let namespace = File::open(format!("/proc/{process}/ns/net"))?;
    // A thread of its own goes there; a socket stays in the namespace where it was made, wherever it is used.
    let there = thread::spawn(move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        TcpStream::connect((Ipv4Addr::LOCALHOST, port))
    });
    there.join().unwrap_or_else(|_| Err(io::Error::other("the connecting thread panicked")))
}

/// Listens on 127.0.0.1 for cards and leads one at a time to the driver.
#[derive(Debug)]
struct Relay {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    fn start(address: SocketAddr, process: u32, port: u16) -> Self {
        let listener = TcpListener::bind(address)
            .unwrap_or_else(|error| panic!("{address} was taken by another program meanwhile: {error}"));
        listener.set_nonblocking(true).expect("a listener that does not block");
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !flag.load(Ordering::Acquire) {
                match listener.accept() {
                    Ok((card, _)) => {
                        if let Ok(driver) = dial(process, port) {
                            let _ = relay(card, driver, &flag);
                        }
                    }
                    Err(_) => thread::sleep(POLL),
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Carries bytes both ways, until one side ends or `stop` is set.
fn relay(card: TcpStream, driver: TcpStream, stop: &AtomicBool) -> io::Result<()> {
    for stream in [&card, &driver] {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    }
    thread::scope(|scope| {
        scope.spawn(|| carry(&card, &driver, stop));
        carry(&driver, &card, stop);
    });
    Ok(())
}

/// Carries bytes one way. The end of one side is passed on to the other, which then ends by itself: what is still under way
/// is not cut off, so that a card sees an end and not a broken connection.
fn carry(mut from: &TcpStream, mut to: &TcpStream, stop: &AtomicBool) {
    let mut buffer = vec![0; 0x1_0000];
    while !stop.load(Ordering::Acquire) {
        let _ = rustix::net::sockopt::set_tcp_quickack(from, true);
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                if to.write_all(buffer.get(..count).unwrap_or_default()).is_err() {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Takes the machine's only turn, or panics when nobody gives it up for ten minutes.
fn take_turn() -> File {
    let path = std::env::temp_dir().join("virtual-reader.lock");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .unwrap_or_else(|error| panic!("cannot open {}: {error}", path.display()));
    let deadline = Instant::now() + TURN_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return file,
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => panic!(
                "another test has held the virtual reader for {TURN_LIMIT:?} (pcscd's id is in {})",
                path.display()
            ),
            Err(TryLockError::Error(error)) => panic!("cannot lock {}: {error}", path.display()),
        }
    }
}

fn write_note(turn: &mut File, note: &str) -> io::Result<()> {
    turn.set_len(0)?;
    turn.rewind()?;
    turn.write_all(note.as_bytes())
}

/// Ends the pcscd of a test that was killed before it could do so itself: the one that the lock's file names, provided that
/// it still is that pcscd.
fn end_leftover(turn: &mut File) {
    let mut note = String::new();
    if turn.rewind().and_then(|()| turn.read_to_string(&mut note)).is_err() {
        return;
    }
    let Some((id, directory)) = note.trim_end().split_once(' ') else { return };
    let Some(id) = id.parse().ok().and_then(Pid::from_raw) else { return };
    let directory = Path::new(directory);
    let ours = directory.parent() == Some(&std::env::temp_dir())
        && directory.file_name().is_some_and(|name| name.to_string_lossy().starts_with(DIRECTORY_PREFIX));
    if !ours {
        return;
    }
    let configuration = directory.join("reader.conf.d");
    let path = PathBuf::from(format!("/proc/{}/cmdline", id.as_raw_nonzero()));
    let runs = || {
        let line = fs::read(&path).unwrap_or_default();
        let mut words = line.split(|byte| *byte == 0);
        words.next().is_some_and(|program| program.ends_with(b"pcscd"))
            && words.any(|word| word == configuration.as_os_str().as_encoded_bytes())
    };
    let deadline = Instant::now() + END_LIMIT;
    while runs() {
        let late = Instant::now() > deadline;
        let _ = kill_process(id, if late { Signal::KILL } else { Signal::TERM });
        thread::sleep(POLL);
    }
    remove_dead_socket();
    let _ = fs::remove_dir_all(directory);
}

/// Removes the files of a pcscd that was killed. Only its own turn may call this, so no live one can be ours.
fn remove_dead_socket() {
    if Path::new(SOCKET).exists() && UnixStream::connect(SOCKET).is_err() {
        let _ = fs::remove_file(SOCKET);
        let _ = fs::remove_file(PID_FILE);
    }
}

/// Why tests with the virtual reader cannot run on this machine now, and what to do about it.
#[must_use]
pub fn obstacle() -> Option<String> {
    if let Some(id) = running_pcscd(Path::new("/proc")) {
        return Some(format!(
            "another pcscd is running (process {id}), and a machine has only one. Stop it, for example with \
             `systemctl stop pcscd.socket pcscd.service`."
        ));
    }
    if UnixStream::connect(SOCKET).is_ok() {
        return Some(format!(
            "something listens on {SOCKET}, most likely systemd on behalf of pcscd. Stop it with `systemctl stop \
             pcscd.socket`."
        ));
    }
    if let Some(device) = usb_reader(Path::new("/sys/bus/usb/devices")) {
        return Some(format!(
            "a real card reader is attached (USB interface {device}), and a test must never touch a real card. Detach it."
        ));
    }
    if !Path::new(DRIVER).exists() {
        return Some(format!("{DRIVER} is missing: install the packages pcscd and vsmartcard-vpcd."));
    }
    for (program, package) in [("pcscd", "pcscd"), ("unshare", "util-linux"), ("ip", "iproute2")] {
        if !on_path(program) {
            return Some(format!("the program {program} is missing: install the package {package}."));
        }
    }
    if !rustix::process::geteuid().is_root() {
        return Some(format!(
            "pcscd keeps its socket in {SOCKET} and is shut into a network namespace, which takes root. Run the tests as \
             root, best in a virtual machine."
        ));
    }
    None
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// The id of a process that is pcscd, in a tree like /proc.
fn running_pcscd(processes: &Path) -> Option<u32> {
    entries(processes).into_iter().find_map(|entry| {
        let id = entry.file_name()?.to_str()?.parse().ok()?;
        let name = fs::read_to_string(entry.join("comm")).ok()?;
        // One that has ended but was not waited for holds nothing.
        let state = fs::read_to_string(entry.join("stat")).unwrap_or_default();
        let ended = state.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['Z', 'X']));
        (name.trim_end() == "pcscd" && !ended).then_some(id)
    })
}

/// The name of a USB interface of the class of card readers (0B), in a tree like /sys/bus/usb/devices.
fn usb_reader(devices: &Path) -> Option<String> {
    entries(devices).into_iter().find_map(|entry| {
        let class = fs::read_to_string(entry.join("bInterfaceClass")).ok()?;
        let name = entry.file_name()?.to_string_lossy().into_owned();
        class.trim().eq_ignore_ascii_case("0b").then_some(name)
    })
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("tree-{name}-{}", std::process::id()));
            for (path, content) in files {
                let path = root.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            Self(root)
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_real_reader_is_found() {
        let keyboard = ("1-1:1.0/bInterfaceClass", "03\n");
        let tree =
            Tree::new("usb", &[keyboard, ("1-2/idVendor", "076b\n"), ("1-2:1.0/bInterfaceClass", "0b\n")]);
        assert_eq!(usb_reader(&tree.0).as_deref(), Some("1-2:1.0"));
        let tree = Tree::new("usb-none", &[keyboard]);
        assert_eq!(usb_reader(&tree.0), None);
        assert_eq!(usb_reader(Path::new("/nonexistent")), None, "a machine without USB");
    }

    #[test]
    fn another_pcscd_is_found_unless_it_has_ended() {
        let shell = ("7/comm", "sh\n");
        let tree = Tree::new(
            "proc",
            &[shell, ("self/comm", "x\n"), ("8/comm", "pcscd\n"), ("8/stat", "8 (pcscd) S 1")],
        );
        assert_eq!(running_pcscd(&tree.0), Some(8));
        let tree = Tree::new("proc-ended", &[shell, ("8/comm", "pcscd\n"), ("8/stat", "8 (pcscd) Z 1")]);
        assert_eq!(running_pcscd(&tree.0), None);
    }
}
