extern crate std;

use super::*;
use proptest::prelude::*;
use std::format;
use std::string::String;
use std::vec::Vec;

fn lengths() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(16), Just(24), Just(32)]
        .prop_flat_map(|length| proptest::collection::vec(any::<u8>(), length))
}

fn parts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let part = prop_oneof![0_usize..5, Just(15), Just(16), Just(17), 0_usize..70]
        .prop_flat_map(|length| proptest::collection::vec(any::<u8>(), length));
    proptest::collection::vec(part, 0..6)
}

/// By another crate.
fn theirs<M: cmac::KeyInit + cmac::Mac>(key: &AesKey, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <M as cmac::KeyInit>::new_from_slice(key.expose()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

proptest! {
    #[test]
    fn cmac_is_that_of_another_crate(key in lengths(), parts in parts()) {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let key = AesKey::new(&key).unwrap();
        let expected = match key.length() {
            KeyLength::Aes128 => theirs::<cmac::Cmac<aes::Aes128>>(&key, &parts),
            KeyLength::Aes192 => theirs::<cmac::Cmac<aes::Aes192>>(&key, &parts),
            KeyLength::Aes256 => theirs::<cmac::Cmac<aes::Aes256>>(&key, &parts),
        };
        prop_assert_eq!(SoftEngine.cmac(&key, &parts).to_vec(), expected);
    }

    #[test]
    fn it_agrees_with_the_engine_that_expands_each_time(
        own in lengths(),
        other in lengths(),
        first in parts(),
        second in parts(),
    ) {
        let first: Vec<&[u8]> = first.iter().map(Vec::as_slice).collect();
        let second: Vec<&[u8]> = second.iter().map(Vec::as_slice).collect();
        let key = ExpandedKey::new(AesKey::new(&own).unwrap());
        // Another key of the same bytes, and another one.
        let (same, other) = (AesKey::new(&own).unwrap(), AesKey::new(&other).unwrap());
        let mut engine = &key;
        for key in [key.key(), &same, &other] {
            let expected = [SoftEngine.cmac(key, &first), SoftEngine.cmac(key, &second)];
            prop_assert_eq!(engine.cmac(key, &first), expected[0]);
            prop_assert_eq!(engine.cmac_both(key, [&first, &second]), expected);
            prop_assert_eq!(SoftEngine.cmac_both(key, [&first, &second]), expected);
        }
    }

    #[test]
    fn blocks_are_those_of_the_engine_that_expands_each_time(own in lengths(), iv: Block, data: [Block; 3]) {
        let key = ExpandedKey::new(AesKey::new(&own).unwrap());
        let mut engine = &key;
        let (mut ours, mut theirs) = (data, data);
        engine.encrypt_block(key.key(), &mut ours[0]);
        SoftEngine.encrypt_block(key.key(), &mut theirs[0]);
        engine.encrypt_cbc(key.key(), &iv, ours.as_flattened_mut()).unwrap();
        SoftEngine.encrypt_cbc(key.key(), &iv, theirs.as_flattened_mut()).unwrap();
        prop_assert_eq!(ours, theirs);
        engine.decrypt_cbc(key.key(), &iv, ours.as_flattened_mut()).unwrap();
        prop_assert_eq!(&ours[1..], &data[1..]);
    }
}

#[test]
fn a_key_is_not_shown() {
    let key = ExpandedKey::new(AesKey::new(&[0xA7; 32]).unwrap());
    let shown: String = format!("{key:?}");
    assert_eq!(shown, "ExpandedKey(Aes256, redacted)");
}
