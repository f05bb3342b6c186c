//! Payloads that say more than a message says: documents in JSON, which programs read again (docs/ledger.md, section 2).

use card_core::id::{CardId, CardRef};
use card_core::role::KeyVersion;
use card_core::units::CardTime;
use serde::{Deserialize, Serialize};

use card_host::issuer::BindingAccount;

/// What an entry carries beside a message.
pub(super) enum Payload {
    /// A command to a meter: its counter, and the bytes of what it was sealed in.
    Command { counter: u32, envelope: Vec<u8> },
    /// A technician's card, the bytes of the voucher that activates it, and those of the one that waits for the customer's card.
    Technician { card: CardRef, load_key: KeyVersion, voucher: Vec<u8>, waiting: Vec<u8> },
    /// What a binding begins with, beside what its entry names.
    Opened {
        generation: u16,
        load_key: KeyVersion,
        credit_key: KeyVersion,
        parameter_keys: KeyVersion,
        time: CardTime,
        /// Versions of the base key and of the transport key that the meter has then; 0: not known.
        base: u8,
        transport: u8,
        /// Whether its card is not handed over yet.
        ahead: bool,
    },
    /// Mail of a meter, and what was sealed in it.
    Mail { envelope: Vec<u8>, opened: Vec<u8> },
}

/// The same as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Document {
    Command {
        counter: u32,
        envelope: String,
    },
    Technician {
        card: String,
        generation: u16,
        load_key: u8,
        voucher: String,
        waiting: String,
    },
    Opened {
        generation: u16,
        load_key: u8,
        credit_key: u8,
        parameter_keys: u8,
        time: u64,
        #[serde(default)]
        base: u8,
        #[serde(default)]
        transport: u8,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ahead: bool,
    },
    Mail {
        envelope: String,
        opened: String,
    },
}

impl Payload {
    pub(super) const fn opened(held: &BindingAccount, keys: (u8, u8)) -> Self {
        Self::opened_ahead(held, keys, false)
    }

    /// Of a card that is not handed over yet, or is.
    pub(super) const fn opened_ahead(
        held: &BindingAccount,
        (base, transport): (u8, u8),
        ahead: bool,
    ) -> Self {
        Self::Opened {
            generation: held.card.generation,
            load_key: held.load_key,
            credit_key: held.credit_key,
            parameter_keys: held.parameter_keys,
            time: held.opening_time,
            base,
            transport,
            ahead,
        }
    }

    pub(super) fn emit(&self) -> Vec<u8> {
        let document = match self {
            Self::Command { counter, envelope } => {
                Document::Command { counter: *counter, envelope: hex::encode(envelope) }
            }
            Self::Technician { card, load_key, voucher, waiting } => Document::Technician {
                card: card.id.to_string(),
                generation: card.generation,
                load_key: load_key.byte(),
                voucher: hex::encode(voucher),
                waiting: hex::encode(waiting),
            },
            Self::Opened {
                generation,
                load_key,
                credit_key,
                parameter_keys,
                time,
                base,
                transport,
                ahead,
            } => Document::Opened {
                ahead: *ahead,
                base: *base,
                transport: *transport,
                generation: *generation,
                load_key: load_key.byte(),
                credit_key: credit_key.byte(),
                parameter_keys: parameter_keys.byte(),
                time: time.to_unix(),
            },
            Self::Mail { envelope, opened } => {
                Document::Mail { envelope: hex::encode(envelope), opened: hex::encode(opened) }
            }
        };
        // Numbers and texts can always be written.
        serde_json::to_vec(&document).unwrap_or_default()
    }

    /// `None`: the entry carries something else.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let key = KeyVersion::from_byte;
        Some(match serde_json::from_slice(bytes).ok()? {
            Document::Command { counter, envelope } => {
                Self::Command { counter, envelope: hex::decode(envelope).ok()? }
            }
            Document::Technician { card, generation, load_key, voucher, waiting } => {
                let mut id = [0; 8];
                hex::decode_to_slice(card, &mut id).ok()?;
                let (voucher, waiting) = (hex::decode(voucher).ok()?, hex::decode(waiting).ok()?);
                let card = CardRef { id: CardId(id), generation };
                Self::Technician { card, load_key: key(load_key), voucher, waiting }
            }
            Document::Opened {
                generation,
                load_key,
                credit_key,
                parameter_keys,
                time,
                base,
                transport,
                ahead,
            } => Self::Opened {
                ahead,
                base,
                transport,
                generation,
                load_key: key(load_key),
                credit_key: key(credit_key),
                parameter_keys: key(parameter_keys),
                time: CardTime::from_unix(time)?,
            },
            Document::Mail { envelope, opened } => {
                Self::Mail { envelope: hex::decode(envelope).ok()?, opened: hex::decode(opened).ok()? }
            }
        })
    }
}
