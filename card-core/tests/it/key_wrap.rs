//! AES key wrap against RFC 3394 and another implementation.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use card_core::key::AesKey;
use card_core::key_wrap::{KeyWrapError, MAX_PLAIN, MIN_PLAIN, OVERHEAD, unwrap, wrap};
use card_core::soft::SoftEngine;
use hex_literal::hex;
use proptest::prelude::*;
use serde_json::Value;

fn key(bytes: &[u8]) -> AesKey {
    AesKey::new(bytes).unwrap()
}

fn wrapped(kek: &AesKey, plain: &[u8]) -> Vec<u8> {
    let mut out = vec![0xEE; plain.len() + 8];
    wrap(&mut SoftEngine, kek, plain, &mut out).unwrap();
    out
}

fn unwrapped(kek: &AesKey, wrapped: &[u8]) -> Result<Vec<u8>, KeyWrapError> {
    let mut out = vec![0xEE; wrapped.len() - 8];
    let done = unwrap(&mut SoftEngine, kek, wrapped, &mut out);
    if done.is_err() {
        assert_eq!(out, vec![0; out.len()], "the output is wiped");
    }
    done.map(|()| out)
}

#[test]
fn rfc_3394() {
    let text = include_str!("../../../tests/vectors/published/aes_key_wrap_rfc3394.json");
    let document: Value = serde_json::from_str(text).unwrap();
    let all = document["vectors"].as_array().unwrap();
    assert_eq!(all.len(), 6);
    for vector in all {
        let field = |name: &str| hex::decode(vector[name].as_str().unwrap()).unwrap();
        let kek = key(&field("kek"));
        assert_eq!(wrapped(&kek, &field("plain")), field("wrapped"), "{}", vector["section"]);
        assert_eq!(unwrapped(&kek, &field("wrapped")), Ok(field("plain")), "{}", vector["section"]);
    }
}

/// Computed by pyca/cryptography (`aes_key_wrap`): a KEK of 00, 01, .. 1F over 40, 41, ..; 5, 9 and 13 semiblocks.
#[test]
fn another_implementation() {
    let kek = key(&(0..32).collect::<Vec<u8>>());
    let plain: Vec<u8> = (0x40..0x40 + 104).collect();
    for (semiblocks, expected) in [
        (
            5,
            hex!(
                "65c35aafc43a5da93b72d918231bee701849ebc3daebf98a6075649350a66820"
                "31cf0e74ce1ad2b853189f046eac84c9"
            )
            .as_slice(),
        ),
        (
            9,
            hex!(
                "822d0668ee974e2f449af67026560364591260790c21608e02ed5e3d5d60ea6d"
                "a92f0f5a7baaa8a78336d6b21cf2096491ac4588b00441f5a359f4623cb306ee"
                "eb5a2b7e8c27de4b9390236a30ae1572"
            )
            .as_slice(),
        ),
        (
            13,
            hex!(
                "da51787283e7b697d7e8095309c801b6d86273b47271d374c30a2e3d76883b4c"
                "7eb6565350f99afe7725f7d0440f7489c6c08f2c7c6b0c95851eefb2ce1ab321"
                "220d5d8f6add1f8e673447f5531f2238beced7ce075c11d9037fab26cdc1b928"
                "4b28b3b4f2a50b20e83edc0d4fa151bd"
            )
            .as_slice(),
        ),
    ] {
        let plain = &plain[..8 * semiblocks];
        assert_eq!(wrapped(&kek, plain), expected);
        assert_eq!(unwrapped(&kek, expected).unwrap(), plain);
    }
}

#[test]
fn every_other_length_is_refused() {
    assert_eq!((MIN_PLAIN, MAX_PLAIN, OVERHEAD), (16, 104, 8));
    let kek = key(&[7; 16]);
    for length in 0..=130 {
        let right = length % 8 == 0 && (16..=104).contains(&length);
        let expected = if right { Ok(()) } else { Err(KeyWrapError::Length) };
        let mut out = vec![0xEE; length + 8];
        assert_eq!(wrap(&mut SoftEngine, &kek, &vec![5; length], &mut out), expected, "{length}");
        assert_eq!(out == vec![0; length + 8], !right, "{length}: wiped where it fails");

        let mut back = vec![0xEE; length];
        assert_eq!(unwrap(&mut SoftEngine, &kek, &out, &mut back), expected, "{length}");
        assert_eq!(back, vec![if right { 5 } else { 0 }; length], "{length}");
    }
    for wrapped in 0..8 {
        let mut out = [0xEE; 16];
        assert_eq!(
            unwrap(&mut SoftEngine, &kek, &vec![0; wrapped], &mut out),
            Err(KeyWrapError::Length),
            "{wrapped}"
        );
        assert_eq!(out, [0; 16]);
    }
}

#[test]
fn an_output_of_another_length_is_refused() {
    let kek = key(&[7; 16]);
    let right = wrapped(&kek, &[5; 24]);
    for length in (0..=120).filter(|length| *length != 32) {
        let mut out = vec![0xEE; length];
        assert_eq!(wrap(&mut SoftEngine, &kek, &[5; 24], &mut out), Err(KeyWrapError::Length), "{length}");
        assert_eq!(out, vec![0; length]);
    }
    for length in (0..=120).filter(|length| *length != 24) {
        let mut out = vec![0xEE; length];
        assert_eq!(unwrap(&mut SoftEngine, &kek, &right, &mut out), Err(KeyWrapError::Length), "{length}");
        assert_eq!(out, vec![0; length]);
    }
}

/// Every byte of the initial value is compared: each bit of a wrapped key, and a key wrapped with another initial value.
#[test]
fn what_was_altered_is_refused_and_wiped() {
    let kek = key(&[7; 32]);
    let right = wrapped(&kek, &[5; 32]);
    for bit in 0..right.len() * 8 {
        let mut altered = right.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(unwrapped(&kek, &altered), Err(KeyWrapError::Integrity), "{bit}");
    }
    assert_eq!(unwrapped(&key(&[8; 32]), &right), Err(KeyWrapError::Integrity));
    assert_eq!(unwrapped(&key(&[7; 16]), &right), Err(KeyWrapError::Integrity));
}

/// Wraps of 32 bytes under a KEK of 07 x 32 with initial values that differ from A6 x 8 in one byte each, one end then the other.
#[test]
fn another_initial_value_is_refused() {
    for initial in
        [[0xA7, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6], [0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA7]]
    {
        assert_eq!(
            unwrapped(&key(&[7; 32]), &by_the_book(&[7; 32], initial, &[5; 32])),
            Err(KeyWrapError::Integrity)
        );
    }
    let right = by_the_book(&[7; 32], [0xA6; 8], &[5; 32]);
    assert_eq!(unwrapped(&key(&[7; 32]), &right), Ok(vec![5; 32]));
}

/// RFC 3394, 2.2.1, first form (shifting registers), with any initial value.
fn by_the_book(kek: &[u8], initial: [u8; 8], plain: &[u8]) -> Vec<u8> {
    use card_core::platform::Engine;
    let kek = key(kek);
    let mut registers: Vec<u8> = initial.iter().chain(plain).copied().collect();
    let n = plain.len() / 8;
    for t in 1..=6 * n {
        let mut block: [u8; 16] = registers[..16].try_into().unwrap();
        SoftEngine.encrypt_block(&kek, &mut block);
        let a = u64::from_be_bytes(block[..8].try_into().unwrap()) ^ t as u64;
        let rest = registers[16..].to_vec();
        registers = a.to_be_bytes().into_iter().chain(rest).chain(block[8..].iter().copied()).collect();
    }
    registers
}

proptest! {
    #[test]
    fn what_is_wrapped_unwraps(
        kek in prop_oneof![Just(16_usize), Just(24), Just(32)].prop_flat_map(|n| proptest::collection::vec(any::<u8>(), n)),
        plain in (2_usize..=13).prop_flat_map(|n| proptest::collection::vec(any::<u8>(), 8 * n)),
        bit in any::<proptest::sample::Index>(),
    ) {
        let sealed = wrapped(&key(&kek), &plain);
        prop_assert_eq!(&sealed, &by_the_book(&kek, [0xA6; 8], &plain));
        prop_assert_eq!(unwrapped(&key(&kek), &sealed).unwrap(), plain);
        let bit = bit.index(sealed.len() * 8);
        let mut altered = sealed;
        altered[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(unwrapped(&key(&kek), &altered), Err(KeyWrapError::Integrity));
    }

    #[test]
    fn foreign_bytes_do_not_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..160),
        length in 0_usize..160,
    ) {
        let mut out = vec![0xEE; length];
        prop_assert!(unwrap(&mut SoftEngine, &key(&[1; 32]), &bytes, &mut out).is_err());
        prop_assert_eq!(out, vec![0; length]);
    }
}
