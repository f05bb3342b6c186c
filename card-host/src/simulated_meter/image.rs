//! Many days at once: a meter of an image file, worked on in memory.

use applet_sim::chip::{FlashModel, Image, ImageError};
use std::path::{Path, PathBuf};

use super::{SimulatedMeter, SimulatedMeterError};

impl SimulatedMeter<FlashModel> {
    /// Lets the meter in an image file act in memory, and replaces the file by what came of it: whole or not at all. Until then the file is
    /// as it was, also where this program ends meanwhile. One program at a time: the caller sees to that. For simulations of many days,
    /// whose every write would else go to the file.
    pub fn of_image<T>(
        path: &Path,
        act: impl FnOnce(&mut Self) -> Result<T, SimulatedMeterError>,
    ) -> Result<T, SimulatedMeterError> {
        let (image, pages) = Image::open(path)?;
        let metadata = *image.metadata();
        let count = image.pages();
        let mut meter = Self::powered(FlashModel::from_pages(pages, std::process::id().into()))?;
        let result = act(&mut meter)?;
        meter.save()?;
        let memory = meter.memory.get().pages().to_vec();
        let draft = Draft(draft_path(path));
        // One that a crash has left behind.
        let _ = std::fs::remove_file(&draft.0);
        let new = Image::create_new(&draft.0, count, metadata)?;
        for (number, page) in (0..count).zip(&memory) {
            new.write_page(number, page)?;
        }
        new.sync()?;
        drop((image, new));
        std::fs::rename(&draft.0, path).map_err(ImageError::from)?;
        Ok(result)
    }
}

fn draft_path(path: &Path) -> PathBuf {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    PathBuf::from(draft)
}

/// Removed at the end, where it has not become the image.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
