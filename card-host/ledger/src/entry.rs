//! Entries: all that ever happens to the ledger, each in the chain of its vending point (docs/ledger.md, sections 2 and 3).

use card_core::id::{Binding, CardId};
use card_core::units::{CardTime, Piastres};
use sha2::{Digest, Sha256};

use super::accounts::LedgerAccount;
use super::names::{PartyCode, PointCode, RequestId, is_words};

/// SHA-256.
pub type Hash = [u8; 32];

/// Where an entry stands: the vending point, and the place in its chain, from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The vending point.
    pub point: PointCode,
    /// From 1, without a gap.
    pub number: u64,
}

/// What was asked, by whom: unique for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey {
    /// Whose id it is.
    pub party: PartyCode,
    /// The id.
    pub id: RequestId,
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As it is stored and exported.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The one with this code.
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}
pub(super) use codes;

codes! {
    /// What an entry is about.
    Kind {
        /// A sale in one step: paid, and certified.
        Sale = "sale",
        /// A sale is announced; nothing is paid yet.
        Reserve = "reserve",
        /// A second person agrees to what the first one asked for.
        Approve = "approve",
        /// The channel has the money.
        Confirm = "confirm",
        /// An announced sale will not be.
        Cancel = "cancel",
        /// What was paid has become credit.
        Certify = "certify",
        /// What was paid is given back before it became credit.
        Refund = "refund",
        /// A second person is needed for a correction.
        Propose = "propose",
        /// A correction: certified as a debit.
        Debit = "debit",
        /// The same totals certified once more.
        Refresh = "refresh",
        /// A binding is opened.
        Open = "open",
        /// A contract has ended: its meter is nobody's.
        End = "end",
        /// What was left in a contract that has ended is given back.
        GiveBack = "give-back",
        /// A binding comes from other books with its totals.
        Adopt = "adopt",
        /// A card replaces another one.
        Replace = "replace",
        /// A card is blocked or unblocked: nothing is sold to it.
        Block = "block",
        /// What was left in a closed binding goes to the customer's new one.
        Move = "move",
        /// A debt of a customer is entered, to be taken from sales.
        Debt = "debt",
        /// A vending point hands over its cash.
        Deposit = "deposit",
        /// The day of a vending point is closed.
        Close = "close",
        /// An account of a bank's customer is linked to a card, or unlinked.
        Link = "link",
        /// A receipt or mail that came back.
        Evidence = "evidence",
        /// Credit that evidence shows and the ledger had lost.
        Recover = "recover",
        /// Mail to a meter.
        Mail = "mail",
        /// Parties, tokens, vending points, rules of selling.
        Settings = "settings",
        /// Two people have said that the time is right, however far it is from that of the entry before it.
        Clock = "clock",
        /// The ledger was restored from a copy.
        Restore = "restore",
        /// What a customer has shown at a desk for a step in the life of a card.
        Papers = "papers",
        /// The fee of such a step.
        Fee = "fee",
        /// Such a fee is given back.
        FeeBack = "fee-back",
    }
}

impl Kind {
    /// Whether somebody decides it, and must say why.
    pub const fn has_reason(self) -> bool {
        matches!(
            self,
            Self::Refund
                | Self::Propose
                | Self::Debit
                | Self::End
                | Self::GiveBack
                | Self::Adopt
                | Self::Replace
                | Self::Block
                | Self::Move
                | Self::Debt
                | Self::Clock
                | Self::Restore
                | Self::FeeBack
        )
    }
}

codes! {
    /// The steps of what one request asked for. Each happens once.
    Step {
        /// What was asked.
        First = "1",
        /// A second person agreed.
        Approval = "2",
        /// Confirmed or cancelled.
        Decision = "3",
        /// Certified, or refunded.
        Settled = "4",
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl Step {
    /// As the stores have it.
    pub(super) const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The one with this number.
    pub(super) fn from_number(number: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|step| i64::from(step.number()) == number)
    }
}

/// One movement of money: `amount` is debited to one account and credited to another. So every entry is balanced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Receives (Dr).
    pub debit: LedgerAccount,
    /// Gives (Cr).
    pub credit: LedgerAccount,
    /// Above 0.
    pub amount: Piastres,
}

/// An entry. Once written it is never changed and never deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where: the vending point, and the place in its chain.
    pub id: EntryId,
    /// When.
    pub time: CardTime,
    /// What.
    pub kind: Kind,
    /// Which request of whom.
    pub request: RequestKey,
    /// Which step of it.
    pub step: Step,
    /// Who: the person or program, as its token or login names it.
    pub actor: String,
    /// Why, in words, see [`Entry::is_reason`]; empty where the kind says all, see [`Kind::has_reason`].
    pub reason: String,
    /// The binding that it is about.
    pub binding: Option<Binding>,
    /// The card that it is about.
    pub card: Option<CardId>,
    /// The customer's account; 0 where none is meant.
    pub account: u64,
    /// What the customer paid, or what was corrected; 0 where no money moves.
    pub amount: Piastres,
    /// Sequence of the binding after it; 0 where it is about none.
    pub sequence: u32,
    /// Total credit of the binding after it.
    pub total_credit: Piastres,
    /// Total debited of the binding after it.
    pub total_debited: Piastres,
    /// Version of the rules of selling that held.
    pub policy: u32,
    /// What it carries: a voucher, a receipt, an envelope, a document.
    pub payload: Vec<u8>,
    /// The movements of money, at most [`Entry::TRANSFERS`].
    pub transfers: Vec<Transfer>,
    /// Hash of the entry before it in the chain; zeros for the first.
    pub previous: Hash,
    /// Its own, see [`Entry::hashed`].
    pub hash: Hash,
}

impl Entry {
    /// The most transfers in one entry.
    pub const TRANSFERS: usize = 32;
    /// The most characters of a reason.
    pub const REASON: usize = 200;

    /// Whether a text is a reason: some words that people can see, on one line, at most [`Entry::REASON`] characters.
    pub fn is_reason(text: &str) -> bool {
        is_words(text, Self::REASON)
    }

    /// The hash of this entry as docs/ledger.md, section 3, defines it: SHA-256 over the previous hash and all fields, each after its
    /// length (4 bytes, big-endian), numbers in decimal digits, in the order in which they are written here.
    pub fn hashed(&self) -> Hash {
        let mut hash = Sha256::new();
        hash.update(self.previous);
        let mut field = |bytes: &[u8]| {
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            hash.update(length.to_be_bytes());
            hash.update(bytes);
        };
        let mut digits = Digits::default();
        field(self.id.point.as_str().as_bytes());
        field(digits.of(self.id.number));
        field(digits.of(self.time.to_unix()));
        field(self.kind.code().as_bytes());
        field(self.request.party.as_str().as_bytes());
        field(self.request.id.as_str().as_bytes());
        field(self.step.code().as_bytes());
        field(self.actor.as_bytes());
        field(self.reason.as_bytes());
        match &self.binding {
            Some(binding) => {
                field(format!("{:X}", binding.meter).as_bytes());
                field(digits.of(binding.number.into()));
            }
            None => {
                field(b"");
                field(b"");
            }
        }
        field(self.card.map(|card| card.to_string()).unwrap_or_default().as_bytes());
        let numbers = [
            self.account,
            self.amount.0,
            self.sequence.into(),
            self.total_credit.0,
            self.total_debited.0,
            self.policy.into(),
        ];
        for number in numbers {
            field(digits.of(number));
        }
        field(&self.payload);
        for transfer in &self.transfers {
            field(transfer.debit.to_string().as_bytes());
            field(transfer.credit.to_string().as_bytes());
            field(digits.of(transfer.amount.0));
        }
        hash.finalize().into()
    }

    /// Of the entry of a block: whether the card is blocked by it, or unblocked.
    pub fn blocks(&self) -> Option<bool> {
        if self.kind != Kind::Block {
            return None;
        }
        let payload: serde_json::Value = serde_json::from_slice(&self.payload).ok()?;
        payload.get("blocked")?.as_bool()
    }

    /// The same entry with its own hash in it.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.hash = self.hashed();
        self
    }
}

/// Decimal digits without a heap: hashing is on the way of every sale.
#[derive(Default)]
struct Digits([u8; 20]);

impl Digits {
    fn of(&mut self, mut number: u64) -> &[u8] {
        let mut first = self.0.len();
        for (index, digit) in self.0.iter_mut().enumerate().rev() {
            // A remainder of ten fits.
            *digit = b'0'.saturating_add(u8::try_from(number % 10).unwrap_or(0));
            number /= 10;
            first = index;
            if number == 0 {
                break;
            }
        }
        self.0.get(first..).unwrap_or_default()
    }
}
