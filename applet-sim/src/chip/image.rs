//! A card image: the memory of one simulated card in a file, so that the card outlives the program.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use card_core::bytes::{Reader, WrongLength};
use card_core::platform::{Memory, MemoryError, PAGE};
use crc::{CRC_32_ISO_HDLC, Crc};

use super::memory::{FlashModel, Page};

/// Bytes of metadata in an image: the creator's, and never changed.
pub const METADATA: usize = 64;

const MAGIC: [u8; 8] = *b"ELCARDIM";
const VERSION: u16 = 1;
/// Magic (8), version (2), number of pages (2), metadata, CRC-32 over all of these (4).
const HEADER: usize = 8 + 2 + 2 + METADATA + 4;
/// Data, weak bits, wear (4), CRC-32 over all of these (4).
const RECORD: usize = PAGE + PAGE + 4 + 4;

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Why a card image cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It does not begin as one.
    #[error("the file is not a card image")]
    NotAnImage,
    /// It is of a version that this program does not know.
    #[error("the card image is of format version {0}, and this program knows only {VERSION}")]
    UnknownVersion(u16),
    /// It ends too early.
    #[error("the card image is cut short: {actual} bytes of {expected}")]
    Truncated {
        /// Its length.
        actual: u64,
        /// What its length should be.
        expected: u64,
    },
    /// It goes on after its end.
    #[error("the card image is too long: {actual} bytes instead of {expected}")]
    TooLong {
        /// Its length.
        actual: u64,
        /// What its length should be.
        expected: u64,
    },
    /// Its header is damaged.
    #[error("the card image's header is damaged")]
    CorruptedHeader,
    /// A page in it is damaged. A power cut on the simulated card does not do this.
    #[error("the card image is damaged at page {0}")]
    CorruptedPage(u16),
    /// Another process holds it.
    #[error("the card image is in use by another process")]
    InUse,
    /// There is a file of that name, which is not overwritten.
    #[error("the file exists already")]
    Exists,
    /// There is no such page in it.
    #[error("the card image has no page {0}")]
    NoSuchPage(u16),
    /// The operating system failed.
    #[error("the card image cannot be read or written")]
    Io(#[from] io::Error),
}

/// An open card image, locked against other processes.
#[derive(Debug)]
pub struct Image {
    file: File,
    pages: u16,
    metadata: [u8; METADATA],
}

impl Image {
    /// Makes the image of a card whose memory is erased. A file that exists is left alone.
    pub fn create_new(path: &Path, pages: u16, metadata: [u8; METADATA]) -> Result<Self, ImageError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        // It holds the card's keys.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => ImageError::Exists,
            _ => ImageError::Io(error),
        })?;
        lock(&file)?;
        let mut bytes = Vec::with_capacity(HEADER + RECORD * usize::from(pages));
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&pages.to_be_bytes());
        bytes.extend_from_slice(&metadata);
        bytes.extend_from_slice(&CRC.checksum(&bytes).to_be_bytes());
        for _ in 0..pages {
            bytes.extend_from_slice(&encode(&Page::ERASED));
        }
        write_at(&file, 0, &bytes)?;
        file.sync_all()?;
        Ok(Self { file, pages, metadata })
    }

    /// Opens an image and reads all its pages.
    pub fn open(path: &Path) -> Result<(Self, Vec<Page>), ImageError> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        lock(&file)?;
        let mut bytes = Vec::new();
        (&file).read_to_end(&mut bytes)?;
        let (pages, metadata) = decode_header(&bytes)?;
        let actual = bytes.len() as u64;
        let expected = position(pages);
        if actual < expected {
            return Err(ImageError::Truncated { actual, expected });
        }
        if actual > expected {
            return Err(ImageError::TooLong { actual, expected });
        }
        let records = bytes.get(HEADER..).unwrap_or_default().chunks_exact(RECORD);
        let decoded = records
            .zip(0..pages)
            .map(|(record, page)| decode(record).ok().flatten().ok_or(ImageError::CorruptedPage(page)));
        let decoded = decoded.collect::<Result<Vec<_>, _>>()?;
        Ok((Self { file, pages, metadata }, decoded))
    }

    /// How many pages the card's memory has.
    pub const fn pages(&self) -> u16 {
        self.pages
    }

    /// What the image's creator put there.
    pub const fn metadata(&self) -> &[u8; METADATA] {
        &self.metadata
    }

    /// Writes a page to the file, at once.
    pub fn write_page(&self, number: u16, page: &Page) -> Result<(), ImageError> {
        if number >= self.pages {
            return Err(ImageError::NoSuchPage(number));
        }
        Ok(write_at(&self.file, position(number), &encode(page))?)
    }

    /// Waits until the file is on the disk. Without it the image survives the program's end, but not the computer's.
    pub fn sync(&self) -> Result<(), ImageError> {
        Ok(self.file.sync_data()?)
    }
}

/// The memory of a simulated card that lives in an image file: every change goes to the file before it counts as done.
#[derive(Debug)]
pub struct ImageMemory {
    flash: FlashModel,
    image: Image,
    failure: Option<ImageError>,
}

impl ImageMemory {
    /// A new card: see [`Image::create_new`].
    pub fn create_new(
        path: &Path,
        pages: u16,
        metadata: [u8; METADATA],
        seed: u64,
    ) -> Result<Self, ImageError> {
        let image = Image::create_new(path, pages, metadata)?;
        Ok(Self { flash: FlashModel::new(pages, seed), image, failure: None })
    }

    /// A card as it was left: see [`Image::open`].
    pub fn open(path: &Path, seed: u64) -> Result<Self, ImageError> {
        let (image, pages) = Image::open(path)?;
        Ok(Self { flash: FlashModel::from_pages(pages, seed), image, failure: None })
    }

    /// The image.
    pub const fn image(&self) -> &Image {
        &self.image
    }

    /// The model, to look at it.
    pub const fn flash(&self) -> &FlashModel {
        &self.flash
    }

    /// The model, to plan faults and to give power again. Changing its pages this way does not reach the file.
    pub const fn flash_mut(&mut self) -> &mut FlashModel {
        &mut self.flash
    }

    /// Why the file could not be written, if that is why the card has lost its power.
    pub const fn failure(&self) -> Option<&ImageError> {
        self.failure.as_ref()
    }

    /// Saves what became of a page, also if power was lost meanwhile. A card whose file cannot be written stops.
    fn save(&mut self, page: u16, result: Result<(), MemoryError>) -> Result<(), MemoryError> {
        let Some(state) = self.flash.pages().get(usize::from(page)) else { return result };
        if let Err(error) = self.image.write_page(page, state) {
            self.failure = Some(error);
            self.flash.power_down();
            return Err(MemoryError::PowerLost);
        }
        result
    }
}

impl Memory for ImageMemory {
    fn read(&mut self, page: u16, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        self.flash.read(page, offset, out)
    }

    fn erase(&mut self, page: u16) -> Result<(), MemoryError> {
        let result = self.flash.erase(page);
        self.save(page, result)
    }

    fn program(&mut self, page: u16, data: &[u8; PAGE]) -> Result<(), MemoryError> {
        let result = self.flash.program(page, data);
        self.save(page, result)
    }

    fn margin(&mut self, page: u16) -> Result<bool, MemoryError> {
        self.flash.margin(page)
    }
}

fn lock(file: &File) -> Result<(), ImageError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => ImageError::InUse,
        TryLockError::Error(error) => ImageError::Io(error),
    })
}

fn write_at(mut file: &File, position: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(position))?;
    file.write_all(bytes)
}

/// Where a page begins in the file; of the page after the last, where the file ends.
fn position(page: u16) -> u64 {
    HEADER as u64 + RECORD as u64 * u64::from(page)
}

fn encode(page: &Page) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(RECORD);
    bytes.extend_from_slice(&page.data);
    bytes.extend_from_slice(&page.weak);
    bytes.extend_from_slice(&page.wear.to_be_bytes());
    bytes.extend_from_slice(&CRC.checksum(&bytes).to_be_bytes());
    bytes
}

/// `Ok(None)` where the check fails.
fn decode(record: &[u8]) -> Result<Option<Page>, WrongLength> {
    let mut reader = Reader::new(record);
    let mut checked = Reader::new(reader.take(RECORD - 4)?);
    let intact = CRC.checksum(checked.clone().rest()) == reader.u32()?;
    let page = Page { data: checked.array()?, weak: checked.array()?, wear: checked.u32()? };
    Ok(intact.then_some(page))
}

fn decode_header(bytes: &[u8]) -> Result<(u16, [u8; METADATA]), ImageError> {
    let truncated =
        |_: WrongLength| ImageError::Truncated { actual: bytes.len() as u64, expected: HEADER as u64 };
    if !bytes.starts_with(&MAGIC) {
        return Err(ImageError::NotAnImage);
    }
    let mut reader = Reader::new(bytes);
    reader.take(MAGIC.len()).map_err(truncated)?;
    let version = reader.u16().map_err(truncated)?;
    if version != VERSION {
        return Err(ImageError::UnknownVersion(version));
    }
    let pages = reader.u16().map_err(truncated)?;
    let metadata = reader.array().map_err(truncated)?;
    let check = reader.u32().map_err(truncated)?;
    let checked = bytes.get(..HEADER - 4).unwrap_or_default();
    if CRC.checksum(checked) == check { Ok((pages, metadata)) } else { Err(ImageError::CorruptedHeader) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::Cut;
    use std::path::PathBuf;

    /// A file name of its own for each test, removed at the end.
    struct TempFile(PathBuf);

    impl TempFile {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("card-image-{}-{name}", std::process::id()));
            let _ = std::fs::remove_file(&path);
            Self(path)
        }

        /// Changes the file's bytes.
        fn edit(&self, change: impl FnOnce(&mut Vec<u8>)) {
            let mut bytes = std::fs::read(&self.0).unwrap();
            change(&mut bytes);
            std::fs::write(&self.0, bytes).unwrap();
        }
    }

    impl Drop for TempFile {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    const META: [u8; METADATA] = [7; METADATA];

    #[test]
    fn survives_its_program() {
        let file = TempFile::new("survives");
        let mut memory = ImageMemory::create_new(&file.0, 3, META, 1).unwrap();
        memory.erase(1).unwrap();
        memory.program(1, &[0x11; PAGE]).unwrap();
        memory.flash_mut().cut_after(0, Cut::Partly { seed: 4 });
        assert_eq!(memory.program(2, &[0; PAGE]), Err(MemoryError::PowerLost));
        let left = memory.flash().pages().to_vec();
        // No orderly end: what is in the file now is all there is.
        let copy = std::fs::read(&file.0).unwrap();
        drop(memory);
        assert_eq!(copy, std::fs::read(&file.0).unwrap());
        let mut memory = ImageMemory::open(&file.0, 2).unwrap();
        assert_eq!(memory.flash().pages(), left);
        assert_eq!(memory.image().metadata(), &META);
        let mut out = [0; PAGE];
        memory.read(1, 0, &mut out).unwrap();
        assert_eq!(out, [0x11; PAGE]);
        assert_eq!(memory.flash().pages()[1].wear, 1);
        assert!(!memory.margin(2).unwrap());
    }

    #[test]
    fn does_not_overwrite_and_does_not_share() {
        let file = TempFile::new("share");
        let first = Image::create_new(&file.0, 1, META).unwrap();
        assert!(matches!(Image::create_new(&file.0, 1, META), Err(ImageError::Exists)));
        assert!(matches!(Image::open(&file.0), Err(ImageError::InUse)));
        drop(first);
        Image::open(&file.0).unwrap();
    }

    #[test]
    fn says_what_is_wrong() {
        let file = TempFile::new("wrong");
        let fresh = |change: fn(&mut Vec<u8>)| {
            let _ = std::fs::remove_file(&file.0);
            drop(Image::create_new(&file.0, 2, META).unwrap());
            file.edit(change);
            Image::open(&file.0).unwrap_err()
        };
        assert!(matches!(fresh(|bytes| bytes.clear()), ImageError::NotAnImage));
        assert!(matches!(fresh(|bytes| bytes[0] ^= 1), ImageError::NotAnImage));
        assert!(matches!(fresh(|bytes| bytes[9] = 9), ImageError::UnknownVersion(9)));
        assert!(matches!(fresh(|bytes| bytes.truncate(20)), ImageError::Truncated { actual: 20, .. }));
        assert!(matches!(fresh(|bytes| bytes[11] = 3), ImageError::CorruptedHeader));
        assert!(matches!(fresh(|bytes| bytes[40] ^= 1), ImageError::CorruptedHeader));
        let short = fresh(|bytes| bytes.truncate(HEADER + RECORD + 1));
        assert!(matches!(short, ImageError::Truncated { expected, .. } if expected == position(2)));
        assert!(matches!(fresh(|bytes| bytes.push(0)), ImageError::TooLong { .. }));
        assert!(matches!(fresh(|bytes| bytes[HEADER + RECORD] ^= 1), ImageError::CorruptedPage(1)));
        assert!(matches!(fresh(|bytes| bytes[HEADER + RECORD - 5] ^= 1), ImageError::CorruptedPage(0)));
        let missing = file.0.with_extension("missing");
        assert!(matches!(Image::open(&missing), Err(ImageError::Io(_))));
    }
}
