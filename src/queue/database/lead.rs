//! Who may write. Whoever holds a lock on a session of the server leads, and writes on that very session: when the session ends, so does
//! the lock. The server ends it when the process is gone, and when it has said nothing for [`SILENCE`]: then it is frozen.
//! Each new leader raises the epoch; one that wakes up finds another than its own in every transaction, and is superseded.

use std::time::Duration;

use tokio::time::Instant;

use super::fault::Fault;
use super::schema;
use super::statement::{Names, Value, dialect, standard};
use crate::database::{Server, Session};

/// The server ends a writer's session that says nothing for so long.
pub(super) const SILENCE: Duration = Duration::from_secs(10);

/// How often a leader says something when there is nothing to write.
pub(super) const BEAT: Duration = Duration::from_secs(3);

/// Who we are in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lead {
    /// Our Bugzilla's row.
    pub(super) site: i64,
    /// The number of our time.
    pub(super) epoch: i64,
}

/// A session that is set up for the store, and ends when it is silent for so long.
pub(super) async fn session(server: &dyn Server, names: &Names, silence: Duration) -> Result<Box<dyn Session>, Fault> {
    let mut session = server.session().await?;
    let silence = i64::try_from(silence.as_secs()).unwrap_or(i64::MAX);
    let script = names.fill(dialect!(names.dialect, "session"), &[("silence", Value::Int(silence))]);
    session.run(&script.split(";\n").map(str::to_owned).collect::<Vec<_>>()).await?;
    Ok(session)
}

/// What the lock is called, before it is made into a name of the server's.
pub(super) fn lock_name(names: &Names) -> String {
    format!("{}/{}", names.schema, names.database)
}

/// Takes the lock, if nobody else has it.
pub(super) async fn lock(session: &mut dyn Session, names: &Names) -> Result<bool, Fault> {
    let name = lock_name(names);
    let answer = session.run(&[names.fill(dialect!(names.dialect, "lock"), &[("name", Value::Text(&name))])]).await?;
    Ok(answer.iter().flatten().any(|row| row.int(0) == 1))
}

/// The session that holds the lock, as one that stands by sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// From where it comes; a session has a port of its own.
    from: String,
    /// For how many whole seconds it has said nothing.
    silent: i64,
}

/// Who has the lock; none if nobody has it by now, or the server does not tell.
pub(super) async fn holder(session: &mut dyn Session, names: &Names) -> Result<Option<Holder>, Fault> {
    let name = lock_name(names);
    let answer = session.run(&[names.fill(dialect!(names.dialect, "leader"), &[("name", Value::Text(&name))])]).await?;
    let row = answer.iter().flatten().next();
    Ok(row.and_then(|row| Some(Holder { from: row.opt_text(0)?, silent: row.opt_int(1)? })))
}

/// Tells a leader that lives from the session of one that is gone, which may stand on the server for a while: the one says something every
/// [`BEAT`], and the other nothing any more.
#[derive(Debug, Default)]
pub(super) struct Watched(Option<(String, Instant)>);

impl Watched {
    /// The holder was asked for at that time: whether it has said something since it was first seen.
    pub(super) fn lives(&mut self, holder: Option<Holder>, asked: Instant) -> bool {
        let Some(Holder { from, silent }) = holder else { return false };
        match &self.0 {
            Some((known, since)) if *known == from => {
                // A server that tells whole seconds may be one off.
                let silent = Duration::from_secs(u64::try_from(silent).unwrap_or(0).saturating_add(1));
                silent < asked.saturating_duration_since(*since)
            }
            _ => {
                self.0 = Some((from, Instant::now()));
                false
            }
        }
    }
}

/// Our Bugzilla's row as it is; none if it was never made.
pub(super) async fn find(session: &mut dyn Session, names: &Names) -> Result<Option<Lead>, Fault> {
    let find = names.fill(standard!("site_find"), &[("name", Value::Text(&names.database))]);
    let answer = session.run(&[find]).await?;
    Ok(answer.iter().flatten().next().map(|row| Lead { site: row.int(0), epoch: row.int(1) }))
}

/// Begins to lead, with the lock: the tables and our row are made if they are not there.
pub(super) async fn claim(session: &mut dyn Session, names: &Names) -> Result<Lead, Fault> {
    schema::make(session, names).await?;
    let name = [("name", Value::Text(&names.database))];
    if find(session, names).await?.is_none() {
        session.run(&[names.fill(dialect!(names.dialect, "site_make"), &name)]).await?;
    }
    let lost = || Fault::Other("its row in the table site is gone".to_owned());
    let found = find(session, names).await?.ok_or_else(lost)?;
    session.run(&[names.fill(standard!("site_claim"), &[("site", Value::Int(found.site))])]).await?;
    find(session, names).await?.ok_or_else(lost)
}

/// How many transactions were stored; [`Fault::Deposed`] if another leads by now.
pub(super) async fn turn(session: &mut dyn Session, names: &Names, lead: Lead) -> Result<i64, Fault> {
    let answer = session.run(&[names.fill(standard!("site_ask"), &[("site", Value::Int(lead.site))])]).await?;
    let row = answer.iter().flatten().next().filter(|row| row.int(0) == lead.epoch);
    row.map(|row| row.int(1)).ok_or(Fault::Deposed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgresql_ends_all_sessions_of_a_frozen_process_after_the_same_silence() {
        let allowed = format!("set_config(name, '{}s', false)", SILENCE.as_secs());
        for session in [
            include_str!("../../../sql/postgresql/query/trigger_session.sql"),
            include_str!("../../../sql/postgresql/query/logical_session.sql"),
        ] {
            assert!(session.contains(&allowed), "{session}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_one_that_says_something_while_it_is_watched_lives() {
        let mut watched = Watched::default();
        let mut after = async |seconds: u64, from: &str, silent| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            watched.lives(Some(Holder { from: from.to_owned(), silent }), Instant::now())
        };
        assert!(!after(0, "a", 3).await, "it said that before");
        assert!(!after(5, "a", 8).await, "it is gone");
        assert!(!after(1, "a", 5).await, "that may be how the server counts");
        assert!(!after(0, "b", 0).await, "another, which is seen for the first time");
        assert!(!after(1, "b", 0).await);
        assert!(after(2, "b", 1).await);
    }
}
