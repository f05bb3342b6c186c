//! The table. A line of it is written once, with its code and both languages; the list in [`Situation::ALL`] and the sentences of
//! [`Situation::text`] come from it. Its parts are macros, each of which hands the lines before it and its own ones to the next.

#[macro_use]
mod events;
#[macro_use]
mod issuer;
#[macro_use]
mod loading;
#[macro_use]
mod meter;
#[macro_use]
mod reader;
#[macro_use]
mod supply;

use super::{Language, Text};

macro_rules! situations {
    (; $(
        $(#[$doc:meta])+
        $name:ident $code:literal
            English $what_en:literal, $to_do_en:literal;
            Arabic $what_ar:literal, $to_do_ar:literal;
    )+) => {
        /// What a customer can meet at a kiosk, on a phone, at a branch or at the meter.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Situation {
            $($(#[$doc])+ $name,)+
        }

        impl Situation {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// What to tell the customer.
            pub const fn text(self, language: Language) -> Text {
                match (self, language) {
                    $(
                        (Self::$name, Language::English) => {
                            Text { code: $code, what: $what_en, to_do: $to_do_en }
                        }
                        (Self::$name, Language::Arabic) => {
                            Text { code: $code, what: $what_ar, to_do: $to_do_ar }
                        }
                    )+
                }
            }
        }
    };
}

loading! { meter supply events issuer reader situations; }
