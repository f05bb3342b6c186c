//! Payloads that say more than a message says: documents in JSON, which programs read again (docs/ledger.md, section 2).

use card_core::id::{CardId, CardRef};
use serde::{Deserialize, Serialize};

/// What an entry carries beside a message.
pub(super) enum Payload {
    /// A command to a meter: its counter, and the bytes of what it was sealed in.
    Command { counter: u32, envelope: Vec<u8> },
    /// A technician's card, and the bytes of the voucher that activates it.
    Technician { card: CardRef, voucher: Vec<u8> },
}

/// The same as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Document {
    Command { counter: u32, envelope: String },
    Technician { card: String, generation: u16, voucher: String },
}

impl Payload {
    pub(super) fn emit(&self) -> Vec<u8> {
        let document = match self {
            Self::Command { counter, envelope } => {
                Document::Command { counter: *counter, envelope: hex::encode(envelope) }
            }
            Self::Technician { card, voucher } => Document::Technician {
                card: card.id.to_string(),
                generation: card.generation,
                voucher: hex::encode(voucher),
            },
        };
        // Numbers and texts can always be written.
        serde_json::to_vec(&document).unwrap_or_default()
    }

    /// `None`: the entry carries something else.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        Some(match serde_json::from_slice(bytes).ok()? {
            Document::Command { counter, envelope } => {
                Self::Command { counter, envelope: hex::decode(envelope).ok()? }
            }
            Document::Technician { card, generation, voucher } => {
                let mut id = [0; 8];
                hex::decode_to_slice(card, &mut id).ok()?;
                let voucher = hex::decode(voucher).ok()?;
                Self::Technician { card: CardRef { id: CardId(id), generation }, voucher }
            }
        })
    }
}
