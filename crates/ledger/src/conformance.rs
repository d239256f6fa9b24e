//! The one suite that every adapter of the ledger must pass, so that they cannot drift apart. For tests only; it knows
//! nothing of any adapter.
//!
//! A test file of an adapter says `ledger::conformance_suite!(MyHarness::new().await);` and gets one test for each case.
//! No case steers the clock: what needs time to pass uses a [`Schedule`] of milliseconds and waits with a deadline.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    missing_docs,
    reason = "a test suite: it fails by panicking, each case is handed its own harness, and its name is its document"
)]

use std::sync::Arc;

use async_trait::async_trait;

use crate::{Ledger, Schedule};

mod arrivals;
mod hands;

pub mod accepting;
pub mod appending;
pub mod archiving;
pub mod checking;
pub mod encoding;
pub mod evolving;
pub mod fleet;
pub mod keeping;
pub mod keys;
pub mod listing;
pub mod recovery;
pub mod returning;
pub mod sweeping;
pub mod taxpayers;
pub mod telling;

pub use arrivals::{amended, arrival, event, of_event, source};
pub use hands::{Numbering, actor, evidence};

/// What an adapter brings to be tested.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// An empty ledger that nobody else uses, with this patience of its sweeper.
    async fn fresh_with(&self, schedule: Schedule) -> Arc<dyn Ledger>;

    /// An empty ledger that nobody else uses, with the usual schedule.
    async fn fresh(&self) -> Arc<dyn Ledger> {
        self.fresh_with(Schedule::default()).await
    }

    /// An empty ledger that nobody else uses, which keeps notices of what settles.
    async fn fresh_noting(&self) -> Arc<dyn Ledger>;

    /// Called once after the case, also when it failed: removes what [`Harness::fresh_with`] made.
    async fn finish(&self) {}
}

/// Runs one case, lets the harness clean up, and then fails if the case did.
///
/// # Panics
/// When the case does.
pub async fn check<C, F>(harness: impl Harness, case: C)
where
    C: FnOnce(Arc<dyn Harness>) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let harness: Arc<dyn Harness> = Arc::new(harness);
    let ended = tokio::spawn(case(harness.clone())).await;
    harness.finish().await;
    if let Err(error) = ended {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// One `#[tokio::test]` for each case of the suite, in a module for each subject. The expression gives a
/// [`conformance::Harness`](crate::conformance::Harness); it is evaluated once for each test, inside an `async fn`.
#[macro_export]
macro_rules! conformance_suite {
    ($harness:expr) => {
        $crate::conformance_cases! { $harness;
            accepting {
                new_arrivals_become_drafts,
                a_text_with_nul_is_refused_with_its_batch,
                the_normal_form_is_kept_verbatim,
                repeats_change_nothing,
                an_older_version_after_an_amendment_is_a_repeat,
                other_content_is_refused_with_the_current_one,
                only_rejected_and_dead_lettered_invoices_are_amended,
                an_amendment_names_the_current_version,
                an_amendment_by_a_person_needs_name_and_reason,
                nothing_in_doubt_is_amended,
                a_number_belongs_to_one_uuid,
                a_uuid_in_another_environment_is_another_invoice,
                an_amendment_keeps_its_identity,
                arrivals_of_a_batch_see_each_other_in_order,
                fifty_concurrent_accepts_make_one_invoice,
                overlapping_batches_accept_each_once,
                concurrent_claims_of_a_number_have_one_winner,
                concurrent_amendments_have_one_winner,
                a_thousand_arrivals_are_one_batch,
                an_empty_batch_is_nothing,
            }
            appending {
                loading_keeps_the_order,
                time_is_told_in_microseconds,
                an_outdated_change_is_refused_alone,
                sixty_four_claims_have_one_winner,
                overlapping_batches_commit_each_change_once,
                history_is_ordered_and_chained,
                attempts_are_kept,
                a_change_may_hold_many_events,
                a_thousand_changes_are_one_batch,
                an_empty_batch_of_changes_is_nothing,
                what_cannot_be_kept_is_refused_by_itself,
                a_change_without_events_is_refused,
            }
            evolving {
                state_and_events_agree_through_every_event,
            }
            encoding {
                counters_run_in_order_from_the_start,
                sources_and_environments_count_apart,
                the_unfit_use_no_counter,
                counters_have_no_gap_under_concurrency,
                an_amended_invoice_keeps_its_counter,
                encoding_anew_replaces_the_bytes,
                what_needs_no_encoding_is_skipped,
                an_abandoned_counter_stays_void,
                a_thousand_drafts_are_one_batch,
            }
            returning {
                a_return_waits_for_its_original,
                originals_are_found_by_uuid_or_number,
                returns_reserve_what_they_take,
                concurrent_returns_never_take_more_than_was_sold,
                the_original_is_what_the_authority_holds,
                whoever_waits_for_an_original_is_found,
                who_waits_is_swept_seldom_and_woken_at_once,
                an_original_that_never_comes_ends_with_a_person,
                an_outside_original_is_described_once,
                concurrent_returns_of_an_outside_original_share_it,
                a_late_clearance_takes_after_all,
            }
            keeping {
                documents_come_back_byte_for_byte,
                documents_are_told_apart,
                refused_intake_is_kept_once,
                refused_intake_is_resolved_once,
                refused_intake_that_comes_again_is_open_again,
            }
            listing {
                invoices_are_found_by_uuid_and_number,
                each_filter_narrows_the_listing,
                summaries_come_back_exactly,
                pages_neither_lose_nor_repeat,
                the_standing_counts_everything_once,
            }
            sweeping {
                nothing_is_swept_before_its_time,
                what_nobody_moves_is_swept,
                only_the_wanted_steps_are_swept,
                the_longest_waiting_come_first,
                taxpayers_are_served_in_turn,
                many_taxpayers_are_all_served,
                only_the_wanted_sources_are_swept,
                what_stands_in_the_ledger_alone_is_counted,
                pauses_grow_with_every_hint,
                an_event_makes_the_sweeper_watchful_again,
                the_settled_sleep_for_ever,
                parking_is_no_event,
                sweepers_do_not_double,
            }
            telling {
                every_settlement_is_noted_once,
                nothing_is_noted_when_nobody_asks,
                what_was_not_told_comes_again_until_it_was,
                an_invoice_is_told_of_in_order,
                a_second_rest_in_the_same_place_is_told_again,
                dispatchers_share_the_notices,
                deliveries_replace_their_notice,
                a_failed_delivery_waits_and_is_given_up_at_last,
                a_first_attempt_waits_for_those_before_it,
                nothing_goes_to_a_webhook_that_is_off,
                deliveries_are_chosen_and_forgotten,
            }
            taxpayers {
                an_empty_registry_has_revision_zero,
                what_is_registered_comes_back_exactly,
                a_change_replaces_and_keeps_its_record,
                nobody_overwrites_what_they_have_not_seen,
                what_is_incomplete_is_not_written,
                an_income_source_is_active_in_one_environment,
                the_next_counter_is_shown,
                drafts_of_unknown_sources_are_left,
                what_was_parked_wakes_with_its_source,
            }
            keys {
                there_are_no_keys_at_first,
                a_key_comes_back_exactly,
                a_revoked_key_is_valid_no_more,
                an_expired_key_is_valid_no_more,
                a_rotated_key_overlaps_with_the_new_one,
                an_amqp_user_stays_with_the_key_and_is_remembered,
                a_key_without_name_and_reason_is_not_made,
                the_use_of_a_key_is_noted_coarsely,
                changes_of_keys_come_one_after_the_other,
            }
            recovery {
                intake_is_open_until_it_is_closed,
                skipped_counters_are_void_and_no_hole,
                a_counter_is_advanced_once_unless_asked_again,
                a_counter_that_was_never_drawn_is_advanced,
                no_counter_is_advanced_beyond_what_fits,
                draws_and_advances_at_once_never_meet,
                a_counter_that_the_authority_holds_is_never_drawn,
                unknown_hints_are_kept_once,
                a_listing_is_cut_to_a_time,
            }
            fleet {
                a_newcomer_gets_what_others_leave,
                endpoints_are_shared_apart,
                who_leaves_gives_everything_back,
                a_share_counts_until_it_runs_out,
                a_renewal_that_comes_late_changes_nothing,
                shares_are_listed,
                racing_submitters_never_exceed_the_cap,
            }
            archiving {
                a_walk_finds_each_issued_invoice_once,
                a_dossier_holds_everything_word_for_word,
                what_was_encoded_anew_keeps_both_encodings,
                the_last_checkpoint_is_told,
            }
            checking {
                an_empty_ledger_is_honest,
                maintenance_may_be_repeated,
                a_checkpoint_seals_what_changed,
                a_checkpoint_keeps_its_limit,
                sealed_streams_go_on,
                a_random_walk_is_honest,
            }
        }
    };
}

/// The machinery behind [`conformance_suite!`].
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($harness:expr; $($subject:ident { $($case:ident),* $(,)? })*) => { $(
        mod $subject {
            #[allow(unused_imports, reason = "the harness may stand beside the suite, or be named by its full path")]
            use super::*;
            $(
                #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $crate::conformance::check($harness, $crate::conformance::$subject::$case).await;
                }
            )*
        }
    )* };
}
