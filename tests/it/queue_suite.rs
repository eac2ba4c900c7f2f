//! What every store must do, whatever it is made of; each store runs all of `contract`, and its own tests beside it.

mod contract;
mod database;
mod sample;
mod sqlite;

use std::time::Duration;

use bugrelay::queue::Queue;

/// A store that can be closed and opened again.
trait Shelf: Sized {
    /// What it opens.
    type Store: Queue;

    /// An empty one.
    fn new() -> Self;

    /// Opens what is on the shelf; whatever was opened before has been dropped.
    async fn open(&self, keep: Keep) -> Self::Store;
}

/// How much, and how long.
#[derive(Clone, Copy, Debug)]
struct Keep {
    max_megabytes: u64,
    sent: Duration,
    parked: Duration,
    told: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        let day = Duration::from_secs(86_400);
        Keep { max_megabytes: 4096, sent: day, parked: day, told: day }
    }
}

/// Runs the contract's sentences over one store.
macro_rules! conforms {
    ($shelf:ty) => {
        $crate::queue_suite::conforms! { $shelf:
            a_fresh_store_has_no_checkpoint_and_no_subscriber
            messages_come_out_whole_and_in_the_order_they_were_put
            next_gives_at_most_what_it_is_asked_for
            sequences_rise_even_after_everything_was_forgotten
            a_new_subscriber_starts_with_the_next_message
            a_connector_that_is_gone_gets_nothing_new_and_keeps_its_backlog
            a_connector_gets_what_its_filter_wants
            a_message_that_nobody_wants_has_a_sequence_and_is_not_told_later
            what_was_told_is_not_told_again
            a_message_without_facts_is_known_by_its_id_alone
            facts_are_forgotten_after_their_retention
            facts_of_a_transaction_that_is_stored_in_part_stay_until_the_rest_is
            a_paused_connector_gets_nothing_and_loses_nothing
            what_was_in_flight_when_it_was_paused_is_settled
            what_is_behind_a_batch_in_flight_can_be_read_meanwhile
            what_was_read_before_a_pause_is_not_begun
            one_that_is_paused_while_it_is_disabled_is_paused_when_it_is_enabled
            a_backlog_can_be_looked_at_in_pages
            a_backlog_is_looked_at_without_its_bodies_or_with_as_many_as_fit
            large_messages_come_in_several_batches_and_the_largest_alone
            what_carries_an_object_can_be_judged_for_whomever_it_is_kept
            what_can_never_fit_says_what_to_raise_and_to_what
            the_checkpoint_is_stored_with_the_messages_before_it
            a_put_that_fails_stores_nothing
            a_full_store_takes_deliveries_and_heals_by_them
            each_outcome_of_a_batch_is_kept
            one_connectors_outcomes_are_nothing_to_another
            what_was_in_flight_at_the_end_was_perhaps_sent
            what_is_not_settled_yet_stays_in_flight
            what_was_begun_and_not_handed_over_waits_as_before
            a_redacted_message_leaves_as_its_event
            gauges_count_what_waits
            purging_takes_nothing_that_somebody_waits_for
            calls_from_many_tasks_do_not_mix
            what_was_not_told_is_known_in_the_order_asked
            an_id_that_comes_with_another_second_was_given_out_again
            what_a_start_in_the_past_told_is_forgotten_as_it_goes
            what_is_put_again_goes_to_those_named_who_want_it_and_changes_nothing_else
            what_is_put_again_leaves_room_to_what_is_new
            parked_messages_are_looked_at_in_pages_with_their_bodies_or_without
            what_is_parked_is_put_back_at_its_old_place_under_its_sequence_and_id
            what_is_put_back_while_a_batch_is_under_way_is_not_of_that_batch
            what_was_perhaps_sent_before_it_was_parked_stays_so
            what_is_skipped_is_parked_and_what_is_dropped_is_gone
            what_was_read_before_it_was_dropped_is_not_begun
            what_is_skipped_on_its_way_and_arrives_is_not_parked
            a_connector_of_which_all_was_dropped_is_well
            of_a_connector_that_is_gone_everything_can_be_given_up
            a_large_backlog_is_dropped_in_several_short_steps
            what_is_parked_is_redacted_and_put_back_as_its_event
            what_became_of_messages_is_known_by_bug_and_by_id
            what_a_script_drops_comes_out_as_it_came_behind_what_was_put_before
            what_a_script_sends_again_under_its_key_is_stored_once
            scripts_leave_the_last_quarter_of_the_room_to_bugzilla
            what_scripts_drop_is_nothing_to_judge_or_redact
            the_sweeps_mark_survives_and_keeps_what_was_told_behind_it
            the_sweeps_mark_goes_forward_alone_and_stands_while_a_gap_is_to_be_told
        }
    };
    ($shelf:ty: $($sentence:ident)*) => {$(
        #[tokio::test]
        async fn $sentence() {
            crate::queue_suite::contract::$sentence(&<$shelf as crate::queue_suite::Shelf>::new()).await;
        }
    )*};
}
use conforms;
