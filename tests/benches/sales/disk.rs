//! Where the stores are: a commit must wait for a real disk.

use rustix::fs::statfs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What file systems in memory say that they are (statfs(2)).
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58F6];

/// A directory on a disk, removed at the end. PostgreSQL, which does not run as root, can reach it and write there.
pub(crate) fn home() -> TempDir {
    let home = tempfile::Builder::new().prefix("sales-").tempdir_in(directory()).unwrap();
    std::fs::set_permissions(home.path(), Permissions::from_mode(0o777)).unwrap();
    home
}

/// The one for what tests write, or one of the system's.
fn directory() -> PathBuf {
    let places = [PathBuf::from(env!("CARGO_TARGET_TMPDIR")), std::env::temp_dir(), "/var/tmp".into()];
    let fits = |place: &PathBuf| is_disk(place) && is_open(place);
    let place = places.into_iter().find(fits);
    place.expect("a directory on a disk, not in memory, that all users can reach: set TMPDIR to one")
}

fn is_disk(place: &Path) -> bool {
    statfs(place).is_ok_and(|system| !IN_MEMORY.contains(&system.f_type))
}

fn is_open(place: &Path) -> bool {
    let open = |step: &Path| step.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 1 == 1);
    !rustix::process::geteuid().is_root() || place.ancestors().all(open)
}
