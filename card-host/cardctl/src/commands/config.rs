//! `cardctl config`, `cardctl completion` and `cardctl man`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{Error, given};
use crate::view::NotPrinted;
use crate::view::config::{Pages, Setting, Settings};

/// What holds.
pub(crate) fn show(settings: Vec<Setting>, file: Option<PathBuf>) -> Settings {
    Settings { file: file.map(|file| file.display().to_string()), settings }
}

/// Prints a script for a shell.
pub(crate) fn completion(script: &[u8]) -> Result<bool, Error> {
    let mut out = std::io::stdout().lock();
    let printed = out.write_all(script).and_then(|()| out.flush());
    printed.map(|()| true).map_err(|cause| NotPrinted::done(cause).into())
}

/// Writes manual pages, by their names.
pub(crate) fn man(folder: &Path, pages: &[(String, Vec<u8>)]) -> Result<Pages, Error> {
    for (name, page) in pages {
        let path = folder.join(name);
        std::fs::write(&path, page).map_err(|error| {
            given(format!("{}: {error}: name a folder that exists and can be written", path.display()))
        })?;
    }
    Ok(Pages { folder: folder.display().to_string(), pages: pages.len() })
}
