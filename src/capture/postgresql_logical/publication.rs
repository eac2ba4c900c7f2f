//! What the publication publishes, and whether it can hurt: one that publishes changes of a row that it cannot name makes
//! Bugzilla's own UPDATE or DELETE fail.

use tokio_postgres::{Client, Error, Row};

use super::refusal::{ANSWER, explain, in_time};
use crate::bugzilla::WatchedTable;
use crate::capture::{CaptureError, Finding, Severity};

/// For the operator.
pub(super) const MISSING: &str = "there is no publication \"bugrelay\"; make it as sql/postgresql/logical.sql says";

const MAKE: &str = "CREATE PUBLICATION bugrelay ... (sql/postgresql/logical.sql)";

/// The publication as it is.
pub(super) struct Publication {
    inserts: bool,
    updates: bool,
    deletes: bool,
    tables: Vec<Table>,
}

/// A table in it.
struct Table {
    schema: String,
    name: String,
    is_filtered: bool,
    tells_old_rows: bool,
    columns: usize,
    published: Vec<String>,
    /// The columns that name a row; none without a replica identity.
    identity: Option<Vec<String>>,
}

/// None if there is no publication of the name.
pub(super) async fn read(client: &Client) -> Result<Option<Publication>, CaptureError> {
    let sql = include_str!("../../../sql/postgresql/query/logical_publication.sql");
    let rows = in_time(ANSWER, client.query_typed(sql, &[])).await?.map_err(|error| explain(&error))?;
    Publication::read(&rows).map_err(|error| explain(&error))
}

/// Makes it, unless it would hurt: then nothing is left of it.
pub(super) async fn make(client: &Client, schema: &str) -> Result<(), CaptureError> {
    let sql = include_str!("../../../sql/postgresql/query/logical_publish.sql");
    let run = async |sql: &str| in_time(ANSWER, client.batch_execute(sql)).await?.map_err(|error| explain(&error));
    // An error on the way ends the connection, and with it the transaction. Whoever changes the tables goes first.
    run(&format!("BEGIN;\nSET LOCAL lock_timeout = '500ms';\n{sql}")).await?;
    let made = read(client).await?.ok_or_else(|| CaptureError::misconfigured(MISSING))?;
    if let Some(harm) = made.findings(schema).into_iter().find(|finding| finding.severity == Severity::Error) {
        run("ROLLBACK").await?;
        let remedy = harm.remedy.unwrap_or_default();
        return Err(CaptureError::misconfigured(format!("no publication is made, for {}; {remedy}", harm.message)));
    }
    run("COMMIT").await?;
    tracing::info!("the publication is made");
    Ok(())
}

impl Publication {
    fn read(rows: &[Row]) -> Result<Option<Self>, Error> {
        let Some(first) = rows.first() else { return Ok(None) };
        let mut publication = Publication {
            inserts: first.try_get("inserts")?,
            updates: first.try_get("updates")?,
            deletes: first.try_get("deletes")?,
            tables: Vec::new(),
        };
        for row in rows {
            let Some(name) = row.try_get("name")? else { continue };
            publication.tables.push(Table {
                schema: row.try_get::<_, Option<String>>("schema")?.unwrap_or_default(),
                name,
                is_filtered: row.try_get("is_filtered")?,
                tells_old_rows: row.try_get("tells_old_rows")?,
                columns: row.try_get::<_, Option<Vec<String>>>("columns")?.unwrap_or_default().len(),
                published: row.try_get::<_, Option<Vec<String>>>("published")?.unwrap_or_default(),
                identity: row.try_get("identity")?,
            });
        }
        Ok(Some(publication))
    }

    /// Errors: what is missing for us, what can hurt Bugzilla. `schema` is the one that Bugzilla's tables are in.
    pub(super) fn findings(&self, schema: &str) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.tables.iter().filter_map(|table| self.harm(table)).collect();
        findings.extend(WatchedTable::ALL.into_iter().filter_map(|table| self.lack(table, schema)));
        if !(self.inserts && self.updates && self.deletes) {
            findings.push(error(
                "publication_publish",
                "the publication does not publish all of insert, update and delete".to_owned(),
                "ALTER PUBLICATION bugrelay SET (publish = 'insert, update, delete')".to_owned(),
            ));
        }
        findings.extend(self.tables.iter().filter_map(|table| needless(table, schema)));
        findings.extend(self.lists(schema));
        if findings.is_empty() {
            let message = "the publication has all that is needed, and nothing that could hurt".to_owned();
            findings.push(Finding { id: "publication".into(), severity: Severity::Good, message, remedy: None });
        }
        let duplicates = self.table(WatchedTable::Duplicates, schema);
        if duplicates.is_some_and(|duplicates| !duplicates.tells_old_rows) {
            findings.push(Finding {
                id: "duplicates_identity".into(),
                severity: Severity::Warning,
                message: "table duplicates does not tell its old rows: of a bug that is no duplicate any more it is not told \
                          of which it was one"
                    .to_owned(),
                remedy: Some("SET lock_timeout = '1s'; ALTER TABLE duplicates REPLICA IDENTITY FULL".to_owned()),
            });
        }
        findings
    }

    fn table(&self, table: WatchedTable, schema: &str) -> Option<&Table> {
        self.tables.iter().find(|published| published.schema == schema && published.name == table.name())
    }

    /// Bugzilla's writes to such a table fail, or will.
    fn harm(&self, table: &Table) -> Option<Finding> {
        let Table { schema, name, .. } = table;
        if !(self.updates || self.deletes) {
            return None;
        }
        let take_out = format!("ALTER PUBLICATION bugrelay DROP TABLE {schema}.{name}");
        let Some(identity) = &table.identity else {
            let message = format!(
                "the publication has table {schema}.{name}, which has no replica identity: the server refuses every UPDATE and DELETE \
                 of it, Bugzilla's too"
            );
            return Some(error("publication_harm", message, format!("{take_out}; at once")));
        };
        let unnamed = identity.iter().find(|column| !table.published.contains(column))?;
        let message = format!(
            "the publication leaves out column {unnamed} of table {schema}.{name}, which belongs to its replica identity: the server \
             refuses every UPDATE and DELETE of it, Bugzilla's too"
        );
        let remedy =
            format!("{take_out}; at once, then ALTER TABLE {schema}.{name} REPLICA IDENTITY DEFAULT and {MAKE}");
        Some(error("publication_harm", message, remedy))
    }

    /// What we need of a table and do not get.
    fn lack(&self, table: WatchedTable, schema: &str) -> Option<Finding> {
        let name = table.name();
        let remedy = || format!("DROP PUBLICATION bugrelay; {MAKE}");
        let Some(published) = self.table(table, schema) else {
            let message = format!("the publication lacks table {schema}.{name}: its changes would not be told");
            return Some(error("publication_tables", message, remedy()));
        };
        if published.is_filtered {
            let message = format!("the publication leaves out rows of table {schema}.{name}: they would not be told");
            return Some(error("publication_tables", message, remedy()));
        }
        let absent = table.columns().iter().find(|column| !published.published.iter().any(|name| name == *column))?;
        let message = format!("the publication leaves out column {absent} of table {schema}.{name}");
        Some(error("publication_tables", message, remedy()))
    }

    /// The server refuses to alter or drop a column that is in a list, and Bugzilla's checksetup.pl does both.
    fn lists(&self, schema: &str) -> Option<Finding> {
        let watched = |table: &WatchedTable| self.lack(*table, schema).is_none();
        let mut tables = WatchedTable::ALL.into_iter().filter(watched).filter_map(|table| self.table(table, schema));
        let listed = tables.find(|table| table.published.len() < table.columns)?;
        Some(Finding {
            id: "publication_columns".into(),
            severity: Severity::Warning,
            message: format!(
                "the publication has a list of columns for table {schema}.{}: an upgrade of Bugzilla that changes one of them would fail",
                listed.name
            ),
            remedy: Some(
                "ALTER PUBLICATION bugrelay SET TABLE bugs, bugs_activity, longdescs, attachments, duplicates"
                    .to_owned(),
            ),
        })
    }
}

/// A table beyond our needs costs the server work, and brings content to us that nobody reads.
fn needless(table: &Table, schema: &str) -> Option<Finding> {
    let Table { schema: of, name, .. } = table;
    if of == schema && WatchedTable::by_name(name).is_some() {
        return None;
    }
    Some(Finding {
        id: "publication_needless".into(),
        severity: Severity::Warning,
        message: format!("the publication has table {of}.{name}, which is not looked at"),
        remedy: Some(format!("ALTER PUBLICATION bugrelay DROP TABLE {of}.{name}")),
    })
}

fn error(id: &'static str, message: String, remedy: String) -> Finding {
    Finding { id: id.into(), severity: Severity::Error, message, remedy: Some(remedy) }
}
