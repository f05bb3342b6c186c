//! A relay in front of PostgreSQL that cuts a client's connection at its commit: before the server learns of it, or after the
//! server has done it and before the client learns of that.
//!
//! It understands of PostgreSQL's protocol what this needs: where messages begin and end, which statement each runs, and when
//! the server is ready for the next. What is encrypted it carries without understanding, and never cuts.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(5);
/// A message that says to be longer is none: the stream is not what it should be.
const LONGEST: usize = 0x1000_0000;
/// The codes that stand in place of a protocol version in a first message.
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The server never gets the statement, and rolls the transaction back.
    BeforeCommit,
    /// The server has run the statement and has answered; the client never gets the answer.
    AfterCommit,
}

#[derive(Debug)]
struct Plan {
    cut: Cut,
    /// Statements run until one is cut.
    every: u64,
    left: u64,
    once: bool,
    statement: String,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    stop: AtomicBool,
    refuse: AtomicBool,
    delay: Mutex<Duration>,
    plan: Mutex<Option<Plan>>,
    commits: AtomicU64,
    cuts: AtomicU64,
    /// Both ends of each connection.
    open: Mutex<HashMap<u64, [TcpStream; 2]>>,
}

/// A relay on 127.0.0.1. Dropping it cuts all of its connections.
#[derive(Debug)]
pub struct CutProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

impl CutProxy {
    /// Starts a relay to a server, on a port of its own. It passes everything until told otherwise.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            stop: AtomicBool::new(false),
            refuse: AtomicBool::new(false),
            delay: Mutex::new(Duration::ZERO),
            plan: Mutex::new(None),
            commits: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            open: Mutex::new(HashMap::new()),
        });
        let theirs = Arc::clone(&shared);
        let listener = thread::spawn(move || accept(&listener, &theirs));
        Ok(Self { address, shared, listener: Some(listener) })
    }

    /// Where clients connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the connection of the next client that commits, once.
    pub fn arm(&self, cut: Cut) {
        self.arm_at("COMMIT", cut);
    }

    /// Cuts the connection of every `n`-th commit, of all clients together, until [`disarm`](Self::disarm).
    pub fn arm_every(&self, cut: Cut, n: u64) {
        let every = n.max(1);
        *lock(&self.shared.plan) =
            Some(Plan { cut, every, left: every, once: false, statement: "COMMIT".into() });
    }

    /// Cuts at the next statement that begins with these words, once: one that commits by itself, for example.
    pub fn arm_at(&self, statement: &str, cut: Cut) {
        let statement = statement.to_ascii_uppercase();
        *lock(&self.shared.plan) = Some(Plan { cut, every: 1, left: 1, once: true, statement });
    }

    /// Cuts no more.
    pub fn disarm(&self) {
        *lock(&self.shared.plan) = None;
    }

    /// How many commits clients have sent, cut or not.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::SeqCst)
    }

    /// How many connections were cut at a commit.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::SeqCst)
    }

    /// Whether new connections are closed at once. Those that are open remain; see [`cut_all`](Self::cut_all).
    pub fn refuse(&self, refuse: bool) {
        self.shared.refuse.store(refuse, Ordering::SeqCst);
    }

    /// Holds each message of a client back for so long. A very long time is a network that loses everything and says nothing;
    /// a shorter one later also holds for the messages that wait.
    pub fn delay(&self, delay: Duration) {
        *lock(&self.shared.delay) = delay;
    }

    /// Cuts all open connections now, wherever they are.
    pub fn cut_all(&self) {
        for ends in lock(&self.shared.open).values() {
            close(ends.each_ref());
        }
    }
}

impl Drop for CutProxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        self.cut_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn close(ends: [&TcpStream; 2]) {
    for end in ends {
        let _ = end.shutdown(Shutdown::Both);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for number in 0.. {
        let client = listener.accept();
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok((client, _)) = client else {
            thread::sleep(POLL);
            continue;
        };
        if shared.refuse.load(Ordering::SeqCst) {
            continue;
        }
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let _ = serve(number, client, &shared);
            if let Some(ends) = lock(&shared.open).remove(&number) {
                close(ends.each_ref());
            }
        });
    }
}

/// Carries one connection until it ends or is cut.
fn serve(number: u64, client: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let server = TcpStream::connect(shared.server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    lock(&shared.open).insert(number, [client.try_clone()?, server.try_clone()?]);
    // One that came as the relay ended: nobody else would close it.
    if shared.stop.load(Ordering::SeqCst) {
        return Ok(());
    }
    let Some(first) = begin(&client, &server)? else { return Ok(()) };
    let progress = Mutex::new(Progress { asked: 1, answered: 0, hold: None });
    thread::scope(|scope| {
        let ends = [&client, &server];
        let progress = &progress;
        scope.spawn(move || {
            let [client, server] = ends;
            let _ = answers(server, client, progress, shared);
            close(ends);
        });
        let _ = (&server).write_all(&first).and_then(|()| requests(&client, &server, progress, shared));
        // What the server still says, to one that said goodbye for example, is let through.
        let held = lock(progress).hold.is_some();
        if !held {
            let _ = server.shutdown(Shutdown::Write);
        }
    });
    Ok(())
}

/// Carries what comes before the protocol proper. Gives the first message of that, which is not yet forwarded; none where
/// there is nothing for us to understand.
fn begin(mut client: &TcpStream, mut server: &TcpStream) -> io::Result<Option<Vec<u8>>> {
    loop {
        let message = read_message(&mut client, None)?;
        let code = message.get(4..8).and_then(|code| code.try_into().ok()).map_or(0, u32::from_be_bytes);
        match code {
            SSL_REQUEST | GSS_REQUEST => {
                server.write_all(&message)?;
                let mut answer = [0];
                server.read_exact(&mut answer)?;
                client.write_all(&answer)?;
                if answer != *b"N" {
                    carry_blindly(client, server)?;
                    return Ok(None);
                }
            }
            CANCEL_REQUEST => {
                server.write_all(&message)?;
                return Ok(None);
            }
            _ => return Ok(Some(message)),
        }
    }
}

fn carry_blindly(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut { server }, &mut { client });
            close([client, server]);
        });
        io::copy(&mut { client }, &mut { server })?;
        server.shutdown(Shutdown::Write)
    })
}

/// Where a connection is. The server says that it is ready once for each message that asks it to.
#[derive(Debug)]
struct Progress {
    asked: u64,
    answered: u64,
    /// The cut comes with this answer; what comes after the one before it is held back.
    hold: Option<u64>,
}

/// What clients run under a name.
#[derive(Debug, Default)]
struct Prepared {
    statements: HashMap<Vec<u8>, String>,
    portals: HashMap<Vec<u8>, String>,
}

fn requests(
    client: &TcpStream,
    mut server: &TcpStream,
    progress: &Mutex<Progress>,
    shared: &Shared,
) -> io::Result<()> {
    let mut client = BufReader::new(client);
    let mut prepared = Prepared::default();
    loop {
        let mut kind = [0];
        client.read_exact(&mut kind)?;
        let [kind] = kind;
        let message = read_message(&mut client, Some(kind))?;
        wait(shared)?;
        let body = message.get(5..).unwrap_or_default();
        let statement = statement(kind, body, &mut prepared);
        let cut = statement.and_then(|statement| shared.decide(&statement));
        if cut == Some(Cut::BeforeCommit) {
            shared.cuts.fetch_add(1, Ordering::SeqCst);
            close([client.get_ref(), server]);
            return Ok(());
        }
        {
            // Query, Sync and FunctionCall are what the server answers with "ready".
            let mut progress = lock(progress);
            if cut == Some(Cut::AfterCommit) && progress.hold.is_none() {
                progress.hold = Some(progress.asked + 1);
            }
            progress.asked += u64::from(matches!(kind, b'Q' | b'S' | b'F'));
        }
        server.write_all(&message)?;
    }
}

fn answers(
    server: &TcpStream,
    mut client: &TcpStream,
    progress: &Mutex<Progress>,
    shared: &Shared,
) -> io::Result<()> {
    let mut server = BufReader::new(server);
    loop {
        let mut kind = [0];
        server.read_exact(&mut kind)?;
        let [kind] = kind;
        let message = read_message(&mut server, Some(kind))?;
        let (held, cut) = {
            let mut progress = lock(progress);
            let held = progress.hold.is_some_and(|hold| hold == progress.answered + 1);
            progress.answered += u64::from(kind == b'Z');
            (held, progress.hold == Some(progress.answered))
        };
        if cut {
            shared.cuts.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
        if !held {
            client.write_all(&message)?;
        }
    }
}

impl Shared {
    /// Whether and how this statement is cut.
    fn decide(&self, statement: &str) -> Option<Cut> {
        let parts = || statement.split(';').map(str::trim);
        if parts().any(|part| starts_with_words(part, "COMMIT")) {
            self.commits.fetch_add(1, Ordering::SeqCst);
        }
        let mut plan = lock(&self.plan);
        let current = plan.as_mut()?;
        if !parts().any(|part| starts_with_words(part, &current.statement)) {
            return None;
        }
        current.left = current.left.saturating_sub(1);
        if current.left > 0 {
            return None;
        }
        let cut = current.cut;
        current.left = current.every;
        if current.once {
            *plan = None;
        }
        Some(cut)
    }
}

fn starts_with_words(statement: &str, words: &str) -> bool {
    let begin = statement.get(..words.len());
    let next = statement.get(words.len()..).and_then(|rest| rest.chars().next());
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case(words))
        && !next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '_')
}

/// What a message of a client runs, if anything. Remembers what it prepares.
fn statement(kind: u8, body: &[u8], prepared: &mut Prepared) -> Option<String> {
    let mut strings = body.split(|byte| *byte == 0);
    let mut next = || strings.next().unwrap_or_default().to_vec();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    match kind {
        b'Q' => Some(text(next())),
        b'P' => {
            let name = next();
            prepared.statements.insert(name, text(next()));
            None
        }
        b'B' => {
            let (portal, name) = (next(), next());
            let statement = prepared.statements.get(&name).cloned().unwrap_or_default();
            prepared.portals.insert(portal, statement);
            None
        }
        b'E' => prepared.portals.get(&next()).cloned(),
        _ => None,
    }
}

/// A whole message: its type, unless it is one of those that have none, its length, its body.
fn read_message(from: &mut impl Read, kind: Option<u8>) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let size = usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?;
    if !(4..=LONGEST).contains(&size) {
        return Err(io::Error::other("not a message of PostgreSQL's protocol"));
    }
    let mut message: Vec<u8> = kind.into_iter().chain(length).collect();
    let before = message.len();
    message.resize(before + size - 4, 0);
    from.read_exact(message.get_mut(before..).unwrap_or_default())?;
    Ok(message)
}

/// Holds a message back.
fn wait(shared: &Shared) -> io::Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < *lock(&shared.delay) {
        if shared.stop.load(Ordering::SeqCst) {
            return Err(io::Error::other("the relay ends"));
        }
        thread::sleep(POLL);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_known_by_their_first_words() {
        assert!(starts_with_words("COMMIT", "COMMIT"));
        assert!(starts_with_words("commit and chain", "COMMIT"));
        assert!(starts_with_words("Commit;", "COMMIT"));
        assert!(!starts_with_words("COMMITTED", "COMMIT"));
        assert!(!starts_with_words("COMMENT ON", "COMMIT"));
        assert!(!starts_with_words("ü", "C"));
    }

    #[test]
    fn what_a_portal_runs_is_remembered() {
        let mut prepared = Prepared::default();
        assert_eq!(statement(b'P', b"s1\0COMMIT\0\0\0", &mut prepared), None);
        assert_eq!(statement(b'B', b"p1\0s1\0\0\0\0\0\0\0", &mut prepared), None);
        assert_eq!(statement(b'E', b"p1\0\0\0\0\0", &mut prepared).as_deref(), Some("COMMIT"));
        assert_eq!(statement(b'E', b"p2\0\0\0\0\0", &mut prepared), None);
        assert_eq!(statement(b'Q', b"BEGIN\0", &mut prepared).as_deref(), Some("BEGIN"));
    }
}
