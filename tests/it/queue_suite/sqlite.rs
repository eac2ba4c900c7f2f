//! The embedded store: the contract, and what is true of a file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bugrelay::queue::sqlite::{Settings, SqliteQueue};
use bugrelay::queue::{Queue as _, QueueError, Settlement};

use super::sample::{at, comment, comments, done, failed, perhaps, put, secret, sequences, subscribe, waiting};
use super::{Keep, Shelf, conforms};

struct Folder(tempfile::TempDir);

impl Shelf for Folder {
    type Store = SqliteQueue;

    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    async fn open(&self, keep: Keep) -> SqliteQueue {
        Folder::open(self, keep)
    }
}

impl Folder {
    fn open(&self, keep: Keep) -> SqliteQueue {
        SqliteQueue::open(settings(&self.file(), keep)).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("bugrelay.db")
    }
}

fn settings(path: &Path, keep: Keep) -> Settings {
    Settings {
        path: path.to_owned(),
        max_megabytes: keep.max_megabytes,
        sent_retention: keep.sent,
        parked_retention: keep.parked,
        told_retention: keep.told,
    }
}

conforms!(Folder);

/// What the store says when it cannot be opened.
fn refusal(path: &Path) -> String {
    match SqliteQueue::open(settings(path, Keep::default())) {
        Err(error @ (QueueError::Unusable { .. } | QueueError::InUse { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Files of the store in which a text stands.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let grep = Command::new("grep").args(["-rlF", "--", text]).arg(folder).output().unwrap();
    String::from_utf8(grep.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_second_process_is_refused() {
    let folder = Folder::new();
    let first = folder.open(Keep::default());
    assert!(refusal(&folder.file()).contains("in use by another bugrelay"));
    drop(first);
    folder.open(Keep::default());
}

#[test]
fn only_its_owner_can_read_its_files() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "").unwrap();
    std::fs::set_permissions(folder.file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let _queue = folder.open(Keep::default());
    for file in std::fs::read_dir(folder.0.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
}

#[test]
fn a_missing_directory_is_named() {
    let folder = Folder::new();
    let text = refusal(&folder.0.path().join("absent/bugrelay.db"));
    assert!(text.contains("absent/bugrelay.db") && text.contains("directory must exist"), "{text}");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let garbage = "not a database ".repeat(1_000);
    std::fs::write(folder.file(), &garbage).unwrap();
    assert!(refusal(&folder.file()).contains("none of bugrelay's"));
    assert_eq!(std::fs::read_to_string(folder.file()).unwrap(), garbage);
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = Folder::new();
    let other = rusqlite::Connection::open(folder.file()).unwrap();
    other.execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(refusal(&folder.file()).contains("another program"));
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let folder = Folder::new();
    drop(folder.open(Keep::default()));
    rusqlite::Connection::open(folder.file()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let text = refusal(&folder.file());
    assert!(text.contains("version 99") && text.contains("newer bugrelay"), "{text}");
}

#[tokio::test]
async fn a_store_of_the_first_version_is_taken_over_with_what_waits_in_it() {
    let folder = Folder::new();
    let old = rusqlite::Connection::open(folder.file()).unwrap();
    old.execute_batch("PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL").unwrap();
    old.execute_batch(include_str!("../../../sql/sqlite/migration/0001_store.sql")).unwrap();
    old.execute_batch(
        "INSERT INTO connector (id, name, filter, attempts) VALUES (1, 'kafka', NULL, 3);
         INSERT INTO message VALUES (1, x'00112233445566778899aabbccddeeff', 'bug', 'modify', 7, NULL, '1.1.7', 5, 5);
         INSERT INTO body VALUES (1, '{}', NULL);
         INSERT INTO entry (connector, sequence, bytes) VALUES (1, 1, 2);
         PRAGMA application_id = 0x62756772; PRAGMA user_version = 1",
    )
    .unwrap();
    drop(old);
    let queue = folder.open(Keep::default());
    let stats = queue.stats().await.unwrap().backlogs.remove(0);
    assert_eq!((stats.messages, stats.paused, stats.standing.attempts), (1, false, 3));
}

#[tokio::test]
async fn facts_of_a_transaction_stored_in_part_stay_in_a_store_of_the_first_version_too() {
    let folder = Folder::new();
    let keep = Keep { told: Duration::ZERO, ..Keep::default() };
    folder.open(keep).put(vec![], at("before")).await.unwrap();
    // As the migration leaves it.
    let file = rusqlite::Connection::open(folder.file()).unwrap();
    file.execute_batch("UPDATE state SET position_since_ms = NULL").unwrap();
    drop(file);
    let queue = folder.open(keep);
    queue.put(comments([1]), at("before")).await.unwrap();
    queue.purge().await.unwrap();
    assert!(queue.put(comments([1]), at("before")).await.unwrap().is_empty(), "it is told twice");
}

#[tokio::test]
async fn an_entry_that_is_not_whole_is_found_and_keeps_nobody_waiting() {
    let folder = Folder::new();
    let queue = folder.open(Keep::default());
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=4).await;
    drop(queue);
    let file = rusqlite::Connection::open(folder.file()).unwrap();
    file.execute_batch("DELETE FROM body WHERE sequence = 2; DELETE FROM message WHERE sequence = 3").unwrap();
    drop(file);
    let queue = folder.open(Keep::default());
    let batch = queue.next("kafka", 10).await.unwrap();
    let broken: Vec<_> =
        batch.broken.iter().map(|(sequence, what)| (*sequence, what.split(" is missing").next().unwrap())).collect();
    assert_eq!(broken, [(2, "its text (table body)"), (3, "what is known of it (table message)")]);
    queue.settle("kafka", Settlement { parked: batch.broken, ..Settlement::default() }).await.unwrap();
    assert_eq!(waiting(&queue, "kafka").await, [1, 4]);
    assert_eq!(queue.stats().await.unwrap().backlogs[0].parked, 2);
}

#[tokio::test]
async fn a_file_that_is_deleted_or_replaced_under_the_store_takes_nothing_more() {
    for replaced in [false, true] {
        let folder = Folder::new();
        let queue = folder.open(Keep::default());
        subscribe(&queue, &["kafka"]).await;
        put(&queue, [1]).await;
        std::fs::remove_file(folder.file()).unwrap();
        if replaced {
            std::fs::write(folder.file(), "another").unwrap();
        }
        for error in [queue.put(comments([2]), at("q")).await.unwrap_err(), queue.purge().await.unwrap_err()] {
            assert!(matches!(error, QueueError::Lost { .. }), "{error}");
            assert!(error.to_string().contains(if replaced { "replaced" } else { "deleted" }), "{error}");
        }
        assert_eq!(waiting(&queue, "kafka").await, [1], "what it has is delivered still");
    }
}

#[tokio::test]
async fn a_truncated_file_is_set_aside() {
    let folder = Folder::new();
    let queue = folder.open(Keep::default());
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=1_000).await;
    drop(queue);
    let file = std::fs::OpenOptions::new().write(true).open(folder.file()).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let text = SqliteQueue::open(settings(&folder.file(), Keep::default())).unwrap_err().to_string();
    assert!(text.contains("damaged") && text.contains("--recover-since TIME"), "{text}");
    assert!(!folder.file().exists());
    assert!(SqliteQueue::begin_anew(&folder.file()).unwrap());
    drop(folder.open(Keep::default()));
    assert!(!SqliteQueue::begin_anew(&folder.file()).unwrap(), "there is one");
}

#[tokio::test]
async fn nothing_of_a_redacted_text_is_left_in_any_file() {
    let folder = Folder::new();
    let queue = folder.open(Keep::default());
    subscribe(&queue, &["kafka", "stomp"]).await;
    let mut random = fastrand::Rng::with_seed(7);
    let messages = (1..=2_000).map(|id| comment(id, [120, 250, 900, 1_700][random.usize(0..4)]));
    queue.put(messages.collect(), at("p")).await.unwrap();
    let mut left = waiting(&queue, "kafka").await;
    random.shuffle(&mut left);
    let mut redacted = vec![];
    for round in 0..40 {
        // Here and there everybody has it, which moves the rest about in the file.
        let sent = left.split_off(left.len() - 35);
        queue.settle("kafka", done(sent.clone())).await.unwrap();
        queue.settle("stomp", done(sent)).await.unwrap();
        queue.purge().await.unwrap();
        let private = left.split_off(left.len() - 10);
        queue.redact(private.clone()).await.unwrap();
        for &sequence in &private {
            // The nth message has id n.
            assert_eq!(files_with(folder.0.path(), &secret(sequence)), [""; 0], "round {round}, {sequence}");
        }
        redacted.extend(private);
    }
    drop(queue);
    for sequence in redacted {
        assert_eq!(files_with(folder.0.path(), &secret(sequence)), [""; 0], "{sequence}");
    }
}

#[tokio::test]
async fn a_sent_text_is_gone_after_purging_and_a_parked_one_is_not() {
    let folder = Folder::new();
    let queue = folder.open(Keep::default());
    subscribe(&queue, &["kafka"]).await;
    put(&queue, 1..=200).await;
    let parked = Settlement { parked: vec![(120, "too large".to_owned())], ..done((1..=200).filter(|n| *n != 120)) };
    queue.settle("kafka", parked).await.unwrap();
    queue.purge().await.unwrap();
    assert_eq!(files_with(folder.0.path(), &secret(119)), [""; 0]);
    assert_eq!(files_with(folder.0.path(), &secret(120)).len(), 1);
    drop(queue);
    let queue = folder.open(Keep { parked: Duration::ZERO, ..Keep::default() });
    queue.purge().await.unwrap();
    assert_eq!(files_with(folder.0.path(), &secret(120)), [""; 0]);
}

#[tokio::test]
async fn the_file_shrinks_after_a_backlog() {
    let folder = Folder::new();
    let queue = folder.open(Keep::default());
    subscribe(&queue, &["kafka"]).await;
    for n in 0..40 {
        queue.put((n * 1_000..n * 1_000 + 1_000).map(|id| comment(id, 1_000)).collect(), at("p")).await.unwrap();
    }
    let before = queue.stats().await.unwrap().store_bytes;
    queue.settle("kafka", done(1..=40_000)).await.unwrap();
    queue.purge().await.unwrap();
    let after = queue.stats().await.unwrap().store_bytes;
    assert!(before > 40 << 20 && after < 20 << 20, "{before} {after}");
}

#[tokio::test]
async fn a_store_that_is_filled_while_it_is_emptied_stays_small() {
    let folder = Folder::new();
    let queue = folder.open(Keep::default());
    subscribe(&queue, &["kafka"]).await;
    for n in 0..80 {
        queue.put((n * 500..n * 500 + 500).map(|id| comment(id, 1_000)).collect(), at("p")).await.unwrap();
        queue.settle("kafka", done(waiting(&queue, "kafka").await)).await.unwrap();
    }
    let bytes = queue.stats().await.unwrap().store_bytes;
    assert!(bytes < 20 << 20, "{bytes} bytes on disk after 40 MB passed through");
}

/// A disk of its own, which goes when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where disks cannot be mounted.
    fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).stderr(Stdio::null());
        let mounted = mount.status().is_ok_and(|status| status.success());
        mounted.then_some(SmallDisk(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_stops_what_comes_and_not_what_goes() {
    for megabytes in [4, 12, 40] {
        let Some(disk) = SmallDisk::mount(megabytes) else { return };
        let path = disk.0.path().join("bugrelay.db");
        let queue = SqliteQueue::open(settings(&path, Keep::default())).unwrap();
        subscribe(&queue, &["kafka"]).await;
        let mut ids = 1..;
        let mut checkpoint = 0;
        let full = loop {
            let messages = ids.by_ref().take(100).map(|id| comment(id, 1_300)).collect();
            match queue.put(messages, at(&checkpoint.to_string())).await {
                Ok(_) => checkpoint += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, QueueError::Full { .. }), "{full:?}");
        let last = queue.checkpoint().await.unwrap().unwrap();
        assert_eq!(last, at(&(checkpoint - 1).to_string()), "the checkpoint stays behind what was stored");
        let mut delivered = 0;
        loop {
            let batch = queue.next("kafka", 50).await.unwrap();
            if batch.entries.is_empty() {
                break;
            }
            let sequences: Vec<i64> = batch.entries.iter().map(|entry| entry.envelope.sequence).collect();
            queue.begin("kafka", sequences.clone()).await.unwrap();
            queue.settle("kafka", done(sequences.clone())).await.unwrap();
            delivered += sequences.len();
            // Whoever captures tries again and again meanwhile.
            let _ = queue.put(vec![comment(9_000_000, 300_000)], at("again")).await;
        }
        assert!(delivered >= checkpoint * 100);
        queue.put(vec![comment(8_000_000, 1_300)], at("healed")).await.unwrap();
        queue.purge().await.unwrap();
    }
}

/// Set for the process that is to be killed.
const VICTIM: &str = "BUGRELAY_TEST_STORE_TO_DIE_WITH";

/// Where the victim writes how far it is.
fn tally(store: &Path) -> PathBuf {
    store.with_extension("tally")
}

#[tokio::test]
#[ignore = "not a test: the process that the next test kills"]
async fn victim() {
    let Ok(path) = std::env::var(VICTIM) else { return };
    let path = PathBuf::from(path);
    let queue = SqliteQueue::open(settings(&path, Keep::default())).unwrap();
    subscribe(&queue, &["kafka", "stomp"]).await;
    queue.settle("kafka", done(waiting(&queue, "kafka").await)).await.unwrap();
    for n in checkpoint(&queue).await + 1.. {
        let stored = queue.put(comments(n * 10..n * 10 + 10), at(&n.to_string())).await.unwrap();
        let stored = sequences(&stored);
        std::fs::write(tally(&path).with_extension("new"), n.to_string()).unwrap();
        std::fs::rename(tally(&path).with_extension("new"), tally(&path)).unwrap();
        queue.begin("kafka", stored.clone()).await.unwrap();
        queue.settle("kafka", done(stored[..9].to_vec())).await.unwrap();
        queue.settle("kafka", failed([stored[9]])).await.unwrap();
        queue.settle("kafka", done([stored[9]])).await.unwrap();
    }
}

async fn checkpoint(queue: &SqliteQueue) -> i64 {
    queue.checkpoint().await.unwrap().map_or(0, |checkpoint| checkpoint.position.0.parse().unwrap())
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let folder = Folder::new();
    let told = || std::fs::read_to_string(tally(&folder.file())).map_or(0, |n| n.parse::<i64>().unwrap());
    for round in 1..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["queue_suite::sqlite::victim", "--exact", "--ignored"]).env(VICTIM, folder.file());
        let mut child = child.stdout(Stdio::null()).spawn().unwrap();
        let (start, deadline) = (told(), Instant::now() + Duration::from_secs(30));
        while told() < start + 20 + round {
            assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "the victim died by itself");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let queue = folder.open(Keep::default());
        let checkpoint = checkpoint(&queue).await;
        assert!(checkpoint >= told(), "{checkpoint}");
        let stomp = waiting(&queue, "stomp").await;
        assert!(stomp.into_iter().eq(1..=checkpoint * 10), "the checkpoint and the messages before it are one");
        let kafka = queue.next("kafka", 1_000).await.unwrap();
        assert!(kafka.entries.len() <= 10, "what was settled stays settled");
        assert!(perhaps(&kafka).len() <= kafka.entries.len());
    }
}
