//! Files that are there whole or not at all, also after the computer has lost its power: written under another name beside their place, on
//! the disk before they get their own, and the name on the disk before anybody is told.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Makes a file that does not exist yet; on Unix, readable by its owner only from the first moment on.
pub fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    Draft::with(path, content)?.become_new()
}

/// Replaces a file, or makes it; on Unix, readable by its owner only.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    Draft::with(path, content)?.replace()
}

/// A file or a folder under another name beside its place; removed at the end, where it has not got there.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    to: PathBuf,
}

impl Draft {
    /// The name, with nothing there yet.
    pub fn new(to: &Path) -> Self {
        let mut path = to.as_os_str().to_owned();
        path.push(format!(".{}.new", std::process::id()));
        let draft = Self { path: PathBuf::from(path), to: to.to_owned() };
        // What a crash has left behind.
        draft.remove();
        draft
    }

    /// An empty file; on Unix, readable by its owner only.
    pub fn file(to: &Path) -> io::Result<Self> {
        Self::with(to, &[])
    }

    /// An empty folder; on Unix, for its owner only.
    pub fn folder(to: &Path) -> io::Result<Self> {
        let draft = Self::new(to);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut fs::DirBuilder::new(), 0o700).create(&draft.path)?;
        #[cfg(not(unix))]
        fs::create_dir(&draft.path)?;
        Ok(draft)
    }

    /// Where it is until then.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, which must be free.
    pub fn become_new(self) -> io::Result<()> {
        self.sync()?;
        // Unlike a renaming, a link never replaces what is there.
        match link(&self.path, &self.to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            // Memory sticks and some network drives have none: there the name is taken first, so that nobody else gets it.
            Err(_) => {
                OpenOptions::new().write(true).create_new(true).open(&self.to)?;
                fs::rename(&self.path, &self.to).inspect_err(|_| drop(fs::remove_file(&self.to)))?;
                step("renamed");
            }
            Ok(()) => step("linked"),
        }
        sync_folder(&self.to)
    }

    /// Gives it its name. A file that has it is replaced; a folder only where it is empty.
    pub fn replace(self) -> io::Result<()> {
        self.sync()?;
        fs::rename(&self.path, &self.to)?;
        step("renamed");
        sync_folder(&self.to)
    }

    fn with(to: &Path, content: &[u8]) -> io::Result<Self> {
        let draft = Self::new(to);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&draft.path)?.write_all(content)?;
        step("written");
        Ok(draft)
    }

    fn remove(&self) {
        let _ = if self.path.is_dir() { fs::remove_dir_all(&self.path) } else { fs::remove_file(&self.path) };
    }

    /// Brings what is in it to the disk. Windows does so only through a handle that may write.
    fn sync(&self) -> io::Result<()> {
        if self.path.is_dir() {
            sync_all(&self.path)?;
        } else {
            OpenOptions::new().write(true).open(&self.path)?.sync_all()?;
        }
        step("synced");
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Makes the names in a folder last.
pub fn sync_all(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Makes a new name in its folder last.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    sync_all(folder)?;
    step("named");
    Ok(())
}

#[cfg(not(test))]
const fn step(_: &str) {}
#[cfg(not(test))]
use fs::hard_link as link;
#[cfg(test)]
use tests::{link, step};

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;
    use std::cell::{Cell, RefCell};
    use std::io::Read;

    thread_local!(static STEPS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) });
    thread_local!(static LINKS: Cell<bool> = const { Cell::new(true) });

    pub(super) fn step(name: &str) {
        STEPS.with_borrow_mut(|steps| steps.push(name.to_owned()));
    }

    pub(super) fn link(from: &Path, to: &Path) -> io::Result<()> {
        if LINKS.get() { fs::hard_link(from, to) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    fn steps() -> Vec<String> {
        STEPS.take()
    }

    /// Whoever has the old file open has it whole: it is never written into. Its name is that of the new one only once that is on the disk.
    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"the old one, which is longer").unwrap();
        assert_eq!(steps(), ["written", "synced", "renamed", "named"]);
        let mut old = File::open(&path).unwrap();
        replace(&path, b"the new one").unwrap();
        assert_eq!(steps(), ["written", "synced", "renamed", "named"]);
        let mut text = String::new();
        old.read_to_string(&mut text).unwrap();
        assert_eq!(text, "the old one, which is longer");
        assert_eq!(fs::read(&path).unwrap(), b"the new one");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_new_file_replaces_none() {
        for (links, named) in [(true, "linked"), (false, "renamed")] {
            LINKS.set(links);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            create(&path, b"first").unwrap();
            assert_eq!(steps(), ["written", "synced", named, "named"]);
            assert_eq!(create(&path, b"second").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(steps(), ["written", "synced"]);
            assert_eq!(fs::read(&path).unwrap(), b"first");
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_draft_that_gets_nowhere_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Draft::file(&folder.path().join("file")).unwrap());
        let draft = Draft::folder(&folder.path().join("folder")).unwrap();
        fs::write(draft.path().join("within"), "x").unwrap();
        drop(draft);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
}
