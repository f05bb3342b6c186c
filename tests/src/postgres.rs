//! A private, real PostgreSQL server: on 127.0.0.1 only, in a temporary directory, with its own password.
//!
//! That directory is in memory (`/dev/shm`) where there is room, since a busy disk takes a minute to sync a whole cluster. What
//! a killed server has handed to the operating system is there either way; who measures takes a disk
//! ([`Postgres::start_in`]).
//!
//! Nothing of the machine's own PostgreSQL is touched but its programs. `initdb` takes seconds, so it runs once a process and
//! each server begins with a copy of what it made. Most tests need no server of their own, but a database in
//! [`Postgres::shared`]; those that kill or stop a server [start](Postgres::start) one.
//!
//! A server ends when it is dropped. Where the test's process dies first, in whatever way, a small shell script ends it and
//! removes its directory: the script reads a pipe from the test's process, and the pipe ends with that process.

// A fixture fails the test that uses it, and with a reason.
#![allow(clippy::panic, clippy::expect_used, reason = "a fixture fails the test that uses it, with a reason")]

mod installation;
pub mod patroni;
mod processes;

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use ::postgres::{Client, Config, NoTls};
use rustix::process::{Pid, Signal, kill_process};

use crate::HANG;
use installation::{Home, INSTALLATION, Installation, directory, succeeded};
use processes::{children, signal, state, wait_for};

/// The superuser within the server.
const USER: &str = "tester";

/// Below the ports that Linux gives out by itself, so that none is taken while a server is down.
const PORTS: std::ops::Range<u16> = 15_000..32_000;
const PORT_TRIES: u32 = 50;

const POLL: Duration = Duration::from_millis(10);

/// What any server here runs with; [`Postgres::start_with`] adds to it or overrides it.
const SETTINGS: [(&str, &str); 9] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("max_connections", "200"),
    ("shared_buffers", "32MB"),
    ("timezone", "UTC"),
    // In the server's own directory, which a killed one leaves nothing outside of.
    ("dynamic_shared_memory_type", "mmap"),
];

/// A running PostgreSQL server. Dropping it ends the server and removes all that it stored.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Child>,
    address: SocketAddr,
    settings: Vec<(String, String)>,
    installation: &'static Installation,
    // Last, so that the directory goes when the server has ended.
    home: Home,
}

impl Postgres {
    /// A server that all tests of this process share, each with a database of its own.
    ///
    /// # Panics
    ///
    /// When it cannot be started, with the reason.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Postgres> = LazyLock::new(|| {
            Postgres::start().unwrap_or_else(|error| panic!("tests with PostgreSQL cannot run here: {error}"))
        });
        &SHARED
    }

    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it cannot be started on this machine, with the reason and what the server said.
    pub fn start() -> io::Result<Self> {
        Self::start_with(&[])
    }

    /// Starts a server with more settings, as in `postgresql.conf`: `("shared_buffers", "256MB")`.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub fn start_with(settings: &[(&str, &str)]) -> io::Result<Self> {
        Self::start_in(&directory(), settings)
    }

    /// Starts a server that stores in a directory within this one, which the user `postgres` must be able to reach.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub fn start_in(directory: &Path, settings: &[(&str, &str)]) -> io::Result<Self> {
        let installation = INSTALLATION.as_ref().map_err(|error| io::Error::other(error.as_str()))?;
        let home = Home::new(directory, &installation.account)?;
        let copy = installation
            .command("cp", home.path())
            .args(["--archive", "--reflink=auto"])
            .args([installation.home.data(), home.data()])
            .output()?;
        succeeded("cp", &copy)?;
        let settings = SETTINGS.iter().chain(settings);
        let settings = settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let address = free_address()?;
        let mut server = Self { process: None, address, settings, installation, home };
        for _ in 0..3 {
            match server.restart() {
                // Somebody else was quicker.
                Err(_) if server.log().contains("Address already in use") => server.address = free_address()?,
                outcome => return outcome.map(|()| server),
            }
        }
        server.restart().map(|()| server)
    }

    /// Starts the server again after [`stop`](Self::stop) or [`kill`](Self::kill), on the same port, and waits until it
    /// answers, which after a crash is when it has recovered.
    ///
    /// # Errors
    ///
    /// When it already runs, or does not come up; with what it said.
    pub fn restart(&mut self) -> io::Result<()> {
        if self.process.is_some() {
            return Err(io::Error::other("the server is already running"));
        }
        let log = File::create(self.log_path())?;
        let mut command = self.installation.command("postgres", self.home.path());
        command.arg("-D").arg(self.home.data()).args(["-p", &self.address.port().to_string()]);
        for (name, value) in &self.settings {
            command.args(["-c", &format!("{name}={value}")]);
        }
        // A group of its own: an interrupt at the terminal is for the test, and the server ends after it.
        let process = command.stdout(log.try_clone()?).stderr(log).process_group(0).spawn()?;
        self.home.note(Some(process.id()))?;
        self.process = Some(process);
        self.wait_until_ready()
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The connection string of a database: `postgresql://user:password@127.0.0.1:port/database`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_at(self.address, database)
    }

    /// The connection string of a database that is reached at another address: through a
    /// [`CutProxy`](crate::cut_proxy::CutProxy).
    #[must_use]
    pub fn url_at(&self, address: SocketAddr, database: &str) -> String {
        format!("postgresql://{USER}:{}@{address}/{database}", self.installation.password)
    }

    /// Makes an empty database and gives its connection string.
    ///
    /// # Errors
    ///
    /// When there is one of that name, or the server does not answer.
    pub fn create_database(&self, name: &str) -> io::Result<String> {
        let statement = format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""));
        self.connect("postgres")?.batch_execute(&statement).map_err(io::Error::other)?;
        Ok(self.url(name))
    }

    /// Connects to a database, directly.
    ///
    /// # Errors
    ///
    /// When that fails.
    pub fn connect(&self, database: &str) -> io::Result<Client> {
        Client::connect(&self.url(database), NoTls).map_err(io::Error::other)
    }

    /// The directory of all that it stores, and of what it says.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.home.path()
    }

    /// The process id of the running server, if it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Ends the server in order: transactions are rolled back, connections are ended, and all is written.
    ///
    /// # Errors
    ///
    /// When it does not run, or does not end well within a minute.
    pub fn stop(&mut self) -> io::Result<()> {
        let status = self.end(Signal::INT)?;
        if status.success() { Ok(()) } else { Err(self.said(&format!("the server ended with {status}"))) }
    }

    /// Ends the server and each process of its connections with SIGKILL, as a crash would. What it had handed to the
    /// operating system stays there, as it does not in a power cut.
    ///
    /// # Errors
    ///
    /// When it does not run, or one of its processes does not end.
    pub fn kill(&mut self) -> io::Result<()> {
        let id = self.process_id().ok_or_else(|| io::Error::other("the server does not run"))?;
        // A server that stands still starts no process that would be missed, sees nothing of the death of those that it has
        // and does not wait for them, so that their ids remain theirs.
        signal(id, Signal::STOP);
        wait_for("the server to stand still", || state(id).is_none_or(|(state, _)| "TZX".contains(state)))?;
        let children = children(id);
        for child in &children {
            signal(*child, Signal::KILL);
        }
        let ended = |child: &u32| state(*child).is_none_or(|(state, _)| "ZX".contains(state));
        wait_for("its connections to end", || children.iter().all(ended))?;
        let status = self.end(Signal::KILL)?;
        if status.signal() == Some(Signal::KILL.as_raw()) {
            return Ok(());
        }
        Err(self.said(&format!("the server ended with {status}")))
    }

    /// What the server has said since it was started last.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("log")
    }

    fn said(&self, what: &str) -> io::Error {
        io::Error::other(format!("{what}; it said:\n{}", self.log()))
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let config: Config = self.url("postgres").parse().map_err(io::Error::other)?;
        let deadline = Instant::now() + HANG;
        loop {
            if let Some(status) = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten())
            {
                self.process = None;
                self.home.note(None)?;
                return Err(self.said(&format!("PostgreSQL ended at once with {status}")));
            }
            match config.clone().connect_timeout(Duration::from_secs(5)).connect(NoTls) {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    return Err(self.said(&format!("PostgreSQL was not ready in {HANG:?} ({error})")));
                }
                Err(_) => thread::sleep(POLL),
            }
        }
    }

    /// Ends the server by a signal: SIGINT in order, SIGQUIT at once, SIGKILL as a crash.
    fn end(&mut self, how: Signal) -> io::Result<ExitStatus> {
        let mut process = self.process.take().ok_or_else(|| io::Error::other("the server does not run"))?;
        // The process is our child and not yet waited for, so the id is still its own.
        let _ = kill_process(Pid::from_child(&process), how);
        let ended = wait_for("the server to end", || !matches!(process.try_wait(), Ok(None)));
        if ended.is_err() {
            let _ = process.kill();
        }
        let status = process.wait();
        self.home.note(None)?;
        ended.and(status).map_err(|error| self.said(&error.to_string()))
    }
}

/// Frees the few bytes of shared memory outside of its directory that a killed server leaves to the one after it.
fn remove_shared_memory(installation: &Installation, home: &Home, data: &Path) {
    let note = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let segment = note.lines().nth(6).and_then(|line| line.split_whitespace().nth(1));
    if let Some(segment) = segment {
        let _ = installation.command("ipcrm", home.path()).args(["-m", segment]).output();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.process.is_some() {
            let _ = self.end(Signal::QUIT);
        }
        remove_shared_memory(self.installation, &self.home, &self.home.data());
    }
}

/// An address on 127.0.0.1 where nobody listens now.
fn free_address() -> io::Result<SocketAddr> {
    for _ in 0..PORT_TRIES {
        let mut random = [0; 2];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let port = PORTS.start + u16::from_ne_bytes(random) % (PORTS.end - PORTS.start);
        if let Ok(probe) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return probe.local_addr();
        }
    }
    Err(io::Error::other("no port of 127.0.0.1 is free"))
}
