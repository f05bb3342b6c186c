//! After a disaster: the ledger was restored from a copy, and what came after the copy is entered again by evidence (docs/ledger.md, section 10).

use card_core::id::{Binding, CardId};
use card_core::message::Voucher;
use card_core::units::Piastres;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::io::{self, BufRead, Read};

use super::entry::{Entry, Kind, RequestKey, Step};
use super::error::{LedgerError, Refusal, StoreError};
use super::names::{OFFICE, PartyCode, PointCode, RequestId};
use super::office::{Office, Who, draft};
use super::powers::Power;
use super::records::Head;
use super::sale::Steps;
use super::second::{Agreed, agreed, asked, done};
use super::secret::Secret;
use super::sell::reference;
use super::store::{Ask, Ledger, read};

/// A restore that was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// How often the ledger has been restored, with this one.
    pub epoch: u32,
    /// In how many chains it was marked now.
    pub marked: u64,
}

/// A sale that a channel has and the ledger does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostSale {
    /// Line of the channel's list, from 1.
    pub line: u64,
    /// The channel's id of it.
    pub request: RequestId,
    /// What the customer paid.
    pub amount: Piastres,
    /// The voucher, which is evidence.
    pub voucher: Vec<u8>,
    /// The card that it is for.
    pub card: CardId,
    /// The binding that it certifies.
    pub binding: Binding,
    /// Its sequence.
    pub sequence: u32,
    /// Credit that it certifies.
    pub total_credit: Piastres,
}

/// What a channel's list says against the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LostSales {
    /// Lines that the ledger knows, with the same amount and voucher.
    pub known: u64,
    /// What the ledger does not know. For each binding the highest sequence comes first: hand in the vouchers in this order.
    pub lost: Vec<LostSale>,
    /// Lines that contradict the ledger, or that cannot be read: number of the line, and why.
    pub contradicting: Vec<(u64, String)>,
}

/// Why a channel's list was not compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindLostError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The list cannot be read.
    #[error("the channel's list cannot be read ({0}): name the right file")]
    Io(#[from] io::Error),
}

/// Vending points of one page.
const PAGE: u32 = 200;

impl Office {
    /// Declares that the ledger was restored from a copy. From then on a binding sells only after evidence of its card, its meter, or a
    /// voucher. An entry marks the chain of every vending point, so that signed heads of what was lost can be told from a past that was rewritten.
    /// It takes two people: asked for the first time it is entered and refused ([`Refusal::SecondPerson`]); the same again does it.
    /// Repeated with the same id, it marks the chains that an interruption has left out, and declares nothing anew.
    pub fn declare_restored(&self, who: &Who, id: &RequestId, reason: &str) -> Result<Restored, LedgerError> {
        let request = self.companys(who, id, Power::Settings)?;
        if who.point.as_str() != OFFICE {
            return Err(Refusal::Invalid(format!("a restore is declared at vending point {OFFICE}")).into());
        }
        let asked = asked("restored", OFFICE.to_owned());
        let out = self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, None)?;
            let agreed = match agreed(t, &request, &context.steps, &asked)? {
                Agreed::Done(entry) if entry.kind == Kind::Restore => return Ok(Some((epoch_of(&entry), 0))),
                Agreed::Done(_) => return Err(Refusal::OtherRequest(id.clone()).into()),
                Agreed::Yes => true,
                Agreed::No => false,
            };
            let exhausted = || StoreError::Corrupt("the number of restores".to_owned());
            let epoch = context.epoch.checked_add(1).ok_or_else(exhausted)?;
            let mut entry = draft(who, &request, Step::Settled, Kind::Restore, self.now()?);
            reason.clone_into(&mut entry.reason);
            entry.payload = payload(epoch);
            if !agreed {
                return self.ask(t, &mut point, entry, &asked).map(|()| None);
            }
            self.book(t, &mut point, entry, &[Head::Epoch(epoch)])?;
            Ok(Some((epoch, 1_u64)))
        })?;
        let (epoch, mut marked) = done(out, &request)?;
        let mut after: Option<PointCode> = None;
        loop {
            let page = read(self.ledger(), |t| t.points(after.as_ref(), PAGE))?;
            let Some(last) = page.last() else { return Ok(Restored { epoch, marked }) };
            after = Some(last.code.clone());
            for point in page.iter().filter(|point| point.code != who.point) {
                marked = marked.saturating_add(self.mark(who, epoch, &point.code, reason)?);
            }
        }
    }

    /// Marks the chain of one vending point, once for each restore.
    fn mark(&self, who: &Who, epoch: u32, code: &PointCode, reason: &str) -> Result<u64, LedgerError> {
        let request = who.request(&format!("restored-{epoch}-{code}").parse()?);
        self.step(|t| {
            let mut context = t.context(&Ask { request: &request, point: code, payee: None })?;
            if !context.steps.is_empty() {
                return Ok(0);
            }
            let mut point = context.point.take().ok_or_else(|| Refusal::UnknownPoint(code.clone()))?;
            let mut entry = draft(who, &request, Step::First, Kind::Restore, self.now()?);
            reason.clone_into(&mut entry.reason);
            entry.payload = payload(epoch);
            self.book(t, &mut point, entry, &[])?;
            Ok(1)
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Payload {
    restore: u32,
}

fn payload(restore: u32) -> Vec<u8> {
    serde_json::to_vec(&Payload { restore }).unwrap_or_default()
}

/// Which restore an entry declares; 0 where it says none.
pub(super) fn epoch_of(entry: &Entry) -> u32 {
    serde_json::from_slice::<Payload>(&entry.payload).map_or(0, |payload| payload.restore)
}

/// A line of a channel's list. What else stands in it is the channel's own.
#[derive(Deserialize)]
struct Line {
    request: RequestId,
    amount: u64,
    voucher: String,
}

/// Longer lines are no acknowledged sales.
const LINE: u64 = 64 << 10;

/// Compares a channel's own list of acknowledged sales with the ledger. A line is a JSON object with `request`, `amount` (piastres) and `voucher`
/// (hexadecimal), as the channel got it. Nothing is changed; hand in the vouchers of what was lost.
pub fn find_lost(
    ledger: &dyn Ledger,
    party: &PartyCode,
    list: &mut dyn BufRead,
) -> Result<LostSales, FindLostError> {
    let mut found = LostSales::default();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let length = (&mut *list).take(LINE).read_until(b'\n', &mut line)?;
        if length == 0 {
            break;
        }
        if !line.ends_with(b"\n") && u64::try_from(length).is_ok_and(|length| length >= LINE) {
            list.skip_until(b'\n')?;
            let why = format!("it is longer than {LINE} bytes: this is no acknowledged sale");
            found.contradicting.push((number, why));
            continue;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match compare(ledger, party, number, &line)? {
            Compared::Known => found.known = found.known.saturating_add(1),
            Compared::Lost(sale) => found.lost.push(sale),
            Compared::Contradicts(why) => found.contradicting.push((number, why)),
        }
    }
    // The newest voucher of a binding contains the others.
    found.lost.sort_by_key(|sale| (sale.binding, Reverse(sale.sequence), sale.line));
    Ok(found)
}

enum Compared {
    Known,
    Lost(LostSale),
    Contradicts(String),
}

fn compare(ledger: &dyn Ledger, party: &PartyCode, line: u64, text: &[u8]) -> Result<Compared, LedgerError> {
    let parsed: Line = match serde_json::from_slice(text) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(Compared::Contradicts(format!("this is no acknowledged sale: {error}"))),
    };
    let voucher = hex::decode(&parsed.voucher).ok();
    let voucher = match voucher.filter(|bytes| bytes.len() == Secret::KEPT) {
        Some(kept) => read(ledger, |t| t.secret())?.open(&kept),
        None => hex::decode(&parsed.voucher).ok(),
    };
    let Some(bytes) = voucher.filter(|bytes| bytes.len() == Voucher::SIZE) else {
        let none = "it has neither a voucher of 110 bytes nor one that this ledger has sealed";
        return Ok(Compared::Contradicts(none.to_owned()));
    };
    let Ok(voucher) = Voucher::parse(&bytes) else {
        return Ok(Compared::Contradicts("its voucher is damaged".to_owned()));
    };
    let request = RequestKey { party: party.clone(), id: parsed.request };
    let amount = Piastres(parsed.amount);
    if voucher.scope != ledger.scope() || voucher.reference != reference(&request) {
        return Ok(Compared::Contradicts(
            "its voucher was made for another request or another company".to_owned(),
        ));
    }
    let known = read(ledger, |t| {
        let steps = t.steps(&request)?;
        Steps::read(t, &steps)
    })?;
    let lost = |voucher: Voucher, bytes: Vec<u8>| LostSale {
        line,
        request: request.id.clone(),
        amount,
        voucher: bytes,
        card: voucher.card,
        binding: voucher.certificate.binding,
        sequence: voucher.certificate.sequence,
        total_credit: voucher.certificate.total_credit,
    };
    let certified = [&known.first, &known.settled]
        .into_iter()
        .flatten()
        .find(|entry| matches!(entry.kind, Kind::Sale | Kind::Certify));
    Ok(match (certified, &known.first) {
        (Some(entry), _) if entry.amount == amount && entry.payload == bytes => Compared::Known,
        (Some(_), _) => {
            Compared::Contradicts("the ledger has this sale with another amount or voucher".to_owned())
        }
        // Announced before the copy was made, certified after it: as lost as one that is not known at all.
        (None, Some(first)) if first.amount != amount => {
            Compared::Contradicts("the ledger has it announced with another amount".to_owned())
        }
        (None, _) => Compared::Lost(lost(voucher, bytes)),
    })
}
