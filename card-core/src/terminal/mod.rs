//! What a terminal says to a card and how it reads the answers, sans-IO: the same code on phone, kiosk, branch desk and in a
//! meter.
//!
//! Nothing here sends anything. A step gives a command, takes the bytes of the response with their status word, and is used
//! up. What carries the bytes must make T=0 look like T=1: it answers 61xx with GET RESPONSE itself (specification, section 16).
//!
//! - [`select`]: which card this is;
//! - [`read`]: what everybody may read, and what a session may;
//! - [`session`]: opening a session and asking in it;
//! - [`load`]: vouchers and mail;
//! - [`issue`]: what an issuer does to a card;
//! - [`exchange`]: a meter and a card.
//!
//! # What to believe
//!
//! Answers without a session prove nothing: they are for showing. In a session, a [`Request`] takes only answers whose R-MAC
//! is right. An error status carries no MAC: it never proves that the command was not executed. All of this is built so that
//! doing it again is right.

pub mod exchange;
pub mod issue;
pub mod load;
pub mod read;
mod request;
pub mod select;
pub mod session;
pub mod tlv;

pub use request::{Request, RequestError};
