//! Whose turn it is on this machine, and what a test that was killed has left.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{DIRECTORY_PREFIX, GRACE, POLL, SOCKET};

const PID_FILE: &str = "/run/pcscd/pcscd.pid";
/// For a turn each test waits until all others have had theirs.
const TURN_LIMIT: Duration = Duration::from_secs(3600);

/// Takes the machine's only turn, or panics when nobody gives it up for an hour.
pub(super) fn take_turn() -> File {
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

pub(super) fn write_note(turn: &mut File, note: &str) -> io::Result<()> {
    turn.set_len(0)?;
    turn.rewind()?;
    turn.write_all(note.as_bytes())
}

/// Ends the pcscd of a test that was killed before it could do so itself: the one that the lock's file names, provided that
/// it still is that pcscd.
pub(super) fn end_leftover(turn: &mut File) {
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
    let deadline = Instant::now() + GRACE;
    while runs() {
        let late = Instant::now() > deadline;
        let _ = kill_process(id, if late { Signal::KILL } else { Signal::TERM });
        thread::sleep(POLL);
    }
    remove_dead_socket();
    let _ = fs::remove_dir_all(directory);
}

/// Removes the files of a pcscd that was killed. Only its own turn may call this, so no live one can be ours.
pub(super) fn remove_dead_socket() {
    if Path::new(SOCKET).exists() && UnixStream::connect(SOCKET).is_err() {
        let _ = fs::remove_file(SOCKET);
        let _ = fs::remove_file(PID_FILE);
    }
}
