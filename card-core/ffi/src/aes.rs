//! AES of a chip: the modes that the meter needs, over the two functions of the board that take one block.

use card_core::key::AesKey;
use card_core::modes;
use card_core::platform::{Block, Engine, PartialBlock};
#[cfg(feature = "software-aes")]
use card_core::soft::SoftEngine;

/// A function that encrypts or decrypts one block in place.
pub(crate) type OneBlock = extern "C" fn(key: *const u8, key_length: u8, block: *mut u8);

/// AES, of the chip or in software.
#[derive(Clone, Copy)]
pub(crate) enum Aes {
    #[cfg(feature = "software-aes")]
    Software,
    Chip {
        encrypt: OneBlock,
        decrypt: OneBlock,
    },
}

impl Aes {
    /// That of a board; `None` where it has one function of the two, or none and this program no software.
    pub(crate) const fn of(encrypt: Option<OneBlock>, decrypt: Option<OneBlock>) -> Option<Self> {
        match (encrypt, decrypt) {
            (Some(encrypt), Some(decrypt)) => Some(Self::Chip { encrypt, decrypt }),
            #[cfg(feature = "software-aes")]
            (None, None) => Some(Self::Software),
            _ => None,
        }
    }
}

fn run(function: OneBlock, key: &AesKey, block: &mut Block) {
    let key = key.expose();
    // A key has 16, 24 or 32 bytes.
    function(key.as_ptr(), key.len() as u8, block.as_mut_ptr());
}

impl Engine for Aes {
    fn encrypt_block(&mut self, key: &AesKey, block: &mut Block) {
        match self {
            #[cfg(feature = "software-aes")]
            Self::Software => SoftEngine.encrypt_block(key, block),
            Self::Chip { encrypt, .. } => run(*encrypt, key, block),
        }
    }

    fn encrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        match self {
            #[cfg(feature = "software-aes")]
            Self::Software => SoftEngine.encrypt_cbc(key, iv, data),
            Self::Chip { encrypt, .. } => modes::encrypt_cbc(&|block| run(*encrypt, key, block), iv, data),
        }
    }

    fn decrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        match self {
            #[cfg(feature = "software-aes")]
            Self::Software => SoftEngine.decrypt_cbc(key, iv, data),
            Self::Chip { decrypt, .. } => modes::decrypt_cbc(&|block| run(*decrypt, key, block), iv, data),
        }
    }

    fn cmac(&mut self, key: &AesKey, message: &[&[u8]]) -> Block {
        match self {
            #[cfg(feature = "software-aes")]
            Self::Software => SoftEngine.cmac(key, message),
            Self::Chip { encrypt, .. } => modes::cmac(&|block| run(*encrypt, key, block), message),
        }
    }
}

#[cfg(all(test, feature = "software-aes"))]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]
mod tests {
    use super::*;
    use card_core::key::KeyLength;

    fn key_of(key: *const u8, length: u8) -> AesKey {
        // SAFETY: `run` gives a key of that length.
        AesKey::new(unsafe { core::slice::from_raw_parts(key, length.into()) }).unwrap()
    }

    extern "C" fn encrypt(key: *const u8, length: u8, block: *mut u8) {
        // SAFETY: `run` gives a block.
        SoftEngine.encrypt_block(&key_of(key, length), unsafe { &mut *block.cast::<Block>() });
    }

    extern "C" fn decrypt(key: *const u8, length: u8, block: *mut u8) {
        // SAFETY: `run` gives a block.
        SoftEngine
            .decrypt_cbc(&key_of(key, length), &[0; 16], unsafe { &mut *block.cast::<Block>() })
            .unwrap();
    }

    /// Every mode, over one block at a time, gives what software gives: all lengths up to five blocks, in any two parts.
    #[test]
    fn a_chip_gives_what_software_gives() {
        let mut chip = Aes::of(Some(encrypt), Some(decrypt)).unwrap();
        let text: [u8; 80] = core::array::from_fn(|index| (index * 37) as u8);
        for length in [KeyLength::Aes128, KeyLength::Aes192, KeyLength::Aes256] {
            let key = AesKey::new(&[0x6B; 32][..length.bytes()]).unwrap();
            for end in 0..=text.len() {
                for middle in [0, end / 3, end / 2, end] {
                    let parts = [&text[..middle], &text[middle..end]];
                    assert_eq!(chip.cmac(&key, &parts), SoftEngine.cmac(&key, &parts), "{end}");
                }
                let (mut ours, mut theirs) = (text, text);
                assert_eq!(
                    chip.encrypt_cbc(&key, &[9; 16], &mut ours[..end]),
                    SoftEngine.encrypt_cbc(&key, &[9; 16], &mut theirs[..end])
                );
                assert_eq!(ours, theirs);
                assert_eq!(
                    chip.decrypt_cbc(&key, &[7; 16], &mut ours[..end]),
                    SoftEngine.decrypt_cbc(&key, &[7; 16], &mut theirs[..end])
                );
                assert_eq!(ours, theirs);
            }
            let (mut ours, mut theirs) = ([5; 16], [5; 16]);
            chip.encrypt_block(&key, &mut ours);
            SoftEngine.encrypt_block(&key, &mut theirs);
            assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn half_an_engine_is_none() {
        assert!(Aes::of(Some(encrypt), None).is_none() && Aes::of(None, Some(decrypt)).is_none());
        assert!(matches!(Aes::of(None, None), Some(Aes::Software)));
    }
}
