use super::*;
use card_core::role::KeyVersion;
use hex_literal::hex;
use proptest::prelude::*;

const FCI: [u8; 35] =
    hex!("6F21 8408F04547454C454301 A515 9F6501FF C10F 01 03 54 0001 0102030405060708 0001");

#[test]
fn objects_are_shown_by_depth() {
    let text = Object::parse(&FCI).unwrap().to_string();
    assert_eq!(
        text,
        "6F\n   84  F04547454C454301\n   A5\n      9F65  FF\n      C1  010354000101020304050607080001\n"
    );
    assert_eq!(KeyInformation::parse(&FCI), Err(TlvError::Missing(0xE0)));
}

#[test]
fn key_information() {
    let data = hex!("E018 C00401118820 C00402118820 C00403118820 C00401518820");
    let read = KeyInformation::parse(&data).unwrap();
    assert_eq!(read.keys.len(), 4);
    assert_eq!(read.version(Role::Admin), Some(KeyVersion::from_byte(0x11)));
    assert_eq!(read.version(Role::Load), Some(KeyVersion::from_byte(0x51)));
    assert_eq!(read.version(Role::Meter), None);
    assert_eq!(KeyInformation::parse(&hex!("E006 C00401118820")).unwrap().keys.len(), 1);
    assert_eq!(KeyInformation::parse(&hex!("E006 C00401118020")), Err(TlvError::Field(0xC0)));
    assert_eq!(KeyInformation::parse(&hex!("E000")).unwrap(), KeyInformation::default());
}

#[test]
fn what_the_crate_lets_pass_is_refused() {
    for (bytes, error) in [
        (&hex!("")[..], TlvError::Truncated),
        (&hex!("6F"), TlvError::Truncated),
        (&hex!("84 02 01"), TlvError::Truncated),
        (&hex!("6F 04 84 02 01 02 00"), TlvError::Trailing),
        // A child that reaches over its parent, with and without bytes for it.
        (&hex!("E0 03 C0 04 01 02 03 04"), TlvError::Overrun),
        (&hex!("E0 03 C0 04 01"), TlvError::Overrun),
        (&hex!("E0 04 E1 02 C0 02 01 02"), TlvError::Overrun),
        // Indefinite, and longer than need be.
        (&hex!("E0 80 C0 00 00 00"), TlvError::Length),
        (&hex!("84 81 01 00"), TlvError::Length),
        (&hex!("84 82 00 01 00"), TlvError::Length),
        (&hex!("84 83 00 00 01 00"), TlvError::Length),
        (&hex!("84 01 00 00"), TlvError::Trailing),
        (&hex!("00 00"), TlvError::Tag),
        (&hex!("FF 00"), TlvError::Tag),
        (&hex!("9F 1E 00"), TlvError::Tag),
        (&hex!("9F 80 01 00"), TlvError::Tag),
        (&hex!("9F 81 81 01 00"), TlvError::Tag),
    ] {
        assert_eq!(Object::parse(bytes), Err(error), "{bytes:02X?}");
    }
}

#[test]
fn lengths_around_the_edges() {
    for length in [0, 1, 126, 127, 128, 129, 255, 256, 257, 4000] {
        let inner = Object { tag: 0xC0, value: Value::Primitive(vec![0x5A; length]) };
        let outer = Object { tag: 0x7F49, value: Value::Constructed(vec![inner.clone()]) };
        for object in [inner, outer] {
            assert_eq!(Object::parse(&object.emit()).as_ref(), Ok(&object), "{length}");
        }
    }
    assert_eq!(Object::parse(&vec![0x84; MAX_SIZE + 1]), Err(TlvError::TooLarge));
}

#[test]
fn twelve_kilobytes_of_nesting_do_no_harm() {
    // On a thread with a small stack, so that recursion would show.
    let outcome = std::thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(|| {
            let mut results = Vec::new();
            for levels in [8_usize, 9, 2000, 6000] {
                let mut bytes = Vec::new();
                for _ in 0..levels {
                    bytes.extend([0x30, 0x00]);
                }
                // Lengths from the inside out, where they fit two bytes.
                let mut nested: Vec<u8> = Vec::new();
                for _ in 0..levels.min(60) {
                    let length = nested.len() as u8;
                    nested.splice(0..0, [0x30, length]);
                }
                results.push((levels, Object::parse(&bytes).is_ok(), Object::parse(&nested).map(drop)));
                results.push((levels, Object::parse(&[0x30; 12_000]).is_ok(), Ok(())));
                results.push((levels, Object::parse(&[0x30; 4000]).is_ok(), Ok(())));
            }
            results
        })
        .unwrap()
        .join()
        .unwrap();
    let nested = |levels| outcome.iter().find(|one| one.0 == levels).unwrap().2;
    assert_eq!(nested(8), Ok(()));
    assert_eq!(nested(9), Err(TlvError::TooDeep));
    assert_eq!(nested(6000), Err(TlvError::TooDeep));
    assert!(outcome.iter().all(|one| !one.1));
}

fn object() -> impl Strategy<Value = Object> {
    let tag = prop_oneof![Just(0x80_u32), Just(0x9F65), Just(0xC1), Just(0x5F8101)];
    let leaf = (tag, proptest::collection::vec(any::<u8>(), 0..300))
        .prop_map(|(tag, bytes)| Object { tag, value: Value::Primitive(bytes) });
    leaf.prop_recursive(6, 12, 3, |inner| {
        let tag = prop_oneof![Just(0x6F_u32), Just(0xA5), Just(0x7F49)];
        (tag, proptest::collection::vec(inner, 0..3))
            .prop_map(|(tag, children)| Object { tag, value: Value::Constructed(children) })
    })
}

proptest! {
    #[test]
    fn no_bytes_do_any_harm(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(object) = Object::parse(&bytes) {
            prop_assert_eq!(object.emit(), bytes.clone());
        }
        let _ = KeyInformation::parse(&bytes);
    }

    #[test]
    fn altered_answers_do_no_harm(place in 0..FCI.len(), value: u8) {
        let mut bytes = FCI;
        bytes[place] = value;
        if let Ok(object) = Object::parse(&bytes) {
            prop_assert_eq!(object.emit(), bytes);
        }
    }

    #[test]
    fn what_is_written_reads_back(object in object()) {
        let bytes = object.emit();
        if bytes.len() <= MAX_SIZE {
            prop_assert_eq!(Object::parse(&bytes), Ok(object));
        }
    }

    #[test]
    fn a_cut_object_is_none(object in object(), cut: proptest::sample::Index) {
        let bytes = object.emit();
        let cut = cut.index(bytes.len());
        prop_assert!(Object::parse(&bytes[..cut]).is_err());
    }
}
