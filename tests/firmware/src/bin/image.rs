//! The smallest firmware: start-up and the whole of `meter.h`, reachable, over nothing. What it measures is what a meter maker adds. With
//! the feature `texts` the words in both languages too.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[path = "../memory.rs"]
mod memory;
#[cfg(target_os = "none")]
#[path = "../start.rs"]
mod start;

/// A host has no use for it.
#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
extern "C" fn main() {
    use card_meter::*;
    use core::hint::black_box;
    // Through pointers that the compiler knows nothing of: it has to keep each function whole.
    black_box(meter_install as *const ());
    black_box(meter_power_up as *const ());
    black_box(meter_tick as *const ());
    black_box(meter_consume as *const ());
    black_box(meter_demand as *const ());
    black_box(meter_tamper as *const ());
    black_box(meter_battery as *const ());
    black_box(meter_relay_stuck_off as *const ());
    black_box(meter_ask_loan as *const ());
    black_box(meter_rearm as *const ());
    black_box(meter_save as *const ());
    black_box(meter_supply as *const ());
    black_box(meter_status as *const ());
    black_box(meter_month as *const ());
    black_box(meter_event as *const ());
    black_box(meter_notice as *const ());
    black_box(meter_debt as *const ());
    black_box(meter_local_time as *const ());
    black_box(meter_news as *const ());
    black_box(meter_card_begin as *const ());
    black_box(meter_card_respond as *const ());
    black_box(meter_card_outcome as *const ());
    black_box(meter_card_gone as *const ());
    black_box(meter_voucher as *const ());
    black_box(meter_mail as *const ());
    black_box(meter_receipt as *const ());
    black_box(meter_mail_to_issuer as *const ());
    #[cfg(feature = "texts")]
    black_box(meter_text as *const ());
}
