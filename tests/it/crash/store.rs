//! The store: its disk full, its file damaged, its folder gone, somebody else in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::load::Load;
use super::oracle::{Committed, end_of};
use crate::services::{Bugrelay, MariaDb, lines_in, poll};

/// Another place for its store.
fn with_store(bugrelay: &Bugrelay, store: &Path) {
    let text = std::fs::read_to_string(bugrelay.path("bugrelay.toml")).unwrap();
    let line = format!("store = \"sqlite:{}\"", bugrelay.path("store.db").display());
    assert!(text.contains(&line));
    bugrelay.configure(&text.replace(&line, &format!("store = \"sqlite:{}\"", store.display())));
}

/// A small file system in memory. Gone when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` where nothing may be mounted.
    fn mounted() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(SmallDisk(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Leaves no room but a few KiB.
    fn fill(&self) {
        // Fails when the disk is full: that is what is wanted.
        let _ = Command::new("dd").args(["if=/dev/zero", "bs=4k"]).arg(of(&self.path("ballast"))).output();
    }

    fn free(&self) {
        std::fs::remove_file(self.path("ballast")).unwrap();
    }
}

fn of(path: &Path) -> String {
    format!("of={}", path.display())
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever is still in it is about to end.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_pauses_the_capture_which_heals_by_itself_when_there_is_room() {
    let Some(disk) = SmallDisk::mounted() else {
        return eprintln!("SKIPPED a_full_disk_pauses_the_capture: nothing may be mounted here (root only)");
    };
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let folder = tempfile::tempdir().unwrap();
    let late = folder.path().join("late");
    // Its backlog keeps the store growing.
    let rest = format!(
        "[connectors.late]\ntype = \"file\"\npath = \"{}\"\nbackoff_seconds = [1]\n",
        late.join("out.jsonl").display()
    );
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &rest);
    with_store(&bugrelay, &disk.path("store.db"));
    bugrelay.start();
    bugrelay.wait_until_ready();
    let load = Load::start(bugzilla.url());
    load.wait_for(20);
    disk.fill();
    let says_so = || bugrelay.log().contains("capture waits until there is room again");
    assert!(poll(Duration::from_secs(40), says_so), "it never met the full disk:\n{}", end_of(&bugrelay.log()));
    load.wait_for(20);
    assert!(!bugrelay.has_ended(), "it waits");
    assert!(bugrelay.get("/livez").starts_with("HTTP/1.1 200"));
    load.finish();
    let committed = Committed::read(server, &bugzilla.name);
    // Whether something still waits outside by now is chance: what is delivered makes room.
    disk.free();
    assert_eq!(committed.wait_for(&bugrelay), 0);
    std::fs::create_dir(&late).unwrap();
    assert_eq!(committed.wait_for_in(&bugrelay, || lines_in(&late.join("out.jsonl"))), 0);
}

#[test]
fn a_replay_waits_while_the_disk_is_full() {
    const COMMENTS: usize = 10;
    let Some(disk) = SmallDisk::mounted() else {
        return eprintln!("SKIPPED a_replay_waits_while_the_disk_is_full: nothing may be mounted here (root only)");
    };
    let bugzilla = MariaDb::shared().database();
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    bugrelay.replace("[admin]", "[admin]\ntoken = \"open sesame\"");
    with_store(&bugrelay, &disk.path("store.db"));
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugzilla.exec(&format!(
        "INSERT INTO longdescs (bug_id, who, bug_when, thetext)
           SELECT 1, 3, LOCALTIMESTAMP(0), REPEAT('a', 20000) FROM seq_1_to_{COMMENTS}"
    ));
    bugrelay.wait_for(COMMENTS);
    assert_eq!(bugrelay.verb(&["connector", "pause", "out"]).code, 0);
    disk.fill();
    let mut replay = bugrelay.command(&["replay", "--since", "2026-02-01"]).spawn().unwrap();
    let waits = || bugrelay.log().contains("the replay waits for deliveries to make room: no space is left");
    assert!(poll(Duration::from_secs(40), waits), "{}", end_of(&bugrelay.log()));
    assert!(replay.try_wait().unwrap().is_none(), "it waits");
    disk.free();
    assert!(replay.wait().unwrap().success());
    assert_eq!(bugrelay.verb(&["connector", "resume", "out"]).code, 0);
    bugrelay.wait_for(2 * COMMENTS);
}

#[test]
fn a_store_without_a_folder_ends_the_start_with_73_and_says_why() {
    let bugrelay = Bugrelay::configured("mysql://bugrelay@127.0.0.1:1/bugs", "", "");
    with_store(&bugrelay, &bugrelay.path("nowhere/store.db"));
    let ended = bugrelay.verb(&["run"]);
    assert_eq!(ended.code, 73, "{}", ended.err);
    assert!(ended.err.contains("directory must exist"), "{}", ended.err);
}

/// What became of a store of pages of 8 KiB.
fn damages(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let zeroed = |page: usize| {
        let mut bytes = good.to_vec();
        bytes[page * 8192..(page + 1) * 8192].fill(0);
        bytes
    };
    vec![
        ("cut in two", good[..good.len() / 2 / 8192 * 8192].to_vec()),
        ("cut to a few bytes", good[..50].to_vec()),
        ("without its first page", zeroed(0)),
        ("without a page", zeroed(4)),
        ("overwritten", vec![b'x'; good.len()]),
        ("empty", vec![]),
    ]
}

/// The files of its folder that a damaged store was set aside as.
fn set_aside(bugrelay: &Bugrelay) -> Vec<PathBuf> {
    let is_aside = |path: &PathBuf| {
        let name = path.to_string_lossy();
        name.contains("store.db.damaged-") && !name.ends_with("-wal") && !name.ends_with("-shm")
    };
    bugrelay.files().into_iter().filter(is_aside).collect()
}

#[test]
fn a_damaged_store_is_set_aside_and_nothing_is_begun_in_its_place_in_silence() {
    let bugzilla = MariaDb::shared().database();
    let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    bugzilla.play("01");
    bugrelay.wait_for(2);
    assert!(bugrelay.terminate().success());
    let store = bugrelay.path("store.db");
    // Whoever closes last may be a reader, who leaves the log beside the file: it would mend what is damaged here.
    let whole = rusqlite::Connection::open(&store).unwrap();
    whole.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(whole);
    let good = std::fs::read(&store).unwrap();
    for (count, (damage, bytes)) in (1..).zip(damages(&good)) {
        std::fs::write(&store, &bytes).unwrap();
        for words in ["was found to be damaged", "was damaged, and is set aside as"] {
            let ended = bugrelay.verb(&["run"]);
            assert_eq!(ended.code, 73, "{damage}: {}", ended.err);
            for words in [words, "store.db", "--recover-since TIME", "--from-now"] {
                assert!(ended.err.contains(words), "{damage}: {words}: {}", ended.err);
            }
            assert!(!store.exists(), "{damage}");
        }
        let aside = set_aside(&bugrelay);
        assert_eq!(aside.len(), count, "{damage}: {aside:?}");
        let found: Vec<Vec<u8>> = aside.iter().map(|path| std::fs::read(path).unwrap()).collect();
        let differs = |found: &Vec<u8>| (found.len(), found.iter().zip(&bytes).position(|(a, b)| a != b));
        let all: Vec<_> = found.iter().map(differs).collect();
        assert!(found.contains(&bytes), "{damage}: of {} bytes, are set aside {all:?}", bytes.len());
        let found = bugrelay.verb(&["check", "--json"]).out;
        assert!(found.contains("--recover-since"), "{damage}: {found}");
    }
    // A sound copy goes on where it stands.
    std::fs::write(&store, &good).unwrap();
    bugzilla.play("02");
    bugrelay.start();
    assert_eq!(bugrelay.wait_for(3).len(), 3);
}

#[test]
fn a_file_that_was_never_a_store_is_refused_and_left_as_it_is() {
    let bugrelay = Bugrelay::configured("mysql://bugrelay@127.0.0.1:1/bugs", "", "");
    let store = bugrelay.path("store.db");
    let other = rusqlite::Connection::open(&store).unwrap();
    other.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(other);
    for (bytes, words) in
        [(std::fs::read(&store).unwrap(), "another program"), (vec![b'x'; 9_000], "none of bugrelay's")]
    {
        std::fs::write(&store, &bytes).unwrap();
        for _ in 1..=2 {
            let ended = bugrelay.verb(&["run"]);
            assert_eq!(ended.code, 73, "{}", ended.err);
            assert!(ended.err.contains(words) && !ended.err.contains("recover-since"), "{}", ended.err);
            assert_eq!(std::fs::read(&store).unwrap(), bytes);
        }
    }
}

#[test]
fn after_damage_everything_since_a_time_is_told_from_bugzillas_history() {
    let bugzilla = MariaDb::shared().database();
    let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    let began = jiff::Timestamp::now();
    for action in ["01", "02"] {
        bugzilla.play(action);
    }
    let told = bugrelay.wait_for(3);
    assert!(bugrelay.terminate().success());
    std::fs::write(bugrelay.path("store.db"), "").unwrap();
    bugzilla.play("03");
    assert_eq!(bugrelay.verb(&["run"]).code, 73);
    let nonsense = bugrelay.verb(&["run", "--recover-since", "yesterday"]);
    assert!(nonsense.code == 2 && nonsense.err.contains("2026-11-01T00:00:00Z"), "{}", nonsense.err);
    let since = (began - Duration::from_secs(2)).to_string();
    bugrelay.start_with(&["run", "--recover-since", &since]);
    let all = bugrelay.wait_for(8);
    // What had been sent comes once more, and what had not been told comes behind it.
    let event = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].clone();
    assert!(all[3..6].iter().map(event).eq(told.iter().map(event)) && all.len() == 8, "{all:#?}");
    bugzilla.play("04");
    bugrelay.wait_for(9);
    assert!(bugrelay.terminate().success());
    // Somebody forgot to take it out of the command line.
    bugrelay.start_with(&["run", "--recover-since", &since]);
    bugrelay.wait_until_ready();
    assert!(poll(Duration::from_secs(30), || bugrelay.log().contains("--recover-since does nothing")));
    assert_eq!(bugrelay.lines().len(), 9);
}

#[test]
fn damage_that_is_met_while_it_runs_ends_the_process_with_73_and_is_set_aside() {
    let bugzilla = MariaDb::shared().database();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("later/out.jsonl");
    let rest = format!("[connectors.late]\ntype = \"file\"\nbackoff_seconds = [600]\npath = \"{}\"\n", out.display());
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &rest);
    bugrelay.start();
    bugrelay.wait_until_ready();
    let saves = "INSERT INTO longdescs (bug_id, who, bug_when, thetext) SELECT 1, 2, NOW(), seq FROM seq_1_to_1000";
    bugzilla.exec(saves);
    bugrelay.wait_for(1_000);
    assert!(bugrelay.terminate().success());
    bugrelay.start();
    bugrelay.wait_until_ready();
    // All but the first pages, where the tables begin.
    let store = std::fs::OpenOptions::new().write(true).open(bugrelay.path("store.db")).unwrap();
    let bytes = usize::try_from(store.metadata().unwrap().len()).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&store, &vec![0; bytes - 40 * 8192], 40 * 8192).unwrap();
    std::fs::create_dir(folder.path().join("later")).unwrap();
    bugrelay.replace("backoff_seconds = [600]", "backoff_seconds = [1]");
    let status = bugrelay.wait_until_ended(Duration::from_secs(30)).expect("it ends");
    assert_eq!(status.code(), Some(73), "{}", end_of(&bugrelay.log()));
    for words in ["was found to be damaged", "(the oldest message that waited is of 20"] {
        assert!(bugrelay.log().contains(words), "{words}:\n{}", end_of(&bugrelay.log()));
    }
    assert!(!bugrelay.path("store.db").exists() && !set_aside(&bugrelay).is_empty());
    let again = bugrelay.verb(&["run"]);
    assert!(again.code == 73 && again.err.contains("--recover-since"), "{}", again.err);
}

#[test]
fn a_second_instance_on_the_same_store_is_refused_and_does_not_disturb_the_first() {
    let server = MariaDb::shared();
    let bugzilla = server.database();
    let first = Bugrelay::running(&bugzilla.bugrelay_url());
    let load = Load::start(bugzilla.url());
    let second = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "");
    with_store(&second, &first.path("store.db"));
    for _ in 0..3 {
        load.wait_for(10);
        let ended = second.verb(&["run"]);
        assert_eq!(ended.code, 73, "{}", ended.err);
        assert!(ended.err.contains("another bugrelay"), "{}", ended.err);
    }
    load.finish();
    assert_eq!(Committed::read(server, &bugzilla.name).wait_for(&first), 0);
    assert!(second.lines().is_empty());
}

#[test]
fn a_store_that_is_deleted_under_it_ends_the_process_with_73_before_anything_is_lost() {
    let bugzilla = MariaDb::shared().database();
    let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    bugzilla.play("01");
    bugrelay.wait_for(2);
    std::fs::remove_file(bugrelay.path("store.db")).unwrap();
    bugzilla.play("02");
    let status = bugrelay.wait_until_ended(Duration::from_secs(30)).expect("it ends");
    assert_eq!(status.code(), Some(73), "{}", end_of(&bugrelay.log()));
    assert!(bugrelay.log().contains("was deleted while it was in use"), "{}", end_of(&bugrelay.log()));
}

#[test]
fn a_message_of_which_the_store_lost_a_part_is_parked_loudly_and_the_rest_flows() {
    let bugzilla = MariaDb::shared().database();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("later/out.jsonl");
    let rest = format!("[connectors.late]\ntype = \"file\"\nbackoff_seconds = [1]\npath = \"{}\"\n", out.display());
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", &rest);
    bugrelay.start();
    bugrelay.wait_until_ready();
    bugzilla.play("01");
    let waiting = || bugrelay.metric("bugrelay_backlog_messages{connector=\"late\"}") == Some(2.0);
    assert!(poll(Duration::from_secs(30), waiting));
    assert!(bugrelay.terminate().success());
    let store = rusqlite::Connection::open(bugrelay.path("store.db")).unwrap();
    assert_eq!(store.execute("DELETE FROM body WHERE sequence = 1", []).unwrap(), 1);
    drop(store);
    std::fs::create_dir(folder.path().join("later")).unwrap();
    bugrelay.start();
    let lines = || std::fs::read_to_string(&out).unwrap_or_default().lines().count();
    assert!(poll(Duration::from_secs(30), || lines() == 1), "{}", end_of(&bugrelay.log()));
    assert_eq!(bugrelay.metric("bugrelay_parked_messages{connector=\"late\"}"), Some(1.0));
    assert!(bugrelay.log().contains("its text (table body) is missing"), "{}", end_of(&bugrelay.log()));
}

#[test]
fn what_is_told_again_after_a_crash_is_not_counted_again() {
    let bugzilla = MariaDb::shared().database();
    let mut bugrelay = Bugrelay::running(&bugzilla.bugrelay_url());
    assert!(bugrelay.terminate().success());
    let store = || rusqlite::Connection::open(bugrelay.path("store.db")).unwrap();
    let before: String = store().query_row("SELECT position FROM state", [], |row| row.get(0)).unwrap();
    bugrelay.start();
    bugzilla.play("01");
    bugzilla.play("06");
    let told = bugrelay.wait_for(4).len();
    assert!(bugrelay.terminate().success());
    // As after a kill before the last part was stored: the messages are there, the position is not.
    let store = rusqlite::Connection::open(bugrelay.path("store.db")).unwrap();
    store.execute("UPDATE state SET position = ?1", [before]).unwrap();
    drop(store);
    bugrelay.start();
    let again = || bugrelay.metric("bugrelay_change_sets_total").is_some_and(|sets| sets >= 2.0);
    assert!(poll(Duration::from_secs(30), again));
    bugzilla.play("02");
    assert_eq!(bugrelay.wait_for(told + 1).len(), told + 1);
    let sum = |name: &str| -> f64 {
        let page = bugrelay.get("/metrics");
        page.lines().filter(|l| l.starts_with(name)).filter_map(|l| l.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    };
    let counted = || sum("bugrelay_messages_total{").to_string() == "1";
    assert!(poll(Duration::from_secs(10), counted), "what was stored: {}", bugrelay.get("/metrics"));
    assert_eq!(sum("bugrelay_redacted_total{").to_string(), "0");
}

#[test]
fn a_transaction_larger_than_the_store_passes_through_it_in_parts() {
    const COMMENTS: usize = 250;
    let bugzilla = MariaDb::shared().database();
    let mut bugrelay = Bugrelay::configured(&bugzilla.bugrelay_url(), "", "batch = 20");
    bugrelay.replace("[queue]", "[queue]\nmax_megabytes = 16");
    bugrelay.start();
    bugrelay.wait_until_ready();
    // 25 MB in one batch of change sets; one bug's, so that their order is looked at too.
    bugzilla.exec(&format!(
        "INSERT INTO longdescs (bug_id, who, bug_when, thetext)
           SELECT 1, 2, '2026-02-01 00:00:00' + INTERVAL seq SECOND, CONCAT('seq=', seq, ';', REPEAT('x', 100000))
           FROM seq_1_to_{COMMENTS}"
    ));
    let committed = Committed::read(MariaDb::shared(), &bugzilla.name);
    assert_eq!(committed.len(), COMMENTS);
    // In the middle of its parts: what was stored of it is known, and the rest is read again.
    bugrelay.wait_for(30);
    bugrelay.kill9();
    bugrelay.start();
    let repeated = committed.wait_for(&bugrelay);
    assert!(repeated <= 20, "{repeated} lines were repeated, more than a batch");
}
