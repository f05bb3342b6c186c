//! AES, CMAC, key derivation and AES-SIV against published known answers and other implementations.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use card_core::kdf::{self, Counter, TooLong};
use card_core::key::{AesKey, KeyLength};
use card_core::platform::{Engine, PartialBlock};
use card_core::siv;
use card_core::soft::SoftEngine;
use hex_literal::hex;
use proptest::prelude::*;
use serde_json::Value;

fn key(bytes: &[u8]) -> AesKey {
    AesKey::new(bytes).unwrap()
}

fn field(value: &Value, name: &str) -> Vec<u8> {
    hex::decode(value[name].as_str().unwrap()).unwrap()
}

fn vectors(text: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(text).unwrap();
    document["vectors"].as_array().unwrap().clone()
}

/// FIPS 197, appendix C.
#[test]
fn fips_197() {
    let bytes: Vec<u8> = (0..32).collect();
    for (length, expected) in [
        (16, hex!("69c4e0d86a7b0430d8cdb78070b4c55a")),
        (24, hex!("dda97ca4864cdfe06eaf70a0ec0d7191")),
        (32, hex!("8ea2b7ca516745bfeafc49904b496089")),
    ] {
        let mut block = hex!("00112233445566778899aabbccddeeff");
        SoftEngine.encrypt_block(&key(&bytes[..length]), &mut block);
        assert_eq!(block, expected);
    }
}

/// SP 800-38A, F.2.1 to F.2.6.
#[test]
fn sp_800_38a_cbc() {
    let iv = hex!("000102030405060708090a0b0c0d0e0f");
    let plaintext = hex!(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
    );
    for (bytes, expected) in [
        (
            hex!("2b7e151628aed2a6abf7158809cf4f3c").to_vec(),
            hex!(
                "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
                "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"
            ),
        ),
        (
            hex!("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b").to_vec(),
            hex!(
                "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
                "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd"
            ),
        ),
        (
            hex!("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4").to_vec(),
            hex!(
                "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
                "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"
            ),
        ),
    ] {
        let mut data = plaintext;
        SoftEngine.encrypt_cbc(&key(&bytes), &iv, &mut data).unwrap();
        assert_eq!(data, expected);
        SoftEngine.decrypt_cbc(&key(&bytes), &iv, &mut data).unwrap();
        assert_eq!(data, plaintext);
    }
}

#[test]
fn cbc_leaves_partial_blocks_alone() {
    let key = key(&[0; 16]);
    for length in [1, 15, 17, 33] {
        let mut data = vec![0xA5; length];
        assert_eq!(SoftEngine.encrypt_cbc(&key, &[0; 16], &mut data), Err(PartialBlock));
        assert_eq!(SoftEngine.decrypt_cbc(&key, &[0; 16], &mut data), Err(PartialBlock));
        assert_eq!(data, vec![0xA5; length]);
    }
    assert_eq!(SoftEngine.encrypt_cbc(&key, &[0; 16], &mut []), Ok(()));
}

#[test]
fn rfc_4493() {
    let text = include_str!("../../../tests/vectors/published/aes_cmac_rfc4493.json");
    let document: Value = serde_json::from_str(text).unwrap();
    let key = key(&field(&document, "key"));
    let all = vectors(text);
    assert_eq!(all.len(), 4);
    for vector in all {
        let message = field(&vector, "msg");
        assert_eq!(SoftEngine.cmac(&key, &[&message]).to_vec(), field(&vector, "tag"));
        // How the message is cut makes no difference.
        let (head, tail) = message.split_at(message.len() / 3);
        assert_eq!(SoftEngine.cmac(&key, &[head, &[], tail]).to_vec(), field(&vector, "tag"));
    }
}

#[test]
fn sp_800_38b() {
    let mut count = 0;
    for text in [
        include_str!("../../../tests/vectors/published/nist_800_38b_cmac_aes128.txt"),
        include_str!("../../../tests/vectors/published/nist_800_38b_cmac_aes192.txt"),
        include_str!("../../../tests/vectors/published/nist_800_38b_cmac_aes256.txt"),
    ] {
        let (mut bytes, mut message) = (Vec::new(), Vec::new());
        for line in text.lines() {
            let Some((name, value)) = line.split_once('=') else { continue };
            let decoded = || hex::decode(value.trim()).unwrap();
            match name.trim() {
                "KEY" => bytes = decoded(),
                "MESSAGE" => message = decoded(),
                "OUTPUT" => {
                    assert_eq!(SoftEngine.cmac(&key(&bytes), &[&message]).to_vec(), decoded());
                    count += 1;
                }
                _ => {}
            }
        }
    }
    assert_eq!(count, 12);
}

#[test]
fn cavp_counter_before() {
    let all =
        vectors(include_str!("../../../tests/vectors/published/cavp_sp800_108_ctr_cmac_aes_r32_before.json"));
    assert_eq!(all.len(), 120);
    for vector in all {
        let expected = field(&vector, "KO");
        let mut out = vec![0; expected.len()];
        let (key, fixed) = (key(&field(&vector, "KI")), field(&vector, "FixedInputData"));
        kdf::counter_mode(&mut SoftEngine, &key, Counter::Bits32, &[], &fixed, &mut out).unwrap();
        assert_eq!(out, expected);
    }
}

#[test]
fn cavp_counter_in_the_middle() {
    let all =
        vectors(include_str!("../../../tests/vectors/published/cavp_sp800_108_ctr_cmac_aes_r8_middle.json"));
    assert_eq!(all.len(), 120);
    for vector in all {
        let expected = field(&vector, "KO");
        let mut out = vec![0; expected.len()];
        let key = key(&field(&vector, "KI"));
        let (before, after) = (field(&vector, "DataBeforeCtrData"), field(&vector, "DataAfterCtrData"));
        kdf::counter_mode(&mut SoftEngine, &key, Counter::Bits8, &before, &after, &mut out).unwrap();
        assert_eq!(out, expected);
    }
}

#[test]
fn derived_keys() {
    let all = vectors(include_str!("../../../tests/vectors/generated/kdf_cmac.json"));
    assert_eq!(all.len(), 9);
    for vector in all {
        let expected = field(&vector, "derived");
        let label = field(&vector, "label").try_into().unwrap();
        let context = field(&vector, "context").try_into().unwrap();
        let length = KeyLength::from_bytes(expected.len()).unwrap();
        let derived = kdf::derive(&mut SoftEngine, &key(&field(&vector, "key")), &label, &context, length);
        assert_eq!(derived.expose(), expected);
        assert_eq!(derived.length(), length);
    }
}

#[test]
fn the_short_counter_ends() {
    let key = key(&[1; 16]);
    let mut out = vec![0; 255 * 16 + 1];
    assert_eq!(kdf::counter_mode(&mut SoftEngine, &key, Counter::Bits8, &[], &[], &mut out), Err(TooLong));
    assert!(out.iter().all(|byte| *byte == 0));
    out.pop();
    assert_eq!(kdf::counter_mode(&mut SoftEngine, &key, Counter::Bits8, &[], &[], &mut out), Ok(()));
    // The last block has the counter 255.
    assert_eq!(out[254 * 16..], SoftEngine.cmac(&key, &[&[255]]));
}

/// RFC 5297, appendix A.1.
#[test]
fn rfc_5297_deterministic() {
    let k1 = key(&hex!("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0"));
    let k2 = key(&hex!("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"));
    let aad = hex!("101112131415161718191a1b1c1d1e1f2021222324252627");
    let mut data = hex!("112233445566778899aabbccddee");
    let tag = siv::seal(&mut SoftEngine, &k1, &k2, &[&aad], &mut data);
    assert_eq!(tag, hex!("85632d07c6e8f37f950acd320a2ecc93"));
    assert_eq!(data, hex!("40c02b9690c4dc04daef7f6afe5c"));
    siv::open(&mut SoftEngine, &k1, &k2, &[&aad], &mut data, &tag).unwrap();
    assert_eq!(data, hex!("112233445566778899aabbccddee"));
}

#[test]
fn siv_as_openssl() {
    let all = vectors(include_str!("../../../tests/vectors/generated/aes_siv_openssl.json"));
    assert!(all.len() >= 14);
    for vector in all {
        let (k1, k2) = (key(&field(&vector, "k1")), key(&field(&vector, "k2")));
        let (aad, plaintext) = (field(&vector, "aad"), field(&vector, "plaintext"));
        let (head, tail) = aad.split_at(aad.len() / 2);
        let mut data = plaintext.clone();
        let tag = siv::seal(&mut SoftEngine, &k1, &k2, &[head, tail], &mut data);
        assert_eq!(tag.to_vec(), field(&vector, "tag"));
        assert_eq!(data, field(&vector, "ciphertext"));
        siv::open(&mut SoftEngine, &k1, &k2, &[&aad], &mut data, &tag).unwrap();
        assert_eq!(data, plaintext);
    }
}

proptest! {
    #[test]
    fn siv_refuses_any_change(
        plaintext in proptest::collection::vec(any::<u8>(), 0..64),
        aad in proptest::collection::vec(any::<u8>(), 1..40),
        bit in any::<proptest::sample::Index>(),
    ) {
        let (k1, k2) = (key(&[1; 32]), key(&[2; 32]));
        let mut data = plaintext.clone();
        let tag = siv::seal(&mut SoftEngine, &k1, &k2, &[&aad], &mut data);
        let mut all = [aad.as_slice(), &data, &tag].concat();
        let bit = bit.index(all.len() * 8);
        all[bit / 8] ^= 1 << (bit % 8);
        let (changed, rest) = all.split_at(aad.len());
        let (body, tag) = rest.split_at(data.len());
        let mut body = body.to_vec();
        let result = siv::open(&mut SoftEngine, &k1, &k2, &[changed], &mut body, tag.try_into().unwrap());
        prop_assert_eq!(result, Err(siv::AuthenticationFailed));
        prop_assert!(body.iter().all(|byte| *byte == 0));
    }
}
