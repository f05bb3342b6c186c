//! Commands, responses, status words, class bytes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use card_core::apdu::{
    ClassByte, Command, InvalidClass, Le, ParseError, Response, ResponseError, SecureMessaging, StatusWord,
};
use proptest::prelude::*;

#[test]
fn the_four_cases() {
    let header = Command { cla: 0, ins: 0xB0, p1: 1, p2: 2, data: &[], le: None };
    for (bytes, expected) in [
        (&[0, 0xB0, 1, 2][..], header),
        (&[0, 0xB0, 1, 2, 5], Command { le: Some(Le::from_byte(5)), ..header }),
        (&[0, 0xB0, 1, 2, 0], Command { le: Some(Le::MAX), ..header }),
        (&[0, 0xB0, 1, 2, 1, 9], Command { data: &[9], ..header }),
        (&[0, 0xB0, 1, 2, 1, 9, 0], Command { data: &[9], le: Some(Le::MAX), ..header }),
        (&[0, 0xB0, 1, 2, 2, 9, 0], Command { data: &[9, 0], ..header }),
    ] {
        assert_eq!(Command::parse(bytes), Ok(expected), "{bytes:02X?}");
        assert_eq!(expected.emit().unwrap().as_slice(), bytes);
    }
    assert_eq!(Le::MAX.bytes(), 256);
    assert_eq!(Le::from_byte(255).bytes(), 255);
}

#[test]
fn what_is_no_short_command() {
    for (bytes, error) in [
        (&[][..], ParseError::TooShort),
        (&[0, 0xB0, 0], ParseError::TooShort),
        (&[0, 0xB0, 0, 0, 2, 1], ParseError::Truncated),
        (&[0, 0xB0, 0, 0, 1, 1, 0, 0], ParseError::Trailing),
        (&[0, 0xB0, 0, 0, 0, 1], ParseError::Trailing),
        (&[0, 0xB0, 0, 0, 0, 1, 0], ParseError::ExtendedLength),
        (&[0, 0xB0, 0, 0, 0, 0, 1, 7], ParseError::ExtendedLength),
        (&[0, 0xB0, 0, 0, 0, 0, 1, 7, 0, 0], ParseError::ExtendedLength),
    ] {
        assert_eq!(Command::parse(bytes), Err(error), "{bytes:02X?}");
        assert_eq!(error.status(), StatusWord::WRONG_LENGTH);
    }
}

#[test]
fn the_longest_command() {
    let data = [7; 256];
    let command = Command { cla: 0, ins: 0, p1: 0, p2: 0, data: &data[..255], le: Some(Le::MAX) };
    assert_eq!(command.emit().unwrap().len(), 261);
    assert!(Command { data: &data, ..command }.emit().is_err());
}

#[test]
fn debug_shows_no_data() {
    let command = Command { cla: 0, ins: 0x20, p1: 0, p2: 0x80, data: &[0x31; 4], le: None };
    assert_eq!(format!("{command:?}"), "Command(00 20 00 80, 4 bytes of data, None)");
    let response = Response::parse(&[0x31, 0x90, 0]).unwrap();
    assert_eq!(format!("{response:?}"), "Response(1 bytes of data, 9000)");
}

#[test]
fn responses() {
    assert_eq!(Response::parse(&[]), Err(ResponseError::TooShort));
    assert_eq!(Response::parse(&[0x90]), Err(ResponseError::TooShort));
    assert_eq!(Response::parse(&[0; 259]), Err(ResponseError::TooLong));
    assert_eq!(Response::parse(&[0; 258]).unwrap().data.len(), 256);
    assert_eq!(
        Response::parse(&[1, 0x6A, 0x82]),
        Ok(Response { data: &[1], status: StatusWord::FILE_NOT_FOUND })
    );
}

#[test]
fn status_words_in_words() {
    for (word, text) in [
        (StatusWord::OK, "9000: success"),
        (StatusWord::more_data(0x10), "6110: 16 further bytes are available"),
        (StatusWord::more_data(0), "6100: 256 or more further bytes are available"),
        (StatusWord::wrong_le(0), "6C00: wrong Le: 256 bytes are available"),
        (StatusWord(0x63C2), "63C2: failed, 2 tries are left"),
        (StatusWord(0x6300), "6300: authentication failed"),
        (StatusWord(0x6FAB), "6FAB: the card gives no reason"),
        (StatusWord(0x1234), "1234: a status word that is not in ISO/IEC 7816-4"),
    ] {
        assert_eq!(word.to_string(), text);
    }
    assert!(StatusWord(0x6283).is_warning() && StatusWord(0x63C1).is_warning());
    assert!(
        !StatusWord::OK.is_warning() && !StatusWord(0x6400).is_warning() && !StatusWord(0x6110).is_warning()
    );
}

#[test]
fn classes() {
    let read = |cla| ClassByte::of(cla).unwrap().bits().map(|b| (b.channel, b.chaining, b.secure_messaging));
    assert_eq!(read(0x00), Some((0, false, SecureMessaging::None)));
    assert_eq!(read(0x07), Some((3, false, SecureMessaging::Proprietary)));
    assert_eq!(read(0x1C), Some((0, true, SecureMessaging::HeaderAuthenticated)));
    assert_eq!(read(0x08), Some((0, false, SecureMessaging::HeaderOpen)));
    assert_eq!(read(0x20), None);
    // 4x is channel 4 and up, and bits 3 and 4 are no secure messaging.
    assert_eq!(read(0x40), Some((4, false, SecureMessaging::None)));
    assert_eq!(read(0x4C), Some((16, false, SecureMessaging::None)));
    assert_eq!(read(0x4F), Some((19, false, SecureMessaging::None)));
    assert_eq!(read(0x71), Some((5, true, SecureMessaging::Unspecified)));
    assert_eq!(read(0x84), Some((0, false, SecureMessaging::Proprietary)));
    assert_eq!(read(0xE0), Some((4, false, SecureMessaging::Unspecified)));
    assert_eq!(read(0xA0), None);
    assert_eq!(ClassByte::of(0xFF), Err(InvalidClass));
    assert!(matches!(ClassByte::of(0xFE), Ok(ClassByte::Proprietary(_))));
    for cla in 0..=0xFE {
        let class = ClassByte::of(cla).unwrap();
        assert_eq!(matches!(class, ClassByte::Proprietary(_)), cla >= 0x80);
        assert_eq!(matches!(class, ClassByte::First(_)), cla < 0x20);
        assert_eq!(matches!(class, ClassByte::Further(_)), (0x40..0x80).contains(&cla));
    }
}

proptest! {
    #[test]
    fn command_round_trip(
        [cla, ins, p1, p2] in any::<[u8; 4]>(),
        data in proptest::collection::vec(any::<u8>(), 0..=255),
        le in any::<Option<u8>>(),
    ) {
        let command = Command { cla, ins, p1, p2, data: &data, le: le.map(Le::from_byte) };
        let bytes = command.emit().unwrap();
        prop_assert_eq!(Command::parse(bytes.as_slice()), Ok(command));
    }

    #[test]
    fn what_parses_emits_itself(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(command) = Command::parse(&bytes) {
            let emitted = command.emit().unwrap();
            prop_assert_eq!(emitted.as_slice(), bytes.as_slice());
        }
        let _ = Response::parse(&bytes);
    }

    #[test]
    fn any_status_displays(word in any::<u16>()) {
        prop_assert!(StatusWord(word).to_string().len() > 6);
    }
}
