//! What firmware relies on, called as firmware calls it: one call at a time, a save out of an interrupt, a pulse that failed.

#![allow(unsafe_code, reason = "functions of a board get pointers")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use card_core::platform::{Block, Engine};
use card_core::soft::SoftEngine;
use card_core::tariff::EGYPT_2024_08;
use card_meter::*;

/// There is one meter in a program.
static TURN: Mutex<()> = Mutex::new(());
static PAGES: Mutex<[[u8; 64]; METER_MEMORY_PAGES as usize]> =
    Mutex::new([[0xFF; 64]; METER_MEMORY_PAGES as usize]);
/// What an interrupt does at the next reading of memory: one of `INTERRUPTS`.
static INTERRUPT: AtomicUsize = AtomicUsize::new(NOTHING);
const NOTHING: usize = usize::MAX;
/// What it got for an answer.
static ANSWER: AtomicU8 = AtomicU8::new(0);
/// How many further writes succeed.
static WRITES: AtomicUsize = AtomicUsize::new(usize::MAX);
/// Blocks that the engine of the chip has worked on.
static BLOCKS: AtomicUsize = AtomicUsize::new(0);

const NOW: u32 = 0x0C20_0000;
const SHOWS: MeterReading = MeterReading { clock: NOW, uptime: 0, never_stopped: 1 };

fn interrupt() {
    let number = INTERRUPT.swap(NOTHING, Ordering::SeqCst);
    if let Some((_, call)) = INTERRUPTS.get(number) {
        ANSWER.store(call() as u8, Ordering::SeqCst);
    }
}

extern "C" fn read(page: u16, offset: u16, out: *mut u8, len: u16) -> u8 {
    interrupt();
    let pages = PAGES.lock().unwrap();
    // SAFETY: the meter gives `len` bytes to write to.
    let out = unsafe { core::slice::from_raw_parts_mut(out, len.into()) };
    out.copy_from_slice(&pages[usize::from(page)][usize::from(offset)..][..out.len()]);
    METER_BOARD_OK
}

fn write(page: u16, change: impl FnOnce(&mut [u8; 64])) -> u8 {
    let left = WRITES.load(Ordering::SeqCst);
    if left == 0 {
        return METER_BOARD_FAILED;
    }
    WRITES.store(left - 1, Ordering::SeqCst);
    change(&mut PAGES.lock().unwrap()[usize::from(page)]);
    METER_BOARD_OK
}

extern "C" fn erase(page: u16) -> u8 {
    write(page, |page| page.fill(0xFF))
}

extern "C" fn program(page: u16, data: *const u8) -> u8 {
    // SAFETY: the meter gives a page to read from.
    let data = unsafe { &*data.cast::<[u8; 64]>() };
    write(page, |page| page.iter_mut().zip(data).for_each(|(to, from)| *to &= from))
}

extern "C" fn margin(_: u16) -> u8 {
    METER_BOARD_OK
}

extern "C" fn random(out: *mut u8, len: u16) -> u8 {
    // SAFETY: the meter gives `len` bytes to write to.
    unsafe { core::slice::from_raw_parts_mut(out, len.into()) }.fill(0x5C);
    METER_BOARD_OK
}

fn key_of(key: *const u8, length: u8) -> card_core::key::AesKey {
    BLOCKS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: the meter gives a key of that length.
    card_core::key::AesKey::new(unsafe { core::slice::from_raw_parts(key, length.into()) }).unwrap()
}

extern "C" fn aes_encrypt(key: *const u8, length: u8, block: *mut u8) {
    // SAFETY: the meter gives a block.
    SoftEngine.encrypt_block(&key_of(key, length), unsafe { &mut *block.cast::<Block>() });
}

extern "C" fn aes_decrypt(key: *const u8, length: u8, block: *mut u8) {
    // SAFETY: the meter gives a block.
    SoftEngine.decrypt_cbc(&key_of(key, length), &[0; 16], unsafe { &mut *block.cast::<Block>() }).unwrap();
}

const BOARD: MeterBoard = MeterBoard {
    read: Some(read),
    erase: Some(erase),
    program: Some(program),
    margin: Some(margin),
    random: Some(random),
    aes_encrypt: None,
    aes_decrypt: None,
};
const CHIP: MeterBoard =
    MeterBoard { aes_encrypt: Some(aes_encrypt), aes_decrypt: Some(aes_decrypt), ..BOARD };

fn installation() -> MeterInstallation {
    let key = |version| MeterKey { version, length: 32, bytes: [version; 32] };
    let emitted = EGYPT_2024_08.as_bytes();
    let mut tariff = [0; METER_TARIFF_SIZE];
    tariff[..emitted.len()].copy_from_slice(emitted);
    MeterInstallation {
        id: *b"METER--1",
        company: 0x0102,
        environment: b'T',
        tariff_length: emitted.len() as u8,
        tariff,
        base: key(0xA1),
        credit: key(0x71),
        parameter_mac: key(0x81),
        parameter_enc: key(0x81),
        report_mac: key(0x91),
        report_enc: key(0x91),
        report_receipt: key(0x91),
        transport: key(0xB1),
        energy: 1000,
        firmware: 1,
    }
}

/// A meter in new memory.
fn new_meter(board: &MeterBoard) {
    INTERRUPT.store(NOTHING, Ordering::SeqCst);
    WRITES.store(usize::MAX, Ordering::SeqCst);
    PAGES.lock().unwrap().as_flattened_mut().fill(0xFF);
    assert_eq!(meter_install(Some(board), Some(&installation()), NOW), MeterResult::Ok);
}

fn energy() -> u32 {
    let mut status = MeterStatus::default();
    assert_eq!(meter_status(Some(&mut status)), MeterResult::Ok);
    status.energy
}

/// A call that reads the memory, with an interrupt in it.
fn interrupted(number: usize) -> MeterResult {
    assert_eq!(meter_tamper(Some(&SHOWS), 0x01), MeterResult::Ok);
    INTERRUPT.store(number, Ordering::SeqCst);
    let mut event = MeterEvent::default();
    let result = meter_event(0, Some(&mut event));
    assert_eq!(INTERRUPT.load(Ordering::SeqCst), NOTHING, "the interrupt came");
    result
}

type Call = fn() -> MeterResult;
/// Every function but `meter_supply` and those that need no meter. Their arguments are wrong where they can be: BUSY comes first.
const INTERRUPTS: [(&str, Call); 22] = [
    ("save", || meter_save()),
    ("install", || meter_install(None, None, 0)),
    ("power_up", || meter_power_up(None)),
    ("tick", || meter_tick(Some(&SHOWS))),
    ("consume", || meter_consume(Some(&SHOWS), 1)),
    ("demand", || meter_demand(Some(&SHOWS), 1)),
    ("tamper", || meter_tamper(Some(&SHOWS), 0xFF)),
    ("status", || meter_status(None)),
    ("month", || meter_month(0, None)),
    ("event", || meter_event(0, None)),
    ("notice", || meter_notice(0, None)),
    ("debt", || meter_debt(0, None)),
    ("local_time", || meter_local_time(0, None)),
    ("news", || meter_news(0, None)),
    ("card_begin", || meter_card_begin(Some(&SHOWS), None)),
    ("card_respond", || meter_card_respond(None, None)),
    ("card_outcome", || meter_card_outcome(None)),
    ("card_gone", || meter_card_gone()),
    ("voucher", || meter_voucher(Some(&SHOWS), None, None)),
    ("mail", || meter_mail(Some(&SHOWS), None, None)),
    ("receipt", || meter_receipt(None)),
    ("mail_to_issuer", || meter_mail_to_issuer(0, 0, None)),
];

#[test]
fn every_call_out_of_another_one_is_told_so_and_changes_nothing() {
    let _turn = TURN.lock().unwrap();
    new_meter(&BOARD);
    for (number, (name, call)) in INTERRUPTS.iter().enumerate() {
        assert_eq!(interrupted(number), MeterResult::Ok, "{name}");
        assert_eq!(ANSWER.load(Ordering::SeqCst), MeterResult::Busy as u8, "{name}");
        assert_eq!(energy(), 1000, "{name}");
        assert_ne!(call(), MeterResult::Busy, "{name}: nobody else is there");
        new_meter(&BOARD);
    }
}

/// Whoever drives the relay out of an interrupt must not cut it because the meter is busy.
#[test]
fn the_supply_is_known_at_any_time() {
    let _turn = TURN.lock().unwrap();
    new_meter(&BOARD);
    assert_eq!(meter_supply(), 0x20);
    assert_eq!(meter_tamper(Some(&SHOWS), 0x04), MeterResult::Ok);
    assert_eq!(meter_supply(), 0x22);
    PAGES.lock().unwrap().as_flattened_mut().fill(0xFF);
    assert_eq!(meter_power_up(Some(&BOARD)), MeterResult::NotInstalled);
    assert_eq!(meter_supply(), 0xFF);
}

#[test]
fn a_save_out_of_an_interrupt_is_done_when_the_call_ends() {
    let _turn = TURN.lock().unwrap();
    for (asked, kept) in [(NOTHING, 1000), (0, 1007)] {
        new_meter(&BOARD);
        assert_eq!(meter_tamper(Some(&SHOWS), 0x01), MeterResult::Ok);
        // Less than what is written by itself.
        assert_eq!(meter_consume(Some(&SHOWS), 7), MeterResult::Ok);
        if asked == NOTHING {
            assert_eq!(meter_event(0, Some(&mut MeterEvent::default())), MeterResult::Ok);
        } else {
            assert_eq!(interrupted(asked), MeterResult::Ok);
        }
        // Power fails.
        assert_eq!(meter_power_up(Some(&BOARD)), MeterResult::Ok);
        assert_eq!(energy(), kept);
    }
}

/// Where that write fails the call that was running says so, though it succeeded itself.
#[test]
fn a_save_that_fails_is_told_by_the_call_that_was_running() {
    let _turn = TURN.lock().unwrap();
    new_meter(&BOARD);
    assert_eq!(meter_tamper(Some(&SHOWS), 0x01), MeterResult::Ok);
    assert_eq!(meter_consume(Some(&SHOWS), 7), MeterResult::Ok);
    WRITES.store(0, Ordering::SeqCst);
    assert_eq!(interrupted(0), MeterResult::Memory);
    assert_eq!(meter_tick(Some(&SHOWS)), MeterResult::PowerUpFirst);
}

/// Memory fails at any write of a pulse: by the rule in the header what was consumed is counted once, neither lost nor twice.
#[test]
fn a_pulse_that_failed_is_told_again_by_the_register() {
    let _turn = TURN.lock().unwrap();
    let mut failures = 0;
    for writes in 0.. {
        new_meter(&BOARD);
        let mut own = 1000;
        // Until every page that takes its turn has been used: from then on the next one has something to erase.
        for _ in 0..60 {
            own += 10;
            assert_eq!(meter_consume(Some(&SHOWS), 10), MeterResult::Ok);
        }
        let mut untold = 0;
        let mut failed = false;
        for pulse in [3, 20, 4, 30] {
            own += pulse;
            untold += pulse;
            WRITES.store(if pulse == 20 { writes } else { usize::MAX }, Ordering::SeqCst);
            match meter_consume(Some(&SHOWS), untold) {
                MeterResult::Ok => untold = 0,
                MeterResult::Memory => {
                    failed = true;
                    WRITES.store(usize::MAX, Ordering::SeqCst);
                    assert_eq!(meter_consume(Some(&SHOWS), 1), MeterResult::PowerUpFirst, "not counted");
                    assert_eq!(meter_power_up(Some(&BOARD)), MeterResult::Ok);
                    untold = own - energy();
                    assert!(untold == 0 || untold == 23, "all of it, or nothing: {untold}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(energy() + untold, own);
        assert_eq!(untold, 0, "the last pulse told all");
        if !failed {
            break;
        }
        failures += 1;
    }
    assert_eq!(failures, 2, "one program, and an erase for the next one");
}

/// The engine of a chip is used wherever software is, and gives the same: a receipt's code, and sealed mail.
#[test]
fn an_aes_engine_of_the_chip_takes_the_place_of_software() {
    let _turn = TURN.lock().unwrap();
    let answers = [BOARD, CHIP].map(|board| {
        new_meter(&board);
        BLOCKS.store(0, Ordering::SeqCst);
        let (mut receipt, mut command) =
            ([0; METER_RECEIPT_SIZE], MeterCommand { length: 0, bytes: [0; METER_COMMAND_SIZE] });
        assert_eq!(meter_receipt(Some(&mut receipt)), MeterResult::Ok);
        assert_eq!(meter_card_begin(Some(&SHOWS), Some(&mut command)), MeterResult::Ok);
        (receipt, BLOCKS.load(Ordering::SeqCst))
    });
    assert_eq!(answers[0].0, answers[1].0);
    assert_eq!(answers[0].1, 0);
    assert!(answers[1].1 > 0);
    let half = MeterBoard { aes_decrypt: None, ..CHIP };
    assert_eq!(meter_power_up(Some(&half)), MeterResult::Argument);
}

/// All of them, with the codes that documents and programs know them by.
#[test]
fn a_code_is_whole_and_ends() {
    let mut text = MeterText::default();
    for (number, situation) in (1..).zip(card_core::text::Situation::ALL) {
        assert_eq!(meter_text(number, METER_ENGLISH, Some(&mut text)), MeterResult::Ok);
        let code = core::ffi::CStr::from_bytes_until_nul(&text.code).unwrap();
        assert_eq!(code.to_str().unwrap(), situation.text(card_core::text::Language::English).code);
    }
}

/// A text is there for everything that can be said, in both languages, and none beyond.
#[test]
fn texts_are_found_by_what_the_meter_says() {
    let _turn = TURN.lock().unwrap();
    new_meter(&BOARD);
    let mut number = 0;
    assert_eq!(meter_news(0, Some(&mut number)), MeterResult::Ok);
    let mut text = MeterText::default();
    for (language, word) in [(METER_ENGLISH, "contract"), (METER_ARABIC, "تعاقد")] {
        assert_eq!(meter_text(number, language, Some(&mut text)), MeterResult::Ok);
        // SAFETY: it points to that many bytes of a text in this program.
        let what = unsafe { core::slice::from_raw_parts(text.what, text.what_length.into()) };
        assert!(std::str::from_utf8(what).unwrap().contains(word));
        assert_eq!(text.code[0], b'U');
    }
    assert_eq!(meter_news(1, Some(&mut number)), MeterResult::None);
    for (number, language, result) in
        [(0, 0, MeterResult::None), (u16::MAX, 0, MeterResult::None), (1, 2, MeterResult::Argument)]
    {
        assert_eq!(meter_text(number, language, Some(&mut text)), result);
    }
}
