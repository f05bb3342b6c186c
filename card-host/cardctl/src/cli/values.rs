//! Values as they are written on the command line.

use card_core::access_number::AccessNumber;
use card_core::id::{Binding, CardId, Channel, MeterId};
use card_core::key::KeyLength;
use card_core::numerals::whole;
use card_core::scp03::Mode;
use card_core::text::Language;
use card_ledger::{AdoptFrom, ReplaceReason};
use card_paper::Digits;
use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::commands::mail;
pub(super) use crate::commands::policy::{day, receipt};
use crate::view::Format;

/// An access number on the command line; clap asks for `Clone`, which the secret is not.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) std::sync::Arc<AccessNumber>);

pub(super) fn access_number(text: &str) -> Result<Secret, String> {
    let mut given = String::new();
    if text == "-" {
        // Arguments are seen by every program of the computer.
        std::io::stdin().read_line(&mut given).map_err(|error| error.to_string())?;
    }
    let digits = if text == "-" { given.trim() } else { text };
    let number = AccessNumber::parse(digits).map_err(|error| error.to_string())?;
    Ok(Secret(std::sync::Arc::new(number)))
}

pub(super) fn language(text: &str) -> Result<Language, String> {
    Language::from_code(text).ok_or_else(|| "the language is en or ar".to_owned())
}

pub(super) fn digits(text: &str) -> Result<Digits, String> {
    match text {
        "western" => Ok(Digits::Western),
        "arabic" => Ok(Digits::ArabicIndic),
        _ => Err("digits are western or arabic".to_owned()),
    }
}

pub(super) fn paper(text: &str) -> Result<card_paper::Format, String> {
    match text {
        "a4" => Ok(card_paper::Format::A4),
        "roll" => Ok(card_paper::Format::Roll),
        _ => Err("the paper is a4 or roll".to_owned()),
    }
}

pub(super) fn account(text: &str) -> Result<u64, String> {
    match whole(text) {
        // Above are references to accounts.
        Ok(number) if number != 0 && number < card_ledger::FIRST_REFERENCE => Ok(number),
        _ => Err("an account number has the digits 0-9 only, from 1 to 9223372036854775807".to_owned()),
    }
}

pub(super) fn meter_number(text: &str) -> Result<MeterId, String> {
    match text.parse::<MeterId>() {
        Ok(meter) if meter.number() != 0 => Ok(meter),
        _ => Err("a meter number has the digits 0-9 only, from 1 to 18446744073709551615".to_owned()),
    }
}

pub(super) fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "s8" => Ok(Mode::S8),
        "s16" => Ok(Mode::S16),
        _ => Err("the mode is s8 or s16".to_owned()),
    }
}

pub(super) fn replace_reason(text: &str) -> Result<ReplaceReason, String> {
    ReplaceReason::from_code(text)
        .ok_or_else(|| "a card is lost, damaged, returned, or an upgrade".to_owned())
}

pub(super) fn adopt_from(text: &str) -> Result<AdoptFrom, String> {
    AdoptFrom::from_code(text).ok_or_else(|| "what shows an old balance is old-card or old-meter".to_owned())
}

pub(super) fn key_length(text: &str) -> Result<KeyLength, String> {
    match text {
        "128" => Ok(KeyLength::Aes128),
        "256" => Ok(KeyLength::Aes256),
        _ => Err("keys have 128 or 256 bits".to_owned()),
    }
}

pub(super) fn channel(text: &str) -> Result<Channel, String> {
    [Channel::Branch, Channel::Kiosk, Channel::Bank, Channel::Wallet]
        .into_iter()
        .find(|channel| channel.to_string() == text)
        .ok_or_else(|| "the channel is branch, kiosk, bank or wallet".to_owned())
}

/// A card's number from its digits.
pub(super) fn card(text: &str) -> Result<CardId, String> {
    mail::card_of(text).map_err(|error| error.to_string())
}

/// A contract: its meter's number and its own.
pub(super) fn binding(text: &str) -> Result<Binding, String> {
    let wrong =
        || "a contract is the meter's number and the binding's, in decimal digits, such as 17/1".to_owned();
    let (meter, number) = text.split_once('/').ok_or_else(wrong)?;
    let number =
        whole(number).ok().and_then(|number| u32::try_from(number).ok()).filter(|number| *number != 0);
    Ok(Binding { meter: meter_number(meter)?, number: number.ok_or_else(wrong)? })
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Text, Self::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Text => PossibleValue::new("text").help("For people"),
            Self::Json => {
                PossibleValue::new("json").help("One JSON object on one line; for the tour, one a step")
            }
        })
    }
}
