//! Many days at once: a meter of an image file, worked on in memory.

use applet_sim::chip::{FlashModel, Image, ImageError};
use std::path::Path;

use crate::durable::Draft;

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
        let draft = Draft::new(path);
        let new = Image::create_new(draft.path(), count, metadata)?;
        for (number, page) in (0..count).zip(&memory) {
            new.write_page(number, page)?;
        }
        drop((image, new));
        draft.replace().map_err(ImageError::from)?;
        Ok(result)
    }
}
