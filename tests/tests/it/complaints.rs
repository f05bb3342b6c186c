//! What customers complain about today, each complaint as a test of what a customer lives through: simulated cards, the company's
//! books and signatures, and a simulated meter, in a world whose time the test sets.
#![cfg(target_os = "linux")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod clock;
mod counters;
mod fairness;
mod household;
mod loads;
mod messages;
mod minting;
mod supply;

use std::collections::BTreeSet;

/// The complaints, by their number in the list of requirements, and the rules of supply; with the tests that answer them.
const COMPLAINTS: [(&str, &[&str]); 20] = [
    (
        "1 the card holds one pending load, and an unspent one blocks the next",
        &[
            "any_number_of_loads_may_be_pending_and_none_blocks_the_next",
            "a_meter_that_loses_power_in_a_visit_credits_once",
        ],
    ),
    (
        "2 a replacement card must visit the meter empty before its first load",
        &[
            "a_replacement_card_may_visit_the_meter_empty_before_its_first_load",
            "a_replacement_card_may_be_loaded_before_its_first_visit",
            "a_replacement_card_that_nobody_activated_says_so_and_loses_nothing",
        ],
    ),
    ("3 load count mismatch (0400)", &["load_count_mismatch_cannot_come_from_the_order_of_charges"]),
    ("3 wrong meter", &["a_card_at_the_wrong_meter_is_told_so"]),
    ("3 memory full (0204)", &["memory_is_never_full"]),
    ("3 debt exceeds the load (0304)", &["a_debt_above_the_load_is_no_reason_to_refuse_it"]),
    (
        "3 unreadable, reversed or torn card",
        &[
            "an_unreadable_or_reversed_card_is_told_so",
            "a_card_that_is_taken_out_early_is_told_so_and_credited_once",
        ],
    ),
    (
        "3 expired, replaced and former cards",
        &[
            "an_expired_card_is_told_so_and_its_credit_is_kept",
            "a_replaced_card_is_told_so",
            "a_card_of_an_earlier_contract_is_told_so",
        ],
    ),
    ("3 stale mail and expired commands", &["stale_mail_is_told_so", "an_expired_command_is_told_so"]),
    ("3 each its own clear message", &["each_of_these_has_its_own_code_and_text_and_advice"]),
    ("4 fifteen seconds in the meter", &["a_visit_takes_less_than_a_fifth_of_a_second"]),
    (
        "5 change of clocks, and wrong clocks",
        &[
            "sale_and_supply_go_on_over_the_hour_that_comes_twice",
            "the_month_begins_at_local_midnight_before_and_after_the_change",
            "friendly_hours_are_local_before_and_after_the_change",
            "a_clock_that_is_behind_is_put_right_by_the_time_in_the_next_charge",
            "a_clock_that_jumps_ahead_is_not_believed_and_a_technician_puts_it_right",
        ],
    ),
    (
        "6 fairness of the subsidy",
        &[
            "buying_in_small_charges_does_not_change_the_price",
            "buying_through_several_cards_does_not_change_the_price",
            "a_new_contract_in_mid_month_does_not_change_the_price",
            "the_way_in_which_it_is_used_does_not_change_the_price",
            "crossing_a_restart_is_taken_at_once_and_said",
            "a_new_tariff_in_mid_month_rates_nothing_that_was_used_before_it",
        ],
    ),
    (
        "7 counters that run out",
        &[
            "a_meter_bills_in_a_hundred_years_as_it_does_today",
            "the_last_report_number_is_used_and_credit_still_comes_after_it",
            "the_last_sequence_is_accepted_and_no_certificate_follows_it",
            "the_last_version_of_mail_is_taken_and_none_follows_it",
            "the_last_command_is_executed_once_and_an_older_one_never_again",
            "the_last_event_is_kept_and_the_meter_works_on_without_more",
            "the_last_generation_is_the_last_card_and_the_lowest_generation_never_falls",
            "the_energy_register_may_wrap_and_the_bill_does_not_notice",
        ],
    ),
    (
        "8 stolen machines, insiders, cloned keys and broken chips",
        &[
            "a_cloned_card_brings_its_credit_once",
            "a_card_that_is_rolled_back_brings_nothing_again",
            "a_forged_voucher_is_not_loaded",
            "who_steals_the_keys_of_vending_can_load_a_card_and_mint_nothing",
            "a_replayed_certificate_gives_nothing",
            "a_sale_that_was_reversed_does_not_come_back_with_its_old_voucher",
            "who_may_carry_mail_cannot_write_it",
            "a_technicians_card_has_no_credit_and_no_authority_of_its_own",
        ],
    ),
    (
        "supply: zero, friendly hours, the emergency loan, warnings",
        &[
            "the_supply_is_cut_at_zero_and_comes_back_at_once_on_charging",
            "no_cut_from_five_to_ten_on_fridays_and_on_holidays",
            "a_supply_that_is_cut_stays_cut_when_a_friendly_time_begins",
            "the_emergency_loan_is_given_once_for_48_hours_and_repaid",
            "two_warnings_come_before_the_credit_runs_out",
        ],
    ),
    (
        "supply: overload and cover",
        &[
            "overload_pauses_three_times_and_then_locks_until_the_company_acts",
            "opening_the_cover_cuts_and_only_the_named_technicians_card_restores",
        ],
    ),
    (
        "a card stays away for several months",
        &[
            "a_card_that_was_away_for_months_takes_all_of_them_home",
            "a_meter_without_power_for_months_closes_each_of_them",
        ],
    ),
    ("a lost card is blocked", &["a_lost_card_is_blocked_at_the_meter_before_its_replacement_comes"]),
    ("a meter is replaced", &["what_was_left_in_a_replaced_meter_is_moved_once"]),
];

#[test]
fn no_complaint_is_without_a_test_and_no_test_without_a_complaint() {
    let sources = [
        include_str!("complaints/clock.rs"),
        include_str!("complaints/counters.rs"),
        include_str!("complaints/fairness.rs"),
        include_str!("complaints/loads.rs"),
        include_str!("complaints/messages.rs"),
        include_str!("complaints/minting.rs"),
        include_str!("complaints/supply.rs"),
    ];
    let name = |text: &'static str| text.trim().strip_prefix("fn ").and_then(|text| text.split_once('('));
    let there: BTreeSet<_> = sources
        .iter()
        .flat_map(|source| source.split("#[test]\n").skip(1))
        .map(|test| name(test).unwrap().0)
        .collect();
    let listed: Vec<_> = COMPLAINTS.iter().flat_map(|(_, tests)| tests.iter().copied()).collect();
    assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), there);
    assert_eq!(listed.len(), there.len(), "a test is listed twice");
    for number in ["1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "7 ", "8 "] {
        assert!(COMPLAINTS.iter().any(|(complaint, _)| complaint.starts_with(number)), "{number}");
    }
    assert!(COMPLAINTS.iter().all(|(_, tests)| !tests.is_empty()));
}
