//! What of a machine is in the way of these tests.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::{DRIVER, SOCKET};

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
