//! One save, as Bugzilla makes it: the time is asked before the transaction and stands in all its rows, the bug is touched last.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use fastrand::Rng;

use super::people::Account;
use super::session::{Failed, Session};
use super::site::{BUGS, COLUMNS, FIRST_USER, PEOPLE, VALUES, is_private};

/// Stands in everything that nobody outside may read.
pub(super) const NEEDLE: &str = "hush";

/// Stands in everything that is rolled back.
pub(super) const UNDONE: &str = "undone";

/// The longest pause between two statements, and the longest before COMMIT, in microseconds.
const PAUSE_MAX: u64 = 2_500;
const HESITATION_MAX: u64 = 12_000;

/// Bugs and attachments of the storm's own begin behind those.
const FIRST_ID: u64 = 1000;

/// What is about to be saved.
pub(super) struct Save<'a> {
    pub(super) person: u64,
    /// One of its person's.
    pub(super) number: u64,
    pub(super) session: &'a mut Session,
    pub(super) random: &'a mut Rng,
}

impl Save<'_> {
    /// An error says that the connection is gone; a save that failed otherwise is given up.
    pub(super) async fn make(mut self, account: &Account) -> Result<(), Failed> {
        match self.attempt().await {
            Ok(true) => _ = account.committed.fetch_add(1, SeqCst),
            Ok(false) => _ = account.rolled_back.fetch_add(1, SeqCst),
            Err(Failed) => {
                account.failed.fetch_add(1, SeqCst);
                self.session.end("ROLLBACK").await?;
            }
        }
        Ok(())
    }

    /// Whether it is committed, and not rolled back.
    async fn attempt(&mut self) -> Result<bool, Failed> {
        let now = self.session.ask("SELECT CAST(LOCALTIMESTAMP(0) AS char(19))").await?.ok_or(Failed)?;
        self.session.begin().await?;
        let bug = self.random.u64(BUGS);
        match self.random.u32(0..100) {
            0..6 => self.file(&now).await?,
            6..12 => self.attach(bug, &now).await?,
            12..18 => {
                // In any order, as people name them: some of them stand in each other's way.
                let other =
                    BUGS.start() + (bug - BUGS.start() + self.random.u64(1..6)) % (BUGS.end() - BUGS.start() + 1);
                self.change(bug, &now, true).await?;
                self.change(other, &now, true).await?;
            }
            18..50 => self.remark(bug, &now).await?,
            50..85 => self.change(bug, &now, true).await?,
            _ => self.change(bug, &now, false).await?,
        }
        self.pause(HESITATION_MAX).await;
        let is_kept = !self.is_one_of(10);
        self.session.end(if is_kept { "COMMIT" } else { "ROLLBACK" }).await?;
        // Mail is sent: no change that anybody made.
        self.session.run(&format!("UPDATE bugs SET lastdiffed = '{now}' WHERE bug_id = {bug}")).await?;
        Ok(is_kept)
    }

    /// A comment alone.
    async fn remark(&mut self, bug: u64, now: &str) -> Result<(), Failed> {
        self.comment(bug, now, "").await?;
        self.regret(bug, now).await?;
        self.touch(bug, now).await
    }

    /// A field, with or without a comment.
    async fn change(&mut self, bug: u64, now: &str, with_comment: bool) -> Result<(), Failed> {
        let (text, who) = (self.mark(is_private(bug)), self.who());
        self.run(&format!("UPDATE bugs SET status_whiteboard = '{text}' WHERE bug_id = {bug}")).await?;
        self.regret(bug, now).await?;
        if with_comment {
            self.comment(bug, now, "").await?;
        }
        self.run(&format!(
            "INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
               VALUES ({bug}, {who}, '{now}', (SELECT id FROM fielddefs WHERE name = 'status_whiteboard'), '', '{text}')"
        ))
        .await?;
        self.touch(bug, now).await
    }

    async fn attach(&mut self, bug: u64, now: &str) -> Result<(), Failed> {
        let (id, who) = (self.own_id(), self.who());
        let text = self.mark(is_private(bug));
        self.run(&format!(
            "INSERT INTO attachments (attach_id, bug_id, submitter_id, creation_ts, modification_time, description, mimetype, filename)
               VALUES ({id}, {bug}, {who}, '{now}', '{now}', '{text}', 'text/plain', 'a.txt')"
        ))
        .await?;
        self.run(&format!("INSERT INTO attach_data (id, thedata) VALUES ({id}, 'a')")).await?;
        self.comment(bug, now, &id.to_string()).await?;
        self.touch(bug, now).await
    }

    /// A new bug; each third is nobody's business, which is known from its second statement on.
    async fn file(&mut self, now: &str) -> Result<(), Failed> {
        let (bug, who) = (self.own_id(), self.who());
        let is_secret = self.is_one_of(3);
        let text = self.mark(is_secret);
        self.run(&format!(
            "INSERT INTO bugs (bug_id, {COLUMNS}) VALUES ({bug}, {VALUES}, '{text}', {who}, NULL, '{now}')"
        ))
        .await?;
        if is_secret {
            self.run(&format!("INSERT INTO bug_group_map (bug_id, group_id) VALUES ({bug}, 2)")).await?;
        }
        self.run(&format!("UPDATE bugs SET creation_ts = '{now}' WHERE bug_id = {bug}")).await?;
        self.run(&format!(
            "INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES ({bug}, {who}, '{now}', '{text}')"
        ))
        .await?;
        self.session.run(&format!("INSERT INTO storm_bugs (bug_id, number) VALUES ({bug}, 0)")).await?;
        self.touch(bug, now).await
    }

    /// `attachment`: of which it tells, if of one.
    async fn comment(&mut self, bug: u64, now: &str, attachment: &str) -> Result<(), Failed> {
        let who = self.who();
        let is_secret = self.is_one_of(6);
        let text = self.mark(is_secret || is_private(bug));
        let (kind, extra) = if attachment.is_empty() { (0, "NULL") } else { (5, attachment) };
        let extra = if kind == 0 { extra.to_owned() } else { format!("'{extra}'") };
        self.run(&format!(
            "INSERT INTO longdescs (bug_id, who, bug_when, isprivate, type, extra_data, thetext)
               VALUES ({bug}, {who}, '{now}', {}, {kind}, {extra}, '{text}')",
            u8::from(is_secret)
        ))
        .await
    }

    /// Now and then a part is taken back within the transaction.
    async fn regret(&mut self, bug: u64, now: &str) -> Result<(), Failed> {
        if !self.is_one_of(8) {
            return Ok(());
        }
        let who = self.who();
        self.run("SAVEPOINT part").await?;
        self.run(&format!(
            "INSERT INTO longdescs (bug_id, who, bug_when, thetext) VALUES ({bug}, {who}, '{now}', '{UNDONE}')"
        ))
        .await?;
        self.run(&format!(
            "INSERT INTO bugs_activity (bug_id, who, bug_when, fieldid, removed, added)
               VALUES ({bug}, {who}, '{now}', (SELECT id FROM fielddefs WHERE name = 'short_desc'), '', '{UNDONE}')"
        ))
        .await?;
        self.run("ROLLBACK TO SAVEPOINT part").await
    }

    /// From here to the commit nobody else can save the bug: the number is its place in the order of the commits.
    async fn touch(&mut self, bug: u64, now: &str) -> Result<(), Failed> {
        self.run(&format!("UPDATE bugs SET delta_ts = '{now}' WHERE bug_id = {bug}")).await?;
        let save = self.name();
        self.session.run(&format!("UPDATE storm_bugs SET number = number + 1 WHERE bug_id = {bug}")).await?;
        let note = "INSERT INTO storm_saves (bug_id, number, save) SELECT bug_id, number";
        self.session.run(&format!("{note}, '{save}' FROM storm_bugs WHERE bug_id = {bug}")).await
    }

    async fn run(&mut self, sql: &str) -> Result<(), Failed> {
        self.session.run(sql).await?;
        self.pause(PAUSE_MAX).await;
        Ok(())
    }

    /// This is the storm: how long somebody takes.
    async fn pause(&mut self, longest: u64) {
        tokio::time::sleep(Duration::from_micros(self.random.u64(0..longest))).await;
    }

    fn is_one_of(&mut self, many: u32) -> bool {
        self.random.u32(0..many) == 0
    }

    fn who(&self) -> u64 {
        FIRST_USER + self.person
    }

    fn own_id(&self) -> u64 {
        FIRST_ID + self.number * PEOPLE + self.person
    }

    fn name(&self) -> String {
        format!("{}-{}", self.who(), self.number)
    }

    /// By which everything that it writes is known.
    fn mark(&self, is_secret: bool) -> String {
        let secret = if is_secret { NEEDLE } else { "" };
        format!("s={};{secret}", self.name())
    }
}
