//! The file connector on real file systems: torn lines, rotation, full disks, pipes, and what it says to the operator.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use async_trait::async_trait;
use bugrelay::connector::file::{FileConfig, FileConnector};
use bugrelay::connector::{Connector, Outcome, Outcomes, SendError};
use bugrelay::failure::Class;
use bugrelay::message::Body;

use super::{Bus, bodies, conforms, deliver, envelope, send};

/// A file in a directory of its own.
struct Place {
    _temporary: tempfile::TempDir,
    directory: PathBuf,
}

impl Place {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let directory = temporary.path().join("out");
        fs::create_dir(&directory).unwrap();
        Place { _temporary: temporary, directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.join("bugs.json")
    }
}

#[async_trait]
impl Bus for Place {
    fn connector(&self) -> Box<dyn Connector> {
        Box::new(connector(&self.file()))
    }
    async fn arrived(&self) -> Vec<String> {
        lines(&self.file())
    }
    async fn break_down(&self) {
        fs::rename(&self.directory, self.directory.with_extension("away")).unwrap();
    }
    async fn mend(&self) {
        fs::rename(self.directory.with_extension("away"), &self.directory).unwrap();
    }
}

fn connector(path: &Path) -> FileConnector {
    FileConnector::new(FileConfig { path: path.to_str().unwrap().to_owned(), rotate_megabytes: None })
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "a torn line");
    text.lines().map(str::to_owned).collect()
}

/// The first envelope's failure.
async fn refusal(path: &Path) -> SendError {
    send(&mut connector(path), 1..=2).await.swap_remove(0).unwrap_err()
}

fn all_sent(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(Result::is_ok)
}

#[tokio::test]
async fn the_file_connector_conforms() {
    conforms(&Place::new()).await;
}

#[tokio::test]
async fn a_line_that_a_crash_tore_is_cut_off_before_anything_is_added() {
    let place = Place::new();
    // Longer than what is looked at in one go.
    let torn = format!("{{\"event\":{{\"number\":1}}}}\n{{\"event\":{}", "x".repeat(200_000));
    fs::write(place.file(), torn).unwrap();
    assert!(all_sent(&send(&mut connector(&place.file()), 2..=3).await));
    assert_eq!(lines(&place.file()), bodies(1..=3));
}

#[tokio::test]
async fn a_file_with_nothing_but_a_torn_line_begins_empty() {
    let place = Place::new();
    fs::write(place.file(), "{\"ev").unwrap();
    assert!(all_sent(&send(&mut connector(&place.file()), 1..=1).await));
    assert_eq!(lines(&place.file()), bodies(1..=1));
}

#[tokio::test]
async fn a_body_with_line_breaks_stays_one_line() {
    let place = Place::new();
    let mut spread = envelope(1);
    spread.body = Body { bytes: b"{\r\n\"a\": 1\n}".to_vec().into(), event_bytes: None };
    assert!(all_sent(&deliver(&mut connector(&place.file()), &[spread]).await));
    assert_eq!(lines(&place.file()), ["{  \"a\": 1 }"]);
}

#[tokio::test]
async fn a_file_that_grew_too_large_is_set_aside_and_none_set_aside_before_is_overwritten() {
    let place = Place::new();
    let path = place.file().to_str().unwrap().to_owned();
    let mut connector = FileConnector::new(FileConfig { path, rotate_megabytes: Some(1) });
    let mut large = envelope(1);
    large.body = Body { bytes: vec![b'x'; 1_000_000].into(), event_bytes: None };
    for _ in 0..4 {
        assert!(all_sent(&deliver(&mut connector, std::slice::from_ref(&large)).await));
    }
    let sizes: Vec<u64> =
        fs::read_dir(&place.directory).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).collect();
    assert_eq!(sizes, [1_000_001; 4], "one in use, three set aside within a second or two");
}

#[tokio::test]
async fn a_file_that_logrotate_moved_or_somebody_deleted_is_opened_anew() {
    let place = Place::new();
    let mut connector = connector(&place.file());
    assert!(all_sent(&send(&mut connector, 1..=2).await));
    let moved = place.file().with_extension("1");
    fs::rename(place.file(), &moved).unwrap();
    assert!(all_sent(&send(&mut connector, 3..=4).await));
    assert_eq!((lines(&moved), lines(&place.file())), (bodies(1..=2), bodies(3..=4)));
    fs::remove_file(place.file()).unwrap();
    assert!(all_sent(&send(&mut connector, 5..=5).await));
    assert_eq!(lines(&place.file()), bodies(5..=5));
}

#[tokio::test]
async fn others_cannot_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    assert!(all_sent(&send(&mut connector(&place.file()), 1..=1).await));
    assert_eq!(fs::metadata(place.file()).unwrap().permissions().mode() & 0o007, 0);
}

#[tokio::test]
async fn what_only_a_person_can_mend_is_told_to_that_person() {
    let place = Place::new();
    let told = [
        (place.directory.join("missing/bugs.json"), "directory does not exist"),
        (place.directory.clone(), "it is a directory"),
        // The kernel lets nobody make a file there, not even root.
        (PathBuf::from("/sys/bugs.json"), "permission denied; let the user that bugrelay runs as write"),
    ];
    for (path, text) in told {
        let error = refusal(&path).await;
        assert_eq!(error.class, Class::Misconfigured, "{error}");
        assert!(error.message.contains(text) && error.message.contains(path.to_str().unwrap()), "{error}");
        assert!(!error.perhaps_delivered);
    }
}

#[tokio::test]
async fn two_connectors_never_write_one_file() {
    let place = Place::new();
    let mut first = connector(&place.file());
    assert!(all_sent(&send(&mut first, 1..=1).await));
    let error = refusal(&place.file()).await;
    assert_eq!(error.class, Class::Transient);
    assert!(error.message.contains("another process or connector"), "{error}");
    drop(first);
    assert!(all_sent(&send(&mut connector(&place.file()), 2..=2).await));
    assert_eq!(lines(&place.file()), bodies(1..=2));
}

/// A file system of one megabyte; unmounted in the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where we may not mount.
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(directory.path()).status();
        mount.is_ok_and(|status| status.success()).then_some(SmallDisk(directory))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_keeps_whole_lines_only_and_heals_when_there_is_room_again() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: only root can mount a small disk");
        return;
    };
    let (path, filler) = (disk.0.path().join("bugs.json"), disk.0.path().join("filler"));
    let mut connector = connector(&path);
    assert!(all_sent(&send(&mut connector, 1..=3).await));
    fs::write(&filler, vec![0; 1000 * 1024]).unwrap();
    let outcomes = send(&mut connector, 4..=5_000).await;
    for outcome in outcomes {
        let error = outcome.unwrap_err();
        assert_eq!((error.class, error.perhaps_delivered), (Class::Transient, false));
        assert!(error.message.contains("no room left"), "{error}");
    }
    assert_eq!(lines(&path), bodies(1..=3), "what was written in part is taken back");
    fs::remove_file(&filler).unwrap();
    assert!(all_sent(&send(&mut connector, 4..=5_000).await));
    assert_eq!(lines(&path), bodies(1..=5_000));
}

fn pipe(place: &Place) -> PathBuf {
    let path = place.directory.join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

#[tokio::test]
async fn a_reader_that_went_away_is_a_failure_that_passes() {
    let place = Place::new();
    let path = pipe(&place);
    let reader = std::thread::spawn({
        let path = path.clone();
        move || BufReader::new(File::open(path).unwrap()).lines().next().unwrap().unwrap()
    });
    let mut connector = connector(&path);
    assert!(all_sent(&send(&mut connector, 1..=1).await));
    assert_eq!(reader.join().unwrap(), bodies(1..=1)[0]);
    let error = send(&mut connector, 2..=2).await.swap_remove(0).unwrap_err();
    assert_eq!(error.class, Class::Transient);
    assert!(error.message.contains("nobody reads"), "{error}");
}

#[tokio::test]
async fn a_write_that_hangs_is_not_overtaken_by_the_next_one() {
    let place = Place::new();
    let path = pipe(&place);
    let mut connector = connector(&path);
    // Nobody reads: opening the pipe blocks, and the deadline gives the send up.
    let batch = [envelope(1)];
    let (deadline, outcomes) = (Duration::from_millis(50), Outcomes::new(1));
    assert!(tokio::time::timeout(deadline, connector.send(&batch, &outcomes)).await.is_err());
    assert_eq!(outcomes.take(), [None]);
    let error = send(&mut connector, 1..=2).await.swap_remove(0).unwrap_err();
    assert!(error.message.contains("still hangs") && !error.perhaps_delivered, "{error}");

    let mut reader = BufReader::new(OpenOptions::new().read(true).open(&path).unwrap()).lines();
    assert_eq!(reader.next().unwrap().unwrap(), bodies(1..=1)[0]);
    let healed = async {
        while send(&mut connector, 2..=2).await[0].is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), healed).await.unwrap();
    assert_eq!(reader.next().unwrap().unwrap(), bodies(2..=2)[0]);
}

#[tokio::test]
async fn a_stream_that_is_full_takes_nothing_and_says_so() {
    let error = refusal(Path::new("/dev/full")).await;
    assert_eq!(error.class, Class::Transient);
    assert!(error.message.contains("no room left"), "{error}");
}

/// Runs this test binary again, for that one's standard output.
#[tokio::test]
async fn standard_output_gets_one_body_a_line() {
    const CHILD: &str = "BUGRELAY_TEST_WRITES_TO_STDOUT";
    if std::env::var_os(CHILD).is_some() {
        std::io::stdout().flush().unwrap();
        assert!(all_sent(&send(&mut connector(Path::new("-")), 1..=1000).await));
        return;
    }
    let name = "connector_suite::file::standard_output_gets_one_body_a_line";
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8(child.stdout).unwrap();
    let ours: Vec<&str> = text.lines().filter_map(|line| line.find("{\"event\"").map(|at| &line[at..])).collect();
    assert_eq!(ours, bodies(1..=1000));
}
