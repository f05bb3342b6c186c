//! Processes of a server: their states, and their ends.

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::HANG;

pub(super) fn wait_for(what: &str, mut happened: impl FnMut() -> bool) -> io::Result<()> {
    let deadline = Instant::now() + HANG;
    while !happened() {
        if Instant::now() > deadline {
            return Err(io::Error::other(format!("waited {HANG:?} for {what}")));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

pub(super) fn signal(id: u32, signal: Signal) {
    if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process(id, signal);
    }
}

/// A process's state, a letter, and its parent; none when there is no such process.
pub(super) fn state(id: u32) -> Option<(char, u32)> {
    let line = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let mut fields = line.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// The ids of a process's children.
pub(super) fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter(|id| state(*id).is_some_and(|(_, its)| its == parent)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_a_state_and_a_parent() {
        let (_, parent) = state(std::process::id()).unwrap();
        assert!(children(parent).contains(&std::process::id()));
    }
}
