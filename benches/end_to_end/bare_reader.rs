//! What the library alone can do: binlog -> one JSON line for each row, in one thread, without groups, objects, rules, store or
//! delivery: the ceiling of this way of reading.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use futures_util::StreamExt as _;
use mysql_async::binlog::events::EventData;
use mysql_async::binlog::row::BinlogRow;
use mysql_async::binlog::value::BinlogValue;
use mysql_async::{BinlogStreamRequest, Conn, Value};

use crate::catch_up::Usage;
use crate::process;

const ASKED: &str = "--bare-reader";

/// URL, log file, position, database, if this process is to be the reader.
pub(crate) fn asked_for() -> Option<Vec<String>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != ASKED);
    arguments.next()?;
    Some(arguments.collect())
}

/// Reads to the end of the log, in a process of its own.
pub(crate) fn measure(url: &str, from: &str, database: &str, saves: usize) -> Usage {
    let mut place = from.split('\t');
    let (file, position) = (place.next().unwrap_or_default(), place.next().unwrap_or_default());
    let out = tempfile::NamedTempFile::new().expect("a file");
    let begun = Instant::now();
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([ASKED, url, file, position, database])
        .stdout(Stdio::from(out.reopen().expect("the file")))
        .spawn()
        .expect("the reader starts");
    let mut lines = process::Lines::of(out.path());
    let mut cpu = 0.0;
    while lines.count() < saves * 4 {
        cpu = process::cpu_seconds(child.id());
        assert!(
            child.try_wait().expect("its state").is_none() || lines.count() >= saves * 4,
            "the bare reader ended early"
        );
        process::nap();
    }
    let wall = begun.elapsed();
    let peak_mb = process::peak_mb(child.id());
    let usage = Usage { wall, first: wall, cpu, server_cpu: 0.0, peak_mb, details: String::new() };
    child.wait().expect("it ends");
    usage
}

/// The reader.
pub(crate) fn run(arguments: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(read(arguments));
}

async fn read(arguments: &[String]) {
    let [url, file, position, database] = arguments else { panic!("URL, file, position, database") };
    let mut connection = Conn::from_url(url).await.expect("a connection");
    mysql_async::prelude::Queryable::query_drop(&mut connection, "SET @mariadb_slave_capability = 4")
        .await
        .expect("a setting");
    let request = BinlogStreamRequest::new(4_000_000_000)
        .with_non_blocking()
        .with_filename(file.as_bytes())
        .with_pos(position.parse().expect("a number"));
    let mut stream = connection.get_binlog_stream(request).await.expect("the stream");
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    while let Some(event) = stream.next().await {
        let event = event.expect("an event");
        let Ok(Some(EventData::RowsEvent(rows))) = event.read_data() else { continue };
        let Some(table) = stream.get_tme(rows.table_id()) else { continue };
        if table.database_name() != *database {
            continue;
        }
        let name = table.table_name().into_owned();
        for row in rows.rows(table) {
            let (before, after) = row.expect("a row");
            let line = serde_json::json!({ "table": name, "before": before.map(columns), "after": after.map(columns) });
            serde_json::to_writer(&mut out, &line).expect("a line");
            out.write_all(b"\n").expect("its end");
        }
    }
    out.flush().expect("the rest");
}

/// In place of the columns' names, which it does not know.
const NAMES: [&str; 40] = [
    "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12", "c13", "c14", "c15", "c16", "c17",
    "c18", "c19", "c20", "c21", "c22", "c23", "c24", "c25", "c26", "c27", "c28", "c29", "c30", "c31", "c32", "c33",
    "c34", "c35", "c36", "c37", "c38", "c39",
];

fn columns(row: BinlogRow) -> serde_json::Map<String, serde_json::Value> {
    let value = |index: usize| match row.as_ref(index) {
        Some(BinlogValue::Value(Value::Bytes(bytes))) => String::from_utf8_lossy(bytes).into(),
        Some(BinlogValue::Value(Value::Int(number))) => (*number).into(),
        Some(BinlogValue::Value(Value::UInt(number))) => (*number).into(),
        Some(BinlogValue::Value(Value::NULL)) | None => serde_json::Value::Null,
        Some(BinlogValue::Value(other)) => other.as_sql(true).trim_matches('\'').into(),
        Some(other) => format!("{other:?}").into(),
    };
    (0..row.len()).map(|index| (NAMES[index].to_owned(), value(index))).collect()
}
