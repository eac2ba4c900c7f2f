//! The file connector: one body a line, into a file that is synced before anything counts as sent, or to standard output.
//!
//! A batch is one write and one sync, on a thread that may block. What the bytes meet on the disk (torn lines,
//! rotation, a full disk) is [`sink`]'s.

mod sink;

use std::path::Path;

use async_trait::async_trait;
use rustix::fs::{Access, access};
use serde::Deserialize;
use tokio::task::JoinHandle;

use self::sink::{Appended, Sink};
use super::{Connector, Outcomes, SendError};
use crate::message::Envelope;

/// Where to write.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// A file, whose directory must exist; `-` is standard output.
    pub path: String,
    /// A file larger than so many million bytes is renamed to `<path>.<time>` before the next batch. Absent: never.
    #[serde(default)]
    pub rotate_megabytes: Option<u64>,
}

impl FileConfig {
    /// Whether the file, or one in its directory, could be written; nothing is made.
    pub(super) fn check(&self) -> Result<String, SendError> {
        if self.path == "-" {
            return Ok("writes to standard output".to_owned());
        }
        let path = Path::new(&self.path);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let refuse = |what: String| SendError::misconfigured(what);
        if !folder.is_dir() {
            return Err(refuse(format!("the directory {} is not there; make it, or mend `path`", folder.display())));
        }
        if path.is_dir() {
            return Err(refuse(format!("{} is a directory; name a file in it in `path`", path.display())));
        }
        for place in [folder, path].into_iter().filter(|place| place.exists()) {
            access(place, Access::WRITE_OK).map_err(|error| {
                refuse(format!("{} cannot be written: {error}; let bugrelay's user write it", place.display()))
            })?;
        }
        Ok(format!("{} can be written", path.display()))
    }
}

/// See the module. The file is opened at the first `send`, and anew after every failure.
#[derive(Debug)]
pub struct FileConnector {
    config: FileConfig,
    sink: Option<Sink>,
    /// A write that is under way; left over from an earlier `send` if a deadline gave that one up.
    writing: Option<JoinHandle<(Sink, Appended)>>,
}

impl FileConnector {
    /// Touches nothing yet.
    pub fn new(config: FileConfig) -> Self {
        FileConnector { config, sink: None, writing: None }
    }

    /// The sink, unless an abandoned write still holds it.
    async fn idle_sink(&mut self) -> Option<Sink> {
        if let Some(writing) = &mut self.writing {
            if !writing.is_finished() {
                return None;
            }
            self.sink = writing.await.ok().map(|(sink, _)| sink);
            self.writing = None;
        }
        Some(self.sink.take().unwrap_or_else(|| Sink::new(self.config.clone())))
    }
}

#[async_trait]
impl Connector for FileConnector {
    async fn send(&mut self, batch: &[Envelope], outcomes: &Outcomes) {
        let Some(mut sink) = self.idle_sink().await else {
            let path = &self.config.path;
            let hangs = format!("an earlier write to {path} still hangs; see to its disk, or to who reads from it");
            return outcomes.failed_from(0, &SendError::transient(hangs));
        };
        let (lines, ends) = lines(batch);
        let writing = self.writing.insert(tokio::task::spawn_blocking(move || {
            let appended = sink.append(&lines);
            (sink, appended)
        }));
        let written = writing.await;
        self.writing = None;
        // A panic in the write leaves every fate unknown; the next `send` begins with a new sink.
        let Ok((sink, appended)) = written else { return };
        self.sink = Some(sink);
        let whole = ends.partition_point(|&end| end <= appended.bytes);
        (0..whole).for_each(|index| outcomes.sent(index));
        if let Err(error) = appended.result {
            outcomes.failed_from(whole, &error);
        }
    }

    async fn close(&mut self) -> u64 {
        if let Some(writing) = self.writing.take() {
            // Whether it worked was for the `send` that gave it up.
            let _ = writing.await;
        }
        // With it the lock: a connector after us may write on.
        self.sink = None;
        0
    }
}

/// The bodies as lines, and where each ends.
fn lines(batch: &[Envelope]) -> (Vec<u8>, Vec<usize>) {
    let size = batch.iter().map(|envelope| envelope.body.bytes.len() + 1).sum();
    let (mut lines, mut ends) = (Vec::with_capacity(size), Vec::with_capacity(batch.len()));
    for envelope in batch {
        let start = lines.len();
        lines.extend_from_slice(&envelope.body.bytes);
        // A relayed body may be spread over lines; in JSON a raw line break is white space only.
        for byte in &mut lines[start..] {
            *byte = if matches!(*byte, b'\n' | b'\r') { b' ' } else { *byte };
        }
        lines.push(b'\n');
        ends.push(lines.len());
    }
    (lines, ends)
}
