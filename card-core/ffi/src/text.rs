//! What is said to people, in both languages. A text has a number here, which is of this build only; its code is for ever.

use card_core::text::{Language, Situation};

use crate::types::MeterResult;
use crate::{given, with_meter};

/// A language of texts: English.
pub const METER_ENGLISH: u8 = 0;
/// A language of texts: Arabic, from right to left.
pub const METER_ARABIC: u8 = 1;

/// A text (docs/messages.md), UTF-8, in flash, not ended by 0.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct MeterText {
    /// What it is.
    pub what: *const u8,
    /// What to do.
    pub to_do: *const u8,
    /// Bytes of `what`.
    pub what_length: u16,
    /// Bytes of `to_do`.
    pub to_do_length: u16,
    /// Its code: a letter and two or three digits, ended by 0.
    pub code: [u8; 5],
}

impl Default for MeterText {
    fn default() -> Self {
        Self { what: "".as_ptr(), to_do: "".as_ptr(), what_length: 0, to_do_length: 0, code: [0; 5] }
    }
}

/// The number of a text, from 1.
pub(crate) const fn number(situation: Situation) -> u16 {
    (situation as u16).saturating_add(1)
}

/// The text with a number that something here has given. Firmware that never calls this has no texts in its flash.
#[unsafe(no_mangle)]
pub extern "C" fn meter_text(number: u16, language: u8, out: Option<&mut MeterText>) -> MeterResult {
    let Some(out) = out else { return MeterResult::Argument };
    let language = match language {
        METER_ENGLISH => Language::English,
        METER_ARABIC => Language::Arabic,
        _ => return MeterResult::Argument,
    };
    let index = usize::from(number).checked_sub(1);
    let Some(situation) = index.and_then(|index| Situation::ALL.get(index)) else {
        return MeterResult::None;
    };
    let text = situation.text(language);
    let mut code = [0; 5];
    for (to, from) in code.iter_mut().zip(text.code.bytes()) {
        *to = from;
    }
    // No text is longer.
    *out = MeterText {
        what: text.what.as_ptr(),
        to_do: text.to_do.as_ptr(),
        what_length: text.what.len() as u16,
        to_do_length: text.to_do.len() as u16,
        code,
    };
    MeterResult::Ok
}

/// How the meter stands: the text at a place from 0 on, the most urgent first; `METER_RESULT_NONE` after the last one (docs/meter.md,
/// section 14). Notices have a function of their own.
#[unsafe(no_mangle)]
pub extern "C" fn meter_news(place: u8, text: Option<&mut u16>) -> MeterResult {
    with_meter(|meter| {
        let text = given(text)?;
        let said = meter.state().situations();
        *text = number(*said.get(usize::from(place)).ok_or(MeterResult::None)?);
        Ok(())
    })
}
