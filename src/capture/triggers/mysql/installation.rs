//! What is installed on MySQL and MariaDB: the queue, the account that the triggers act as, what it may do, and the triggers. All of it is
//! SQL in files, for an administrator to read first.

use std::time::Duration;

use async_trait::async_trait;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, ServerError};

use super::failure::{answered, asked, refused};
use super::names::{Names, TRIGGERS, account, without_token};
use crate::capture::CaptureError;
use crate::capture::triggers::Installer;

const SCHEMA: &str = include_str!("../../../../sql/mysql/triggers/schema.sql");
const DEFINER: &str = include_str!("../../../../sql/mysql/triggers/definer.sql");
const PROBE: &str = include_str!("../../../../sql/mysql/triggers/probe.sql");
const READER: &str = include_str!("../../../../sql/mysql/triggers/reader.sql");
const TRIGGER: &str = include_str!("../../../../sql/mysql/triggers/trigger.sql");
const REMOVE_TRIGGER: &str = include_str!("../../../../sql/mysql/triggers/remove_trigger.sql");
const REMOVE: &str = include_str!("../../../../sql/mysql/triggers/remove.sql");
const BODY: &str = include_str!("../../../../sql/mysql/query/trigger_body.sql");

/// How often a lock is tried for, a second each time; between two Bugzilla goes on.
const ATTEMPTS: usize = 30;

/// How long Bugzilla goes on between two.
const PAUSE: Duration = Duration::from_millis(500);

/// What to install, and for whom.
pub struct Installation {
    administrator: Opts,
    reader: Opts,
    database: String,
    names: Names,
}

impl Installation {
    /// Connects as `administrator` to make it, for the account and the database of `reader`.
    pub fn new(administrator: Opts, reader: Opts, schema: &str) -> Self {
        let database = reader.db_name().unwrap_or_default().to_owned();
        let names = Names::new(schema, &database);
        Installation { administrator, reader, database, names }
    }

    /// bugrelay's account as it is printed: its host is known to the server alone.
    fn printed_reader(&self) -> String {
        account(self.reader.user().unwrap_or_default(), "%")
    }

    /// The same as the server knows it. It must be there: a MariaDB would make one without a password of a GRANT to nobody.
    async fn known_reader(&self) -> Result<String, CaptureError> {
        let mut conn = answered(Conn::new(self.reader.clone())).await?;
        let name: Option<String> = answered(conn.query_first("SELECT CURRENT_USER()")).await?;
        let name = name.unwrap_or_default();
        let (user, host) = name.rsplit_once('@').unwrap_or((&name, "%"));
        Ok(account(user, host))
    }
}

#[async_trait]
impl Installer for Installation {
    fn install(&self) -> Vec<String> {
        let triggers = TRIGGERS.map(|trigger| trigger_text(&self.names, trigger));
        let ours = [SCHEMA, DEFINER, PROBE, READER]
            .map(|text| self.names.fill(&text.replace("{reader}", &self.printed_reader())));
        ours.into_iter().chain(triggers).collect()
    }

    fn remove(&self) -> Vec<String> {
        let triggers = TRIGGERS.map(|(table, event, ..)| {
            self.names.fill(&REMOVE_TRIGGER.replace("{trigger}", &self.names.trigger(table, event)))
        });
        triggers.into_iter().chain([self.names.fill(REMOVE)]).collect()
    }

    async fn run(&self, texts: &[String], told: &(dyn for<'t> Fn(&'t str) + Send + Sync)) -> Result<(), CaptureError> {
        let reader = self.known_reader().await?;
        let mut conn = answered(Conn::new(self.administrator.clone())).await?;
        for text in texts {
            if let Some(name) = outdated(&mut conn, &self.names, &self.database, text).await? {
                told(&format!(
                    "the trigger {name} is of another version and is made anew; what is written meanwhile the sweep finds"
                ));
                let drop = self.names.fill(&REMOVE_TRIGGER.replace("{trigger}", &name));
                patiently(&mut conn, &drop, told).await?;
            }
            let text = text.replace(&self.printed_reader(), &reader);
            patiently(&mut conn, &statements(&text), told).await?;
        }
        Ok(())
    }
}

/// Runs a text again and again until it has its locks.
async fn patiently(conn: &mut Conn, sql: &str, told: &(dyn Fn(&str) + Send + Sync)) -> Result<(), CaptureError> {
    let mut left = ATTEMPTS;
    while let Err(refusal) = run(conn, sql).await? {
        left -= 1;
        if refusal.code != 1205 || left == 0 {
            return Err(refused(&refusal));
        }
        told("a table is in use and its lock not to be had within a second; trying again");
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

async fn run(conn: &mut Conn, sql: &str) -> Result<Result<(), ServerError>, CaptureError> {
    asked(async { conn.query_iter(sql).await?.drop_result().await }).await
}

/// The trigger that a text would make, if there is one of that name with another body.
async fn outdated(conn: &mut Conn, names: &Names, database: &str, text: &str) -> Result<Option<String>, CaptureError> {
    let made = TRIGGERS.into_iter().find(|trigger| trigger_text(names, *trigger) == text);
    let Some((table, event, ..)) = made else { return Ok(None) };
    let name = names.trigger(table, event);
    let found: Option<String> = answered(conn.exec_first(BODY, (database, &name))).await?;
    Ok(found.filter(|found| !is_body(text, found)).map(|_| name))
}

/// What the triggers' account needs, for an administrator to run.
pub(super) fn definer_grants(names: &Names) -> String {
    grants(&names.fill(DEFINER))
}

/// What bugrelay's account needs, for an administrator to run.
pub(super) fn reader_grants(names: &Names) -> String {
    grants(&names.fill(&READER.replace("{reader}", "the account")))
}

/// The statements of a text without its comments.
fn grants(text: &str) -> String {
    text.lines().filter(|line| line.starts_with("GRANT")).collect::<Vec<_>>().join("\n")
}

/// What makes a trigger.
pub(super) fn trigger_text(names: &Names, (table, event, news, rows): (&str, &str, &str, &str)) -> String {
    let text = TRIGGER.replace("{trigger}", &names.trigger(table, event)).replace("{table}", table);
    names.fill(&text.replace("{event}", event).replace("{news}", news).replace("{rows}", rows))
}

/// Whether a trigger that the server has is the one that a text makes, by this installation or another. A client may have touched the blanks.
pub(super) fn is_body(text: &str, found: &str) -> bool {
    let body = text.split_once("\nBEGIN").and_then(|(_, body)| body.rsplit_once("$$\nDELIMITER")).map(|(body, _)| body);
    let words = |text: &str| text.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>();
    body.is_some_and(|body| words(&without_token(found)) == words(&without_token(&format!("BEGIN{body}"))))
}

/// A text without what only the command line client understands: the server itself knows where a body ends.
fn statements(text: &str) -> String {
    text.replace("DELIMITER $$\n", "").replace(" $$\nDELIMITER ;", ";")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installation() -> Installation {
        let opts = |url| Opts::from_url(url).unwrap();
        Installation::new(opts("mysql://root@127.0.0.1/"), opts("mysql://relay@127.0.0.1/bugs"), "bugrelay")
    }

    #[test]
    fn nothing_is_left_to_be_filled_in() {
        let texts = [installation().install(), installation().remove()].concat().join("\n");
        assert!(!texts.contains('{') && !texts.contains('}'), "{texts}");
        assert!(!statements(&texts).contains("DELIMITER"));
    }

    #[test]
    fn a_body_is_known_again_whatever_a_client_did_to_its_blanks() {
        let names = Names::new("bugrelay", "bugs");
        let text = trigger_text(&names, TRIGGERS[0]);
        let body = text.split_once("FOR EACH ROW\n").unwrap().1.rsplit_once(" $$").unwrap().0;
        assert!(is_body(&text, body) && is_body(&text, &body.replace('\n', " ")));
        assert!(!is_body(&text, &body.replace("'b'", "'x'")));
    }

    #[test]
    fn a_body_of_another_installation_is_the_same_and_remembers_by_another_name() {
        let texts = [(), ()].map(|()| trigger_text(&Names::new("bugrelay", "bugs"), TRIGGERS[0]));
        assert_ne!(texts[0], texts[1]);
        let body = texts[1].split_once("FOR EACH ROW\n").unwrap().1.rsplit_once(" $$").unwrap().0;
        assert!(is_body(&texts[0], body));
    }
}
