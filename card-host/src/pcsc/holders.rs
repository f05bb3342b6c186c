//! Who else uses PC/SC: best effort, Linux only.

use crate::reader_error::Holder;

/// Other processes that have the PC/SC library loaded. One that holds a card is among them, where this user may see it.
#[cfg(target_os = "linux")]
pub fn holders() -> Vec<Holder> {
    scan(std::path::Path::new("/proc"), std::process::id())
}

/// Other processes that have the PC/SC library loaded: unknown on this system.
#[cfg(not(target_os = "linux"))]
pub fn holders() -> Vec<Holder> {
    Vec::new()
}

#[cfg(target_os = "linux")]
fn scan(proc: &std::path::Path, own: u32) -> Vec<Holder> {
    use std::fs;
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    let mut found: Vec<Holder> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let process: u32 = entry.file_name().to_str()?.parse().ok()?;
            let name = fs::read_to_string(entry.path().join("comm")).ok()?.trim().to_owned();
            if process == own || name == "pcscd" {
                return None;
            }
            let maps = fs::read_to_string(entry.path().join("maps")).ok()?;
            let uses = maps.lines().any(|line| line.contains("/libpcsclite.so"));
            uses.then_some(Holder { process, name })
        })
        .collect();
    found.sort_by_key(|holder| holder.process);
    found
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn who_has_the_library_is_named() {
        let proc = tempfile::tempdir().unwrap();
        let maps = "7f00-7f01 r-xp 00000000 00:00 1 /usr/lib/x86_64-linux-gnu/libpcsclite.so.1.0.0\n";
        for (id, name, maps) in [
            ("9", "scdaemon\n", maps),
            ("8", "pcscd\n", maps),
            ("7", "sh\n", "7f00-7f01 r-xp 0 00:00 1 /bin/sh\n"),
            ("6", "self\n", maps),
            ("5", "browser\n", maps),
            ("x", "odd\n", maps),
        ] {
            let directory = proc.path().join(id);
            fs::create_dir(&directory).unwrap();
            fs::write(directory.join("comm"), name).unwrap();
            fs::write(directory.join("maps"), maps).unwrap();
        }
        let holder = |process, name: &str| Holder { process, name: name.into() };
        assert_eq!(scan(proc.path(), 6), [holder(5, "browser"), holder(9, "scdaemon")]);
        assert_eq!(scan(std::path::Path::new("/nonexistent"), 6), []);
    }
}
