//! What is told: every committed transaction, whole, once, in the order of the commits of each bug.

use bugrelay::capture::{Gap, Source as _};
use bugrelay::changeset::RowChange;

use super::{Make, Web, comment, comments, next, open, queue, source, valve, waiting};

super::on_each_make! {
    a_save_is_told_whole_and_forgotten_when_it_is_stored
    a_late_commit_with_lower_ids_is_not_lost_and_what_was_rolled_back_is_not_told
    what_was_open_when_we_began_is_told_when_it_commits
    saves_of_two_connections_that_take_turns_on_a_bug_keep_their_order
    a_save_larger_than_any_look_comes_whole_and_others_that_ended_before_it_come_first
    what_was_told_and_not_stored_is_told_again_from_the_stored_position
    a_full_queue_takes_no_more_and_is_a_gap_until_somebody_begins_anew
    a_session_that_wrote_to_an_earlier_queue_knows_nothing_of_the_limit_of_the_next
    triggers_that_were_gone_for_some_time_are_a_gap_and_installing_again_is_none
    who_goes_away_in_the_midst_of_a_question_leaves_no_half_answer
}

async fn a_save_is_told_whole_and_forgotten_when_it_is_stored(make: &Make) {
    let bugzilla = make.bugzilla();
    let (mut capture, _) = open(&bugzilla).await;
    let mut web = Web::new(&bugzilla).await;
    web.run(&format!("START TRANSACTION; {} {} COMMIT", comment(1, 1), comment(1, 1))).await;
    let save = next(capture.as_mut()).await;
    assert_eq!(comments(&save), 2);
    assert!(save.committed_at > 1_700_000_000);
    assert!(waiting(&bugzilla) > 0, "it is kept until it is stored");
    capture.acknowledge(&save.position).await.unwrap();
    assert_eq!(waiting(&bugzilla), 0);
}

async fn a_late_commit_with_lower_ids_is_not_lost_and_what_was_rolled_back_is_not_told(make: &Make) {
    let bugzilla = make.bugzilla();
    let (mut capture, _) = open(&bugzilla).await;
    let (mut slow, mut fast) = (Web::new(&bugzilla).await, Web::new(&bugzilla).await);
    slow.run(&format!("START TRANSACTION; {}", comment(2, 1))).await;
    fast.run(&format!("START TRANSACTION; {} ROLLBACK", comment(1, 1))).await;
    fast.run(&format!("START TRANSACTION; {} COMMIT", comment(1, 2))).await;
    let first = next(capture.as_mut()).await;
    capture.acknowledge(&first.position).await.unwrap();
    slow.run("COMMIT").await;
    let second = next(capture.as_mut()).await;
    assert_eq!((comments(&first), comments(&second)), (1, 1));
    capture.acknowledge(&second.position).await.unwrap();
    assert_eq!(waiting(&bugzilla), 0);
}

async fn what_was_open_when_we_began_is_told_when_it_commits(make: &Make) {
    let bugzilla = make.bugzilla();
    let mut web = Web::new(&bugzilla).await;
    bugzilla.exec(&comment(1, 1));
    web.run(&format!("START TRANSACTION; {}", comment(2, 2))).await;
    let (mut capture, _) = open(&bugzilla).await;
    web.run("COMMIT").await;
    assert_eq!(comments(&next(capture.as_mut()).await), 1, "and what was there before is not");
}

async fn saves_of_two_connections_that_take_turns_on_a_bug_keep_their_order(make: &Make) {
    let bugzilla = make.bugzilla();
    let (capture, start) = open(&bugzilla).await;
    drop(capture);
    let (mut one, mut two) = (Web::new(&bugzilla).await, Web::new(&bugzilla).await);
    for second in (0..40).step_by(2) {
        one.run(&format!("START TRANSACTION; {} COMMIT", comment(1, second))).await;
        two.run(&format!("START TRANSACTION; {} COMMIT", comment(1, second + 1))).await;
    }
    let mut capture = source(&bugzilla).open(Some(&start)).await.unwrap_or_else(|error| panic!("{error}"));
    let mut last = 0;
    for _ in 0..40 {
        let save = next(capture.as_mut()).await;
        let [RowChange::CommentAdded { comment, .. }] = save.rows[..] else { panic!("{save:?}") };
        assert!(comment.0 > last, "{comment} after {last}");
        last = comment.0;
    }
}

async fn a_save_larger_than_any_look_comes_whole_and_others_that_ended_before_it_come_first(make: &Make) {
    let bugzilla = make.bugzilla();
    let (mut capture, _) = open(&bugzilla).await;
    let mut web = Web::new(&bugzilla).await;
    let many = |count| {
        let rows = vec!["(2, 1, '2026-11-22 05:00:01', 'x')"; count];
        format!("INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES {}", rows.join(", "))
    };
    web.run(&format!("START TRANSACTION; {}", many(12_000))).await;
    bugzilla.exec(&format!("START TRANSACTION; {} COMMIT", comment(1, 1)));
    web.run(&format!("{}; COMMIT", many(1))).await;
    let mut told = vec![];
    for _ in 0..2 {
        let transaction = next(capture.as_mut()).await;
        capture.acknowledge(&transaction.position).await.unwrap();
        told.push(comments(&transaction));
    }
    assert_eq!(told, [1, 12_001]);
    assert_eq!(waiting(&bugzilla), 0);
}

async fn what_was_told_and_not_stored_is_told_again_from_the_stored_position(make: &Make) {
    let bugzilla = make.bugzilla();
    let (mut capture, start) = open(&bugzilla).await;
    bugzilla.exec(&comment(1, 1));
    let told = next(capture.as_mut()).await;
    drop(capture);
    for from in [&start, &told.position] {
        let mut again = source(&bugzilla).open(Some(from)).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(next(again.as_mut()).await.rows, told.rows);
    }
}

async fn a_full_queue_takes_no_more_and_is_a_gap_until_somebody_begins_anew(make: &Make) {
    let bugzilla = make.bugzilla();
    let (capture, start) = open(&bugzilla).await;
    drop(capture);
    bugzilla.exec(&comment(1, 0));
    bugzilla.exec(&format!(
        "UPDATE {} SET closed_above = (SELECT MAX(id) FROM {})",
        valve(&bugzilla),
        queue(&bugzilla)
    ));
    let full = waiting(&bugzilla);
    for second in 1..5 {
        bugzilla.exec(&comment(1, second));
    }
    assert_eq!(waiting(&bugzilla), full);
    for _ in 0..2 {
        let error = source(&bugzilla).open(Some(&start)).await.err().unwrap();
        assert_eq!(error.gap, Some(Gap::QueueFull), "{error}");
    }
    let (mut capture, _) = open(&bugzilla).await;
    bugzilla.exec(&comment(1, 9));
    assert_eq!(comments(&next(capture.as_mut()).await), 1);
}

async fn a_session_that_wrote_to_an_earlier_queue_knows_nothing_of_the_limit_of_the_next(make: &Make) {
    let bugzilla = make.bugzilla();
    let mut web = Web::new(&bugzilla).await;
    let begin_at = |number: u32| bugzilla.exec(&format!("ALTER TABLE {} AUTO_INCREMENT = {number}", queue(&bugzilla)));
    begin_at(3_000_000);
    bugzilla.exec(&format!("UPDATE {} SET closed_above = 4000000", valve(&bugzilla)));
    web.run(&comment(1, 0)).await;
    assert_eq!(waiting(&bugzilla), 2);
    bugzilla.remove_triggers();
    bugzilla.install_triggers();
    begin_at(2_000_001);
    web.run(&comment(1, 1)).await;
    assert_eq!(waiting(&bugzilla), 0, "above the limit of two million");
}

async fn triggers_that_were_gone_for_some_time_are_a_gap_and_installing_again_is_none(make: &Make) {
    let bugzilla = make.bugzilla();
    let (capture, start) = open(&bugzilla).await;
    drop(capture);
    bugzilla.install_triggers();
    assert!(source(&bugzilla).open(Some(&start)).await.is_ok());
    // As when checksetup makes a table anew.
    bugzilla.exec("DROP TRIGGER bugrelay_longdescs_insert");
    let error = source(&bugzilla).open(Some(&start)).await.err().unwrap();
    assert!(error.to_string().contains("table longdescs has no trigger"), "{error}");
    bugzilla.install_triggers();
    let gap = source(&bugzilla).open(Some(&start)).await.err().unwrap().gap;
    assert_eq!(gap, Some(Gap::TriggersLost));
}

async fn who_goes_away_in_the_midst_of_a_question_leaves_no_half_answer(make: &Make) {
    let bugzilla = make.bugzilla();
    let (mut capture, _) = open(&bugzilla).await;
    for second in 0..50 {
        bugzilla.exec(&comment(1, second));
        // As the pipeline does when something else is to be done.
        for patience in 0..20 {
            let limit = std::time::Duration::from_micros(50 * patience);
            if let Ok(save) = tokio::time::timeout(limit, capture.next()).await {
                let save = save.unwrap_or_else(|error| panic!("{error}"));
                capture.acknowledge(&save.position).await.unwrap();
            }
        }
    }
}
