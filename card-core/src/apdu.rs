//! Commands, responses, status words and class bytes (ISO/IEC 7816-3, 12.1, and 7816-4, 5): borrowed views, short lengths only.
//!
//! Nothing here can panic, whatever the bytes are.

use core::fmt;

use crate::bytes::{Buffer, Reader, WrongLength};

/// Bytes in the longest short command: header, Lc, 255 bytes of data, Le (ISO/IEC 7816-3, 12.1.3).
pub const MAX_COMMAND: usize = 261;

/// Bytes in the longest short response: 256 bytes of data and the status word (ISO/IEC 7816-3, 12.1.3).
pub const MAX_RESPONSE: usize = 258;

/// How many bytes of response data a short command expects at most (ISO/IEC 7816-4, 5.1, Le field).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Le(u8);

impl Le {
    /// Le = 00: up to 256 bytes.
    pub const MAX: Self = Self(0);

    /// The field as it stands in a command.
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte)
    }

    /// The field as it stands in a command.
    pub const fn byte(self) -> u8 {
        self.0
    }

    /// How many bytes that means, 1 to 256.
    pub const fn bytes(self) -> usize {
        match self.0 {
            0 => 256,
            n => n as usize,
        }
    }
}

/// A short command (ISO/IEC 7816-4, 5.1), of any of the four cases. `Debug` shows the length of the data, not the data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Command<'a> {
    /// Class byte; [`ClassByte::of`] says what it means.
    pub cla: u8,
    /// Instruction.
    pub ins: u8,
    /// First parameter.
    pub p1: u8,
    /// Second parameter.
    pub p2: u8,
    /// Command data, at most 255 bytes. Empty in cases 1 and 2.
    pub data: &'a [u8],
    /// Expected length of the response. `None` in cases 1 and 3.
    pub le: Option<Le>,
}

impl<'a> Command<'a> {
    /// A command from its bytes (ISO/IEC 7816-3, 12.1.3, table 13). Four bytes and a 00 are case 2 with Le = 00.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        let [cla, ins, p1, p2] = reader.array().map_err(|_| ParseError::TooShort)?;
        let header = Self { cla, ins, p1, p2, data: &[], le: None };
        let Ok(third) = reader.u8() else { return Ok(header) };
        match (third, reader.left()) {
            (le, 0) => return Ok(Self { le: Some(Le(le)), ..header }),
            // A 00 that is not the last byte opens an extended field, of at least two more bytes.
            (0, 1) => return Err(ParseError::Trailing),
            (0, _) => return Err(ParseError::ExtendedLength),
            _ => {}
        }
        let data = reader.take(third.into()).map_err(|_| ParseError::Truncated)?;
        let le = match reader.rest() {
            [] => None,
            [le] => Some(Le(*le)),
            _ => return Err(ParseError::Trailing),
        };
        Ok(Self { data, le, ..header })
    }

    /// CLA, INS, P1 and P2.
    pub const fn header(&self) -> [u8; 4] {
        [self.cla, self.ins, self.p1, self.p2]
    }

    /// The command's bytes (ISO/IEC 7816-3, 12.1.3). Fails where there are more than 255 bytes of data.
    pub fn emit(&self) -> Result<Buffer<MAX_COMMAND>, WrongLength> {
        let mut out = Buffer::new();
        self.emit_in(&mut out)?;
        Ok(out)
    }

    /// [`Self::emit`] in place of what `out` held.
    pub fn emit_in(&self, out: &mut Buffer<MAX_COMMAND>) -> Result<(), WrongLength> {
        out.clear();
        out.put(&self.header())?;
        if !self.data.is_empty() {
            out.u8(u8::try_from(self.data.len()).map_err(|_| WrongLength)?)?.put(self.data)?;
        }
        if let Some(le) = self.le {
            out.u8(le.byte())?;
        }
        Ok(())
    }

    /// The command as T=0 carries it (ISO/IEC 7816-3, 12.2): five bytes, or five and the data that the fifth counts. Case 4 goes
    /// without its Le: what it answers is fetched with GET RESPONSE. Strict readers refuse anything else.
    pub fn emit_t0(&self) -> Result<Buffer<MAX_COMMAND>, WrongLength> {
        let le = if self.data.is_empty() { Some(self.le.unwrap_or(Le::MAX)) } else { None };
        Self { le, ..*self }.emit()
    }
}

impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cla, ins, p1, p2, data, le } = self;
        write!(f, "Command({cla:02X} {ins:02X} {p1:02X} {p2:02X}, {} bytes of data, {le:?})", data.len())
    }
}

/// Why bytes are not a short command (ISO/IEC 7816-3, 12.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Fewer than four bytes.
    #[error("shorter than a command header")]
    TooShort,
    /// Lc says more data than there are.
    #[error("the command ends before its data do")]
    Truncated,
    /// There are bytes after Le.
    #[error("bytes follow the end of the command")]
    Trailing,
    /// The lengths are of the extended form (ISO/IEC 7816-3, 12.1.3, cases 2E to 4E), which is not supported.
    #[error("extended lengths are not supported")]
    ExtendedLength,
}

impl ParseError {
    /// The status word that a card answers with: all of these are wrong lengths (ISO/IEC 7816-4, 5.6).
    pub const fn status(self) -> StatusWord {
        StatusWord::WRONG_LENGTH
    }
}

/// A response: data and status word (ISO/IEC 7816-4, 5.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Response<'a> {
    /// Response data; may be empty.
    pub data: &'a [u8],
    /// SW1 and SW2.
    pub status: StatusWord,
}

impl<'a> Response<'a> {
    /// A response from its bytes. Fails where there are fewer than two, or more than 258 (ISO/IEC 7816-3, 12.1.3).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ResponseError> {
        if bytes.len() > MAX_RESPONSE {
            return Err(ResponseError::TooLong);
        }
        let (data, status) = bytes.split_last_chunk().ok_or(ResponseError::TooShort)?;
        Ok(Self { data, status: StatusWord(u16::from_be_bytes(*status)) })
    }
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({} bytes of data, {:04X})", self.data.len(), self.status.0)
    }
}

/// Why bytes are not a short response (ISO/IEC 7816-4, 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// No room for a status word.
    #[error("shorter than a status word")]
    TooShort,
    /// More than 256 bytes of data.
    #[error("longer than any short response")]
    TooLong,
}

/// SW1 and SW2 (ISO/IEC 7816-4, 5.6). `Display` says what it means.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusWord(pub u16);

impl StatusWord {
    /// 9000: success.
    pub const OK: Self = Self(0x9000);
    /// 6285: what was selected is in the termination state.
    pub const TERMINATED: Self = Self(0x6285);
    /// 6300: an authentication failed (GlobalPlatform Card Specification, EXTERNAL AUTHENTICATE: host cryptogram).
    pub const AUTHENTICATION_FAILED: Self = Self(0x6300);
    /// 6581: the memory failed.
    pub const MEMORY_FAILURE: Self = Self(0x6581);
    /// 6700: wrong length.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// 6881: the logical channel is not supported.
    pub const CHANNEL_NOT_SUPPORTED: Self = Self(0x6881);
    /// 6882: secure messaging is not supported.
    pub const SECURE_MESSAGING_NOT_SUPPORTED: Self = Self(0x6882);
    /// 6884: command chaining is not supported.
    pub const CHAINING_NOT_SUPPORTED: Self = Self(0x6884);
    /// 6982: the security status is not sufficient.
    pub const SECURITY_STATUS: Self = Self(0x6982);
    /// 6985: the conditions of use are not satisfied.
    pub const CONDITIONS_OF_USE: Self = Self(0x6985);
    /// 6986: not allowed, nothing is selected.
    pub const NOT_ALLOWED: Self = Self(0x6986);
    /// 6988: the secure messaging data are wrong.
    pub const SECURE_MESSAGING_DATA: Self = Self(0x6988);
    /// 6A80: the command data are wrong.
    pub const WRONG_DATA: Self = Self(0x6A80);
    /// 6A81: the function is not supported.
    pub const FUNCTION_NOT_SUPPORTED: Self = Self(0x6A81);
    /// 6A82: no such file or application.
    pub const FILE_NOT_FOUND: Self = Self(0x6A82);
    /// 6A83: no such record.
    pub const RECORD_NOT_FOUND: Self = Self(0x6A83);
    /// 6A86: P1 or P2 is wrong.
    pub const WRONG_P1_P2: Self = Self(0x6A86);
    /// 6A88: no such data.
    pub const DATA_NOT_FOUND: Self = Self(0x6A88);
    /// 6B00: the offset is outside.
    pub const WRONG_OFFSET: Self = Self(0x6B00);
    /// 6D00: unknown instruction.
    pub const INSTRUCTION_NOT_SUPPORTED: Self = Self(0x6D00);
    /// 6E00: unknown class.
    pub const CLASS_NOT_SUPPORTED: Self = Self(0x6E00);
    /// 6F00: no precise diagnosis.
    pub const UNKNOWN: Self = Self(0x6F00);

    /// 61xx: `more` further bytes wait for GET RESPONSE; 0 stands for 256 or more.
    pub const fn more_data(more: u8) -> Self {
        Self(0x6100 | more as u16)
    }

    /// 6Cxx: Le is wrong, `exact` bytes are there; 0 stands for 256.
    pub const fn wrong_le(exact: u8) -> Self {
        Self(0x6C00 | exact as u16)
    }

    /// SW1.
    pub const fn sw1(self) -> u8 {
        self.0.to_be_bytes()[0]
    }

    /// SW2.
    pub const fn sw2(self) -> u8 {
        self.0.to_be_bytes()[1]
    }

    /// SW1 and SW2 as they are sent.
    pub const fn to_bytes(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }

    /// Whether this is 9000.
    pub const fn is_ok(self) -> bool {
        self.0 == Self::OK.0
    }

    /// Whether this is a warning: 62xx or 63xx (ISO/IEC 7816-4, 5.6, table 5).
    pub const fn is_warning(self) -> bool {
        matches!(self.sw1(), 0x62 | 0x63)
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusWord({:04X})", self.0)
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}: ", self.0)?;
        let words = match self.0 {
            0x9000 => "success",
            0x6283 => "the application or file is deactivated",
            0x6285 => "the application or file is terminated",
            0x6300 => "authentication failed",
            0x6581 => "the card's memory failed",
            0x6700 => "wrong length",
            0x6881 => "this logical channel is not supported",
            0x6882 => "this secure messaging is not supported",
            0x6883 => "the last command of a chain was expected",
            0x6884 => "command chaining is not supported",
            0x6982 => "not authenticated, or not at the level that this needs",
            0x6985 => "not allowed in the present state",
            0x6986 => "not allowed, nothing is selected",
            0x6988 => "wrong secure messaging data",
            0x6A80 => "the command's data are wrong",
            0x6A81 => "this function is not supported",
            0x6A82 => "no such application or file",
            0x6A83 => "no such record",
            0x6A84 => "not enough memory",
            0x6A86 => "wrong parameter P1 or P2",
            0x6A88 => "no such data",
            0x6B00 => "the offset lies outside",
            0x6D00 => "unknown instruction: another application may be selected",
            0x6E00 => "unknown class: another application may be selected",
            0x6F00 => "the card gives no reason",
            _ => return self.fmt_range(f),
        };
        f.write_str(words)
    }
}

impl StatusWord {
    /// What the first byte tells (ISO/IEC 7816-4, 5.6, tables 5 and 6).
    fn fmt_range(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.to_bytes() {
            [0x61, 0] => return f.write_str("256 or more further bytes are available"),
            [0x61, more] => return write!(f, "{more} further bytes are available"),
            [0x6C, exact] => return write!(f, "wrong Le: {} bytes are available", Le(exact).bytes()),
            [0x63, tries @ 0xC0..=0xCF] => return write!(f, "failed, {} tries are left", tries & 0x0F),
            [0x62, _] => "warning, nothing was changed",
            [0x63, _] => "warning, the card's memory was changed",
            [0x64, _] => "failed, nothing was changed",
            [0x65, _] => "failed, the card's memory was changed",
            [0x66, _] => "failed for a reason of security",
            [0x67, _] => "wrong length",
            [0x68, _] => "this class's function is not supported",
            [0x69, _] => "the command is not allowed",
            [0x6A, _] => "wrong parameters or data",
            [0x6B, _] => "wrong parameter P1 or P2",
            [0x6D, _] => "unknown instruction",
            [0x6E, _] => "unknown class",
            [0x6F, _] => "the card gives no reason",
            _ => "a status word that is not in ISO/IEC 7816-4",
        };
        f.write_str(words)
    }
}

/// What a class byte says (ISO/IEC 7816-4, 5.4.1; for the proprietary ones GlobalPlatform Card Specification 2.3, 11.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClassByte {
    /// 00-1F, the first interindustry range.
    First(ClassBits),
    /// 40-7F, the further interindustry range.
    Further(ClassBits),
    /// 20-3F, reserved by ISO/IEC.
    Reserved,
    /// 80-FE. The bits are read as GlobalPlatform defines them: 80-9F like the first, C0-FE like the further range; A0-BF have
    /// no such reading.
    Proprietary(Option<ClassBits>),
}

/// The indications in a class byte (ISO/IEC 7816-4, 5.4.1, tables 2 and 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClassBits {
    /// This is not the last command of a chain (b5).
    pub chaining: bool,
    /// The logical channel, 0 to 3 in the first and 4 to 19 in the further range.
    pub channel: u8,
    /// Which secure messaging is indicated.
    pub secure_messaging: SecureMessaging,
}

/// The secure messaging that a class byte indicates (ISO/IEC 7816-4, 5.4.1, tables 2 and 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecureMessaging {
    /// None.
    None,
    /// A proprietary format: GlobalPlatform's secure channels (b4 b3 = 01).
    Proprietary,
    /// ISO/IEC 7816-4's own, header not authenticated (b4 b3 = 10).
    HeaderOpen,
    /// ISO/IEC 7816-4's own, header authenticated (b4 b3 = 11).
    HeaderAuthenticated,
    /// Some: the further range has one bit for all formats (b6 = 1).
    Unspecified,
}

/// FF, which no command may have as its class (ISO/IEC 7816-3, 10.3.2; 7816-4, 5.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("FF is not a class")]
pub struct InvalidClass;

impl ClassByte {
    /// What `cla` says; only FF says nothing.
    pub const fn of(cla: u8) -> Result<Self, InvalidClass> {
        Ok(match cla {
            0x00..=0x1F => Self::First(ClassBits::first(cla)),
            0x20..=0x3F => Self::Reserved,
            0x40..=0x7F => Self::Further(ClassBits::further(cla)),
            0x80..=0x9F => Self::Proprietary(Some(ClassBits::first(cla))),
            0xA0..=0xBF => Self::Proprietary(None),
            0xC0..=0xFE => Self::Proprietary(Some(ClassBits::further(cla))),
            0xFF => return Err(InvalidClass),
        })
    }

    /// The indications, where the class has them.
    pub const fn bits(self) -> Option<ClassBits> {
        match self {
            Self::First(bits) | Self::Further(bits) => Some(bits),
            Self::Proprietary(bits) => bits,
            Self::Reserved => None,
        }
    }
}

impl ClassBits {
    /// Table 2: b5 chaining, b4 b3 secure messaging, b2 b1 channel.
    const fn first(cla: u8) -> Self {
        Self {
            chaining: cla & 0x10 != 0,
            channel: cla & 0x03,
            secure_messaging: match cla & 0x0C {
                0x00 => SecureMessaging::None,
                0x04 => SecureMessaging::Proprietary,
                0x08 => SecureMessaging::HeaderOpen,
                _ => SecureMessaging::HeaderAuthenticated,
            },
        }
    }

    /// Table 3: b6 secure messaging, b5 chaining, b4 to b1 channel minus 4.
    const fn further(cla: u8) -> Self {
        Self {
            chaining: cla & 0x10 != 0,
            channel: (cla & 0x0F) + 4,
            secure_messaging: match cla & 0x20 {
                0 => SecureMessaging::None,
                _ => SecureMessaging::Unspecified,
            },
        }
    }
}
