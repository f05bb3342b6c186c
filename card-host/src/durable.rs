//! Files that are there whole or not at all, also after the computer has lost its power.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Makes a file that does not exist yet; on Unix, readable by its owner only from the first moment on.
pub fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = Draft::write(path, content)?;
    // Unlike a renaming, a link never replaces what is there.
    fs::hard_link(&draft.0, path)?;
    drop(draft);
    sync_folder(path)
}

/// Replaces a file, or makes it; on Unix, readable by its owner only.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = Draft::write(path, content)?;
    fs::rename(&draft.0, path)?;
    sync_folder(path)
}

/// A complete file under another name in the same folder, removed at the end.
struct Draft(PathBuf);

impl Draft {
    fn write(path: &Path, content: &[u8]) -> io::Result<Self> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}.new", std::process::id()));
        let draft = PathBuf::from(draft);
        // One that a crash has left behind.
        let _ = fs::remove_file(&draft);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft)?;
        let draft = Self(draft);
        file.write_all(content)?;
        file.sync_all()?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes the names in a folder last.
pub fn sync_all(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Makes a new name in the folder last.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}
