//! Somebody who saves all the time, as Bugzilla does, through a connection of their own; some saves are rolled back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts};

use crate::services::poll;

/// Between two saves.
const PACE: Duration = Duration::from_millis(4);

/// Saves one after the other until it is finished; a save whose connection broke is not tried again.
pub(crate) struct Load {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    stop: AtomicBool,
    pause: AtomicBool,
    idle: AtomicBool,
    tried: AtomicU64,
}

impl Load {
    /// As the account of `url`.
    pub(crate) fn start(url: String) -> Self {
        let state = Arc::new(State::default());
        let work = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(work.save_all(&url));
        });
        Load { state, thread: Some(thread) }
    }

    /// Waits for so many more saves, whatever became of them.
    pub(crate) fn wait_for(&self, saves: u64) {
        let until = self.state.tried.load(SeqCst) + saves;
        assert!(poll(Duration::from_secs(60), || self.state.tried.load(SeqCst) >= until), "nobody can save any more");
    }

    /// Nothing is under way when this returns.
    pub(crate) fn pause(&self) {
        self.state.pause.store(true, SeqCst);
        assert!(poll(Duration::from_secs(60), || self.state.idle.load(SeqCst)), "a save hangs");
    }

    /// After [`Load::pause`].
    pub(crate) fn resume(&self) {
        self.state.idle.store(false, SeqCst);
        self.state.pause.store(false, SeqCst);
    }

    /// Ends it; gives how many saves were tried.
    pub(crate) fn finish(mut self) -> u64 {
        self.end();
        self.state.tried.load(SeqCst)
    }

    fn end(&mut self) {
        self.state.stop.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the load panicked");
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

impl State {
    async fn save_all(&self, url: &str) {
        let mut connection: Option<Connection> = None;
        while !self.stop.load(SeqCst) {
            tokio::time::sleep(PACE).await;
            if self.pause.load(SeqCst) {
                self.idle.store(true, SeqCst);
                continue;
            }
            let Some(open) = &mut connection else {
                connection = Connection::open(url).await;
                continue;
            };
            let number = self.tried.load(SeqCst) + 1;
            if !open.save(number).await {
                // The server rolls back what it was in; what a lost COMMIT did, the database tells in the end.
                connection = None;
            }
            self.tried.store(number, SeqCst);
        }
        if let Some(Connection::Mysql(connection)) = connection {
            // It may be gone already.
            let _ = connection.disconnect().await;
        }
    }
}

enum Connection {
    Mysql(Conn),
    Postgresql(tokio_postgres::Client),
}

impl Connection {
    async fn open(url: &str) -> Option<Self> {
        if url.starts_with("mysql:") {
            return Conn::new(Opts::from_url(url).unwrap()).await.ok().map(Connection::Mysql);
        }
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.ok()?;
        // It says by itself that it is over: to whoever asks the client.
        tokio::spawn(connection);
        Some(Connection::Postgresql(client))
    }

    /// `false`: the connection broke.
    async fn save(&mut self, number: u64) -> bool {
        match self {
            Connection::Mysql(open) => open.query_drop(save(number)).await.is_ok(),
            Connection::Postgresql(open) => open.batch_execute(&save(number)).await.is_ok(),
        }
    }
}

/// A comment that holds its number; every second save also changes the whiteboard, every seventh fails. On MariaDB and on PostgreSQL.
pub(crate) fn save(number: u64) -> String {
    let (bug, who, at) = (1 + number % 4, 2 + number % 2, jiff::Timestamp::now().strftime("%F %T"));
    let change = format!(
        "UPDATE bugs SET status_whiteboard = 'w={number};' WHERE bug_id = {bug};
         INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
           VALUES ({bug}, {who}, '{at}', (SELECT id FROM fielddefs WHERE name = 'status_whiteboard'), '', 'w={number};');"
    );
    let change = if number.is_multiple_of(2) { change.as_str() } else { "" };
    let end = if number.is_multiple_of(7) { "ROLLBACK" } else { "COMMIT" };
    format!(
        "START TRANSACTION;
         INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES ({bug}, {who}, '{at}', 'seq={number}; {PADDING}');
         {change}
         UPDATE bugs SET delta_ts = '{at}' WHERE bug_id = {bug};
         {end}; UPDATE bugs SET lastdiffed = '{at}' WHERE bug_id = {bug};"
    )
}

const PADDING: &str = "Somebody poured, somebody drank, and nobody wrote down which cup it was.";
