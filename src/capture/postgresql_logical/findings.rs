//! Is the server fit to be read by logical decoding? Each answer with the setting, what was found, what is expected, and the SQL that
//! mends it.

use std::borrow::Cow;

use super::publication::{self, Publication};
use super::server::{Server, unreadable};
use super::slot::{Slot, State};
use crate::capture::{CaptureError, Finding, Severity};
use crate::failure::Class;

/// The oldest version that is read, as `server_version_num`.
const OLDEST: i32 = 130_000;

/// What can be said of a server that answers.
pub(super) struct Inspection {
    pub(super) server: Server,
    pub(super) publication: Option<Publication>,
    /// None on a standby, which has no end of its own.
    pub(super) slot: Option<State>,
    pub(super) findings: Vec<Finding>,
}

impl Inspection {
    /// Asks the server for everything. `may_fill_the_disk`: the operator's consent to a slot without a limit.
    pub(super) async fn of(slot: &Slot<'_>, database: &str, may_fill_the_disk: bool) -> Result<Self, CaptureError> {
        let server = Server::ask(slot.client).await?;
        let mut findings = vec![version(&server), level(&server), role(&server), tables(slot, &server).await?];
        if server.is_standby {
            findings.push(error(
                "standby",
                "the server is a standby: changes are read from the primary alone".to_owned(),
                "let [bugzilla] database name the primary".to_owned(),
            ));
            return Ok(Inspection { server, publication: None, slot: None, findings });
        }
        let publication = publication::read(slot.client).await?;
        let state = slot.state().await?;
        findings.extend(published(&server, publication.as_ref()));
        findings.extend(slots(slot.name, database, &server, &state));
        findings.push(limit(&server, state.found.is_some(), may_fill_the_disk));
        Ok(Inspection { server, publication, slot: Some(state), findings })
    }

    /// The error that forbids to begin, if one of the findings does.
    pub(super) fn refusal(&self) -> Option<CaptureError> {
        let worst = self.findings.iter().find(|finding| finding.severity >= Severity::Error)?;
        let message = match &worst.remedy {
            Some(remedy) => format!("{}; {remedy}", worst.message),
            None => worst.message.clone(),
        };
        let passes = worst.severity == Severity::Unavailable;
        Some(if passes { CaptureError::transient(message) } else { CaptureError::misconfigured(message) })
    }
}

/// The finding for a server that cannot be asked.
pub(super) fn unreachable(error: &CaptureError) -> Finding {
    let severity = if error.class == Class::Transient { Severity::Unavailable } else { Severity::Error };
    Finding { id: "connection".into(), severity, message: error.message.clone(), remedy: None }
}

fn error(id: &'static str, message: String, remedy: String) -> Finding {
    Finding { id: Cow::Borrowed(id), severity: Severity::Error, message, remedy: Some(remedy) }
}

fn good(id: &'static str, message: String) -> Finding {
    Finding { id: Cow::Borrowed(id), severity: Severity::Good, message, remedy: None }
}

fn version(server: &Server) -> Finding {
    let major = server.version / 10_000;
    if server.version >= OLDEST {
        return good("version", format!("PostgreSQL {major}"));
    }
    error("version", format!("PostgreSQL {major}, expected 13 or later"), "upgrade the server".to_owned())
}

fn level(server: &Server) -> Finding {
    let found = &server.wal_level;
    if found == "logical" {
        return good("wal_level", "wal_level is logical".to_owned());
    }
    let remedy = "ALTER SYSTEM SET wal_level = logical, and restart the server; or capture = \"triggers\", which needs no restart";
    error("wal_level", format!("wal_level is {found:?}, expected \"logical\""), remedy.to_owned())
}

fn role(server: &Server) -> Finding {
    if server.may_replicate {
        return good("grant_replication", "the account has REPLICATION".to_owned());
    }
    let remedy = "ALTER ROLE the account REPLICATION (sql/postgresql/logical.sql)";
    error("grant_replication", "the account lacks REPLICATION".to_owned(), remedy.to_owned())
}

async fn tables(slot: &Slot<'_>, server: &Server) -> Result<Finding, CaptureError> {
    if server.schema.is_none() {
        return Ok(Finding {
            id: "tables".into(),
            severity: Severity::Unavailable,
            message: "there is no table bugs: is Bugzilla still being installed, or its schema not in the account's search_path?"
                .to_owned(),
            remedy: Some("GRANT USAGE ON SCHEMA ..., ALTER ROLE the account SET search_path = ... (sql/postgresql/grants.sql)".to_owned()),
        });
    }
    let denied = unreadable(slot.client).await?;
    Ok(match denied.first() {
        None => good("grant_select", "the account may read Bugzilla's tables".to_owned()),
        Some(_) => error(
            "grant_select",
            format!("the account may not read {}", denied.join(", ")),
            "GRANT SELECT ON them TO the account (sql/postgresql/grants.sql)".to_owned(),
        ),
    })
}

fn published(server: &Server, publication: Option<&Publication>) -> Vec<Finding> {
    let schema = server.schema.as_deref().unwrap_or_default();
    let Some(publication) = publication else {
        let finding = if server.may_publish {
            good("publication", "there is no publication yet: it is made at the first run".to_owned())
        } else {
            error("publication", publication::MISSING.to_owned(), "CREATE PUBLICATION bugrelay ...".to_owned())
        };
        return vec![finding];
    };
    publication.findings(schema)
}

fn slots(name: &str, database: &str, server: &Server, state: &State) -> Vec<Finding> {
    let Some(found) = &state.found else {
        let (slots, max) = (server.slots, server.slots_max);
        if slots < max {
            return vec![good(
                "slot",
                format!("the slot {name} is not there: it is made by a run without a stored position"),
            )];
        }
        let message = format!("the server has {slots} slots and room for {max}: there is none for {name}");
        return vec![error(
            "max_replication_slots",
            message,
            "ALTER SYSTEM SET max_replication_slots higher, and restart".to_owned(),
        )];
    };
    if let Err(refusal) = found.check(name, database) {
        return vec![Finding { id: "slot".into(), severity: Severity::Error, message: refusal.message, remedy: None }];
    }
    let kept = format!("the server keeps {} bytes of its log for slot {name}", found.retained);
    let (severity, message) = if found.is_lost {
        (
            Severity::Warning,
            format!("the server has given up the slot {name}: what it held is a gap, and a new one must be made"),
        )
    } else if found.is_endangered {
        (Severity::Warning, format!("{kept}, and gives it up at its next checkpoint"))
    } else {
        (Severity::Good, kept)
    };
    let remedy = (severity != Severity::Good)
        .then(|| "let bugrelay run; raise max_slot_wal_keep_size if it happens again".to_owned());
    vec![Finding { id: "slot".into(), severity, message, remedy }]
}

/// Without a limit a bugrelay that is away fills the server's disk, and then nothing of Bugzilla is written.
fn limit(server: &Server, has_slot: bool, may_fill_the_disk: bool) -> Finding {
    const ID: &str = "max_slot_wal_keep_size";
    if !server.keeps_without_limit() {
        return good(ID, format!("{ID} is {}", server.keep));
    }
    let severity = if has_slot || may_fill_the_disk { Severity::Warning } else { Severity::Error };
    Finding {
        id: ID.into(),
        severity,
        message: format!(
            "{ID} is -1, no limit: while bugrelay is away the server keeps its log until the disk is full"
        ),
        remedy: Some(format!(
            "ALTER SYSTEM SET {ID} = '10GB'; SELECT pg_reload_conf()\n[bugzilla] allow_unlimited_wal = true, if somebody watches the disk"
        )),
    }
}
