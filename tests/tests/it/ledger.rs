//! The ledger, the same tests over both stores: an SQLite file, and a PostgreSQL server that the tests start.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod bindings;
mod clocks;
mod concurrent;
mod correct;
pub(crate) mod desks;
mod ending;
mod evidence;
mod months;
mod proof;
mod reasons;
mod recover;
mod sell;
mod staff;
mod wiped;

use system_tests::world::World;

/// Runs each case over each store.
macro_rules! over_both_stores {
    ($($module:ident :: { $($case:ident),* $(,)? })*) => {
        mod sqlite {
            $(mod $module { $(#[test] fn $case() { crate::ledger::$module::$case(&crate::ledger::World::over_sqlite()); })* })*
        }
        mod postgres {
            $(mod $module { $(#[test] fn $case() { crate::ledger::$module::$case(&crate::ledger::World::over_postgres()); })* })*
        }
    };
}

over_both_stores! {
    ending::{
        what_was_left_is_given_back,
        a_repetition_ends_and_gives_once,
        what_is_not_given_back,
        a_debt_stays_with_its_customer,
        much_and_estimates_take_two,
    }
    sell::{
        a_repetition_gives_the_same_answer,
        the_same_id_for_something_else_is_refused,
        announced_confirmed_certified,
        cancelled_before_it_is_confirmed,
        a_second_person_above_the_limit,
        what_is_paid_is_booked_even_where_it_cannot_be_certified,
        what_nothing_is_sold_to,
        limits_of_channel_and_point,
        announced_sales_hold_to_the_limits,
        rules_that_are_gone_certify_nothing,
        fees_levies_and_debts,
        a_bank_sells_only_to_linked_cards,
        the_voucher_is_for_the_card_and_its_meter,
        keys_that_cannot_be_reached,
    }
    correct::{
        a_debit_takes_credit_back,
        an_account_that_nobody_has_gets_no_telephone_and_no_debt,
        a_large_debit_needs_a_second_person,
        cash_is_given_out_where_it_was_proposed,
        debts_are_paid_by_sales_and_debits,
        settings_once_and_by_the_company_only,
        settings_asked_for_again_give_the_first_answer,
        a_master_is_entered_before_it_is_drawn,
        rules_that_raise_a_bound_take_two,
        rules_of_a_time_that_ran_ahead_are_replaced_by_two,
        a_statement_is_cut_in_the_order_of_the_chain,
        an_entry_is_signed_with_one_hash,
        what_a_change_does_not_name_stays,
    }
    desks::{
        without_a_policy_nothing_is_asked_for,
        each_document_has_its_rules,
        a_national_id_is_kept_nowhere,
        a_step_is_done_once_its_papers_are_there,
        a_fee_is_taken_once,
        a_fee_may_be_owed,
        who_may_and_how_many,
        rules_of_selling_and_of_desks_stay_apart,
        an_audit_finds_another_fee,
        an_audit_finds_what_was_not_asked_for,
        an_audit_finds_another_policy_and_person,
        a_step_by_who_may_not,
    }
    reasons::{
        who_decides_says_why,
        who_does_it_has_a_name,
    }
    bindings::{
        opened_replaced_blocked,
        the_same_id_for_another_card_is_refused,
        adopted_from_other_books,
        what_was_left_is_moved_once,
        a_meter_says_no_more_than_the_ledger_knows,
        what_a_lost_memory_says_is_not_moved,
        after_a_restore_nothing_is_moved_twice,
        what_was_moved_in_the_lost_tail_is_not_moved_again,
        an_estimate_is_moved_by_two_people,
        what_can_never_be_moved_is_not_proposed,
        the_final_report_is_among_the_evidence,
        a_card_goes_with_its_customer_to_another_meter,
        evidence_is_stored_once,
    }
    evidence::{
        a_card_tells_of_its_own_bindings_only,
        what_a_card_has_above_the_ledger_stops_sales,
        a_sale_looks_at_the_card_that_is_there,
        numbers_of_lost_bindings_are_left_out,
    }
    proof::{
        no_meter_makes_credit,
        receipts_that_the_copy_knew_unlock_nothing,
        reports_that_are_not_newer_unlock_nothing,
        what_the_card_has_locks_again,
        ids_of_evidence_are_not_for_sales,
        what_was_opened_since_has_lost_nothing,
        what_is_recovered_has_a_bound,
        what_was_recovered_is_moved_by_two,
    }
    recover::{
        a_lost_contract_comes_back_with_its_card,
        what_a_lost_contract_has_closed,
        a_card_that_replaced_another_comes_back,
        vouchers_of_a_lost_contract_follow_its_card,
        from_many_branches_at_once_it_is_entered_once,
        opened_and_recovered_at_once,
        where_nothing_was_restored_nothing_is_recovered,
        what_is_not_recovered,
        a_technicians_card_is_nobodys,
        what_the_issuer_has_not_signed_is_not_recovered,
    }
    months::{
        a_month_goes_on_at_another_meter,
    }
    wiped::{
        a_wiped_meter_gets_nothing_twice,
        every_certificate_says_what_is_known,
        no_more_is_known_than_was_certified,
        a_report_that_begins_anew_is_an_alarm,
        a_register_that_begins_anew_is_an_alarm,
    }
    clocks::{
        clocks_of_sellers_may_be_apart,
        a_time_that_ran_ahead_is_brought_back_by_two,
        the_office_itself_is_brought_back,
        what_is_far_after_the_newest_entry_is_not_signed,
        a_meter_with_a_wrong_clock_is_heard_of_when_it_was,
    }
    concurrent::{
        hot_and_cold_bindings,
        the_same_requests_from_all_sides,
        confirmed_and_cancelled_at_once,
        who_signs_keeps_nobody_waiting,
        signed_in_vain_and_signed_again,
        approved_and_withdrawn_at_once,
    }
}
