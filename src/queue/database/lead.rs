//! Who may write. Whoever holds a lock on a session of the server leads, and writes on that very session: when the session ends, so does
//! the lock. The server ends it when the process is gone, and when it has said nothing for [`SILENCE`]: then it is frozen.
//! Each new leader raises the epoch; one that wakes up finds another than its own in every transaction, and is superseded.

use std::time::Duration;

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
