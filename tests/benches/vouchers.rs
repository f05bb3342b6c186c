//! How fast an issuer makes vouchers, beside the AES that they take: certificate and voucher under AES-256 keys, both keys derived
//! from their masters, through `Issuer` and `SoftwareKeyStore`.
//!
//! The blocks of a voucher are counted; then so many are encrypted with nothing around them, each from the one before, as in CMAC.
//! Vouchers and bare blocks take turns in short rounds, and medians of a series of rounds are compared. Other work on the same
//! processor slows vouchers, which keep it busy, more than a chain of blocks, which mostly waits for itself; and processors differ
//! in what of both they do at once. So ratios stand beside their goal, and fail nothing. The blocks are counted exactly.
//!
//! Ends with status 101 where vouchers are wrong, or take other blocks than they should.
#![allow(
    clippy::unwrap_used,
    clippy::float_arithmetic,
    reason = "a benchmark says what is wrong by failing, and prints ratios"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use aes::cipher::consts::U16;
use aes::cipher::{
    Array, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit,
};
use aes::{Aes256, Aes256Enc};
use card_core::id::{Binding, CardId, CardRef, Channel, Company, Environment, MeterId, Reference, Scope};
use card_core::key::{AesKey, KeyLength};
use card_core::message::Voucher;
use card_core::platform::{Block, Engine, PartialBlock};
use card_core::role::{Derivation, KeyVersion, Role};
use card_core::soft::SoftEngine;
use card_core::units::{CardTime, Piastres};
use card_host::issuer::{BindingAccount, Issuer, SystemClock};
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;

type Desk = Issuer<SoftwareKeyStore>;

/// The goal: vouchers are made at least so fast, of bare AES.
const GOAL: f64 = 0.7;
/// What a voucher takes: blocks, those of them that a store has kept (two AES-256 keys are derived, each by two CMACs with its
/// master), expansions of keys.
const BLOCKS: (u64, u64, u64) = (26, 4, 2);
const ROUNDS: usize = 301;
const VOUCHERS: u64 = 500;
const SCOPE: Scope = Scope { company: Company(3), environment: Environment::Test };

fn main() {
    let keys = SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom).unwrap();
    let [credit, load] = masters(&keys);
    let desk = Issuer::new(Arc::new(keys), SystemClock);
    let count = count(&desk, &credit, &load);
    assert_eq!((count.blocks, count.kept, count.expansions), BLOCKS, "blocks, kept ones, expansions");
    Series::measure(&desk, &count).print(&count);
}

/// A sale to another meter and another card each time, so that nothing that was derived could be used again.
fn sell(desk: &Desk, number: u64) -> Voucher {
    let account = BindingAccount {
        scope: SCOPE,
        binding: Binding { meter: MeterId::from(number), number: 1 },
        account: number,
        card: CardRef { id: CardId::from(number ^ 0xA5A5), generation: 1 },
        load_key: KeyVersion::from_byte(0x51),
        credit_key: KeyVersion::from_byte(0x71),
        parameter_keys: KeyVersion::from_byte(0x81),
        sequence: 1,
        total_credit: Piastres(number),
        total_debited: Piastres::ZERO,
        opening_time: CardTime(5),
        applied_credit: Piastres::ZERO,
        applied_debited: Piastres::ZERO,
        moved: false,
    };
    desk.voucher(&account, Channel::Branch, Reference::from(number)).unwrap()
}

/// The masters of credit and load keys, out of the file that a store writes.
fn masters(keys: &SoftwareKeyStore) -> [AesKey; 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    keys.create(&path).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    ["credit", "load"].map(|role| {
        let master = file.pointer(&format!("/masters/{role}/1")).unwrap().as_str().unwrap();
        AesKey::new(&hex::decode(master).unwrap()).unwrap()
    })
}

/// Counts the blocks of CMAC, as an engine does that is given a key with every call.
struct Counting<'a> {
    masters: [&'a AesKey; 2],
    count: Count,
}

#[derive(Default)]
struct Count {
    /// All blocks: those of the messages, and one for the subkeys of each CMAC.
    blocks: u64,
    /// Those of them that are for the subkeys of masters, which a key store need not compute again.
    kept: u64,
    /// Keys that were derived and must be expanded.
    expansions: u64,
}

impl Count {
    /// Blocks that are computed for each voucher.
    const fn computed(&self) -> u64 {
        self.blocks - self.kept
    }
}

impl Engine for Counting<'_> {
    fn encrypt_block(&mut self, _: &AesKey, _: &mut Block) {
        unreachable!("a voucher takes CMACs only");
    }

    fn encrypt_cbc(&mut self, _: &AesKey, _: &Block, _: &mut [u8]) -> Result<(), PartialBlock> {
        unreachable!("a voucher takes CMACs only");
    }

    fn decrypt_cbc(&mut self, _: &AesKey, _: &Block, _: &mut [u8]) -> Result<(), PartialBlock> {
        unreachable!("a voucher takes CMACs only");
    }

    fn cmac(&mut self, key: &AesKey, message: &[&[u8]]) -> Block {
        let bytes: usize = message.iter().map(|part| part.len()).sum();
        self.count.blocks += bytes.div_ceil(size_of::<Block>()).max(1) as u64 + 1;
        if self.masters.iter().any(|master| std::ptr::eq(*master, key)) {
            self.count.kept += 1;
        } else {
            self.count.expansions += 1;
        }
        SoftEngine.cmac(key, message)
    }
}

/// Makes a voucher of the desk's again, counting.
fn count(desk: &Desk, credit: &AesKey, load: &AesKey) -> Count {
    let sold = sell(desk, 1);
    let mut engine = Counting { masters: [credit, load], count: Count::default() };
    let meter = sold.certificate.binding.meter;
    let key = Derivation::for_meter(SCOPE, KeyVersion::new(Role::Credit, 1), meter, KeyLength::Aes256)
        .single(&mut engine, credit)
        .unwrap();
    let certificate = sold.certificate.sign(&mut engine, &key, SCOPE);
    let key = Derivation::for_chip(SCOPE, KeyVersion::new(Role::Load, 1), sold.card, KeyLength::Aes256)
        .single(&mut engine, load)
        .unwrap();
    let made = Voucher { certificate, ..sold }.sign(&mut engine, &key);
    assert_eq!(made, sold, "what is counted is what is sold");
    engine.count
}

/// Medians of interleaved rounds, in nanoseconds.
struct Series {
    voucher: f64,
    /// A bare block, one call of the `aes` crate for each.
    block: f64,
    /// A bare block, one call of the `aes` crate for all of a voucher: the block stays in a register.
    chained: f64,
    /// The schedule of a key, for encryption only.
    expansion: f64,
}

impl Series {
    fn measure(desk: &Desk, count: &Count) -> Self {
        let (mut vouchers, mut blocks, mut chains, mut expansions) = (vec![], vec![], vec![], vec![]);
        let key = Array::from([7; 32]);
        let cipher = Aes256::new(&key);
        let mut block = Array::from([1; 16]);
        let length = count.blocks;
        for _ in 0..ROUNDS {
            vouchers.push(time(VOUCHERS, |number| {
                black_box(sell(desk, black_box(number)));
            }));
            blocks.push(time(VOUCHERS * length, |_| cipher.encrypt_block(&mut block)));
            let chain = time(VOUCHERS, |_| cipher.encrypt_with_backend(Chain { block: &mut block, length }));
            chains.push(chain / length as f64);
            expansions.push(time(VOUCHERS, |_| {
                black_box(Aes256Enc::new(black_box(&key)));
            }));
        }
        black_box(block);
        let [voucher, block, chained, expansion] = [vouchers, blocks, chains, expansions].map(median);
        Self { voucher, block, chained, expansion }
    }

    /// What bare AES takes, and how fast vouchers are made beside it.
    fn rows(&self, count: &Count) -> [(String, f64, Option<f64>); 5] {
        let Count { blocks, expansions, .. } = *count;
        let computed = count.computed();
        let keys = expansions as f64 * self.expansion;
        [
            (format!("{blocks} blocks"), blocks as f64 * self.block, Some(GOAL)),
            (format!("{blocks} blocks, in registers"), blocks as f64 * self.chained, None),
            (format!("{computed} blocks"), computed as f64 * self.block, None),
            (format!("{computed} blocks, in registers"), computed as f64 * self.chained, None),
            (
                format!("{computed} blocks, in registers, and {expansions} expansions"),
                computed as f64 * self.chained + keys,
                Some(GOAL),
            ),
        ]
    }

    fn print(&self, count: &Count) {
        system_tests::say!(
            "AES instructions of the processor: {}",
            if aes::hardware_accelerated() { "yes" } else { "no" }
        );
        system_tests::say!(
            "a voucher takes {} AES-256 blocks, {} of them for subkeys of masters that the store has kept: {} are computed",
            count.blocks,
            count.kept,
            count.computed()
        );
        system_tests::say!(
            "a block {:.1} ns, in registers {:.1} ns; the expansion of a derived key {:.1} ns",
            self.block,
            self.chained,
            self.expansion
        );
        system_tests::say!("{:<48} {:>8} {:>11} {:>7} {:>9}", "", "ns", "per second", "ratio", "goal");
        system_tests::say!("{:<48} {:>8.0} {:>11.0}", "a voucher", self.voucher, 1e9 / self.voucher);
        for (what, bare, goal) in self.rows(count) {
            let goal = goal.map_or(String::new(), |goal| format!("{goal:.2}"));
            let ratio = bare / self.voucher;
            system_tests::say!(
                "{:<48} {bare:>8.0} {:>11.0} {ratio:>7.2} {goal:>9}",
                format!("bare: {what}"),
                1e9 / bare
            );
        }
    }
}

/// Nanoseconds of each of `times`.
fn time(times: u64, mut what: impl FnMut(u64)) -> f64 {
    let begin = Instant::now();
    for number in 0..times {
        what(number);
    }
    begin.elapsed().as_nanos() as f64 / times as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap()
}

/// So many blocks, each from the one before.
struct Chain<'a> {
    block: &'a mut aes::Block,
    length: u64,
}

impl BlockSizeUser for Chain<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Chain<'_> {
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        for _ in 0..self.length {
            backend.encrypt_block((&mut *self.block).into());
        }
    }
}
