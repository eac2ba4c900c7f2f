//! Events -> transactions: which group is open, what is in it, where it ends. No I/O; the stream feeds it.

use std::collections::HashMap;
use std::sync::Arc;

use mysql_async::binlog::events;
use serde_json::value::RawValue;

use super::columns::{self, Change, Columns, Snapshot};
use super::event::{self, Event, Rows};
use super::gtid::Gtid;
use super::position::{FilePlace, Place, Start, Stored, StoredPlace};
use super::replay::Replay;
use super::resume;
use super::row;
use super::statement::{self, Statement};
use super::table_map::{Layout, TableMap, TableName};
use crate::bugzilla::WatchedTable;
use crate::capture::{CaptureError, Gap};
use crate::changeset::{Position, RowChange};

/// What is watched, and how names are compared.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    /// Bugzilla's database.
    pub(super) database: String,
    /// Ours; what is written there is no progress.
    pub(super) own_schema: String,
    /// `lower_case_table_names` is not 0.
    pub(super) fold_case: bool,
    /// Rows held at the most.
    pub(super) rows_max: usize,
}

/// A group that is over.
pub(super) struct Closed {
    pub(super) committed_at: u32,
    pub(super) rows: Vec<RowChange>,
}

/// Where the reader stands and what it must remember.
pub(super) struct Reader {
    watch: Watch,
    server: String,
    columns: Columns,
    /// `columns` as JSON: made once, stored with every position.
    columns_json: Box<RawValue>,
    /// By the id that the log uses; `None`: not watched.
    tables: HashMap<u64, Option<KnownTable>>,
    /// Behind the last group that was told.
    place: Place,
    /// In the file, behind the last event.
    file: FilePlace,
    /// The head of a file was read: the place in the file is known from here on.
    pub(super) format_seen: bool,
    /// The file's birth as the position has it, until the file's head has shown that it is the same.
    expected_birth: Option<u32>,
    group: Option<Group>,
    held: Vec<Held>,
    replay: Replay,
    /// Where reading began.
    start: StoredPlace,
    /// All transactions up to `place` are known by name; if not, the names that come are of no use.
    knows_gtids: bool,
    /// Set when others' transactions went by that nobody was told of.
    pub(super) moved: bool,
    /// Definitions that changed: the columns must be read before the next event.
    pub(super) changed: Vec<(WatchedTable, Change)>,
}

struct KnownTable {
    table: WatchedTable,
    map: Vec<u8>,
    /// An error is one of the rows that need it: an upgrade writes rows that are no news between two changes of a definition.
    layout: Result<Arc<Layout>, CaptureError>,
}

/// The events between two commits.
#[derive(Default)]
struct Group {
    gtid: Option<Gtid>,
    /// It ends with a commit, and not with its first statement.
    transactional: bool,
    /// It was told before the last restart.
    told: bool,
    /// Its rows are wanted even then: it may be one that is only prepared.
    is_xa: bool,
    xid: Option<Vec<u8>>,
    rows: Vec<RowChange>,
    savepoints: Vec<(Vec<u8>, usize)>,
    /// Somebody else than we wrote it.
    is_others: bool,
    begins: FilePlace,
}

/// A prepared XA transaction.
struct Held {
    xid: Vec<u8>,
    rows: Vec<RowChange>,
    from: StoredPlace,
}

impl Reader {
    /// Begins to read at `from` and to tell behind `place`.
    pub(super) fn new(watch: Watch, server: String, columns: Columns, start: Start) -> Result<Self, CaptureError> {
        let Start { place, from, knows_gtids } = start;
        let replay = Replay::new(&from, &place);
        let expected_birth = from.gtids.is_empty().then_some(from.file.born).filter(|born| *born != 0);
        Ok(Reader {
            watch,
            server,
            columns_json: to_json(&columns)?,
            columns,
            tables: HashMap::new(),
            start: from.stored(),
            file: from.file,
            knows_gtids,
            place,
            format_seen: false,
            expected_birth,
            group: None,
            held: Vec::new(),
            replay,
            moved: false,
            changed: Vec::new(),
        })
    }

    /// Behind the last group that was told.
    pub(super) fn position(&self) -> Result<Position, CaptureError> {
        let held = self.held.first().map(|held| held.from.clone());
        Stored { server: self.server.clone(), at: self.place.stored(), held, columns: &self.columns_json }.to_position()
    }

    /// The columns as they are now, after what `changed` said.
    pub(super) fn columns_read(&mut self, snapshot: Snapshot) -> Result<(), CaptureError> {
        self.columns.changed(&std::mem::take(&mut self.changed), snapshot);
        self.tables.clear();
        self.columns_json = to_json(&self.columns)?;
        Ok(())
    }

    /// Takes in one event; gives the group that it closes, if it is to be told.
    pub(super) fn event(&mut self, event: &events::Event) -> Result<Option<Closed>, CaptureError> {
        let header = event.header();
        // Events made up by the server, and those inside a compressed transaction, have no place in the file; the head of a file may be sent
        // in front of any place.
        if header.log_pos() != 0 && !matches!(header.event_type_raw(), ROTATE | FORMAT) {
            self.file.pos = u64::from(header.log_pos());
        }
        let at = header.timestamp();
        match event::decode(event)? {
            Event::Rotate { file, pos } => self.rotated(file, pos),
            Event::Format => self.format(at)?,
            Event::Group { gtid, standalone, prepares_xa } => {
                let gtid = gtid.filter(|_| self.knows_gtids);
                let pos = self.file.pos.saturating_sub(u64::from(header.event_size()));
                let begins = FilePlace { pos, ..self.file.clone() };
                let told = self.replay.is_told(gtid.as_ref(), &begins);
                let transactional = standalone == Some(false);
                self.group = Some(Group { gtid, transactional, told, is_xa: prepares_xa, begins, ..Group::default() });
            }
            Event::TableMap(body) => self.table_map(body)?,
            Event::Rows(rows) => self.rows(rows)?,
            Event::Query { schema, text } => return self.query(at, schema, &text),
            Event::Commit => return Ok(self.close(at, true)),
            Event::XaPrepare { one_phase } => {
                if !one_phase {
                    self.hold();
                }
                return Ok(self.close(at, true));
            }
            Event::Other => {}
        }
        Ok(None)
    }

    fn rotated(&mut self, file: &[u8], pos: u64) {
        // MariaDB writes four stray bytes behind the name in the first rotation of a stream, which the server makes up. That one
        // is not needed: who resumes by file knows the file.
        if self.format_seen || self.file.name.is_empty() {
            self.file.name = String::from_utf8_lossy(file).into_owned();
            self.file.pos = pos;
        }
        self.tables.clear();
    }

    fn format(&mut self, born: u32) -> Result<(), CaptureError> {
        self.format_seen = true;
        if let Some(expected) = self.expected_birth.take()
            && expected != born
        {
            return Err(resume::foreign(&format!(
                "its file {} was begun at another time than the one that the position points into",
                self.file.name
            )));
        }
        self.file.born = born;
        if self.place.file.name == self.file.name {
            self.place.file.born = born;
        }
        Ok(())
    }

    fn group(&mut self) -> &mut Group {
        self.group.get_or_insert_with(Group::default)
    }

    fn table_map(&mut self, body: &[u8]) -> Result<(), CaptureError> {
        let Some(name) = TableName::read(body) else {
            return Err(CaptureError::misconfigured("a TABLE_MAP event in the binlog is damaged or cut off"));
        };
        if !self.is_ours(name.schema) {
            self.group().is_others = true;
        }
        let watched = if self.is_watched_database(name.schema) { self.watched_table(name.table) } else { None };
        let Some(table) = watched else {
            self.tables.insert(name.id, None);
            return Ok(());
        };
        let told = self.group().told && !self.group().is_xa;
        let is_known = matches!(self.tables.get(&name.id), Some(Some(known)) if known.map == body);
        if !told && !is_known {
            let layout = self.layout(table, &name.map(table)?).map(Arc::new);
            self.columns_json = to_json(&self.columns)?;
            self.tables.insert(name.id, Some(KnownTable { table, map: body.to_vec(), layout }));
        }
        Ok(())
    }

    fn layout(&mut self, table: WatchedTable, map: &TableMap<'_>) -> Result<Layout, CaptureError> {
        let layout = match &map.names {
            Some(names) => map.layout(table, names),
            None => {
                let names = self.columns.names(table, map).ok_or_else(|| columns::unknown(table))?;
                map.layout(table, &names.iter().map(String::as_str).collect::<Vec<_>>())
            }
        };
        layout.map_err(|column| columns::unfit(table, column))
    }

    fn rows(&mut self, rows: Rows<'_>) -> Result<(), CaptureError> {
        let Some(Some(known)) = self.tables.get(&rows.table_id()?) else { return Ok(()) };
        if !row::can_be_news(known.table, rows.operation) {
            return Ok(());
        }
        let layout = known.layout.clone();
        let group = self.group();
        if group.told && !group.is_xa {
            return Ok(());
        }
        let layout = layout?;
        if rows.partial {
            return Err(CaptureError::misconfigured(format!(
                "rows of {} are logged in part; SET GLOBAL binlog_row_value_options = ''",
                layout.table.name()
            )));
        }
        row::read(&layout, rows.operation, &rows.images()?, &mut group.rows)
            .map_err(|error| error.explain(layout.table))?;
        let rows_max = self.watch.rows_max;
        let prepared: usize = self.held.iter().map(|held| held.rows.len()).sum();
        if prepared + self.group().rows.len() <= rows_max {
            return Ok(());
        }
        let prepared = self.held.iter().flat_map(|held| &held.rows);
        Err(CaptureError::too_large(rows_max, prepared.chain(self.group.iter().flat_map(|group| &group.rows))))
    }

    fn query(&mut self, at: u32, schema: &[u8], text: &[u8]) -> Result<Option<Closed>, CaptureError> {
        match statement::read(text) {
            Statement::Begin => self.group().transactional = true,
            Statement::XaStart => {
                let group = self.group();
                (group.transactional, group.is_xa) = (true, true);
            }
            Statement::XaEnd(xid) => self.group().xid = Some(xid.to_vec()),
            Statement::Commit => return Ok(self.close(at, true)),
            Statement::Rollback => return Ok(self.close(at, false)),
            Statement::Savepoint(name) => {
                let group = self.group();
                group.savepoints.push((name.to_vec(), group.rows.len()));
            }
            Statement::RollbackTo(name) => self.group().roll_back_to(name),
            Statement::XaCommit(xid) => {
                if let Some(held) = self.release(xid) {
                    self.group().rows = held.rows;
                }
                return Ok(self.close(at, true));
            }
            Statement::XaRollback(xid) => {
                self.release(xid);
                return Ok(self.close(at, false));
            }
            Statement::Definition { creates } => {
                self.group().is_others = true;
                self.definition(schema, text, creates);
                return Ok(self.end_of_statement(at));
            }
            Statement::RowChange => {
                self.row_change(schema, text)?;
                return Ok(self.end_of_statement(at));
            }
            Statement::Other => return Ok(self.end_of_statement(at)),
        }
        Ok(None)
    }

    fn definition(&mut self, schema: &[u8], text: &[u8], creates: bool) {
        let touches = self.is_watched_database(schema) || statement::contains(text, self.watch.database.as_bytes());
        if !touches || self.group().told {
            return;
        }
        let change = if creates || statement::may_move_columns(text) { Change::Moved } else { Change::Appended };
        let named = WatchedTable::ALL.into_iter().filter(|table| statement::mentions(text, table.name()));
        self.changed.extend(named.map(|table| (table, change)));
    }

    fn row_change(&mut self, schema: &[u8], text: &[u8]) -> Result<(), CaptureError> {
        self.group().is_others = true;
        let ours = self.is_watched_database(schema) || statement::contains(text, self.watch.database.as_bytes());
        let named = WatchedTable::ALL.into_iter().find(|table| statement::mentions(text, table.name()));
        match named {
            Some(table) if ours && !self.group().told => Err(CaptureError::gap(
                Gap::Unlogged,
                format!(
                    "a session wrote to table {} with binlog_format STATEMENT or MIXED: its rows are not in the binlog; SET GLOBAL binlog_format = 'ROW', \
                 restart what keeps old sessions open (Bugzilla's web server and jobqueue)",
                    table.name()
                ),
            )),
            _ => Ok(()),
        }
    }

    /// A statement outside of a transaction is its own group.
    fn end_of_statement(&mut self, at: u32) -> Option<Closed> {
        if self.group().transactional { None } else { self.close(at, true) }
    }

    fn close(&mut self, at: u32, committed: bool) -> Option<Closed> {
        let group = self.group.take()?;
        if group.told {
            self.replay.passed(group.gtid.as_ref(), &self.file);
            return None;
        }
        self.place.advance(group.gtid.as_ref(), &self.file);
        self.moved |= group.is_others;
        let rows = if committed { group.rows } else { Vec::new() };
        Some(Closed { committed_at: at, rows })
    }

    /// The open group is prepared: what it wrote is neither there nor gone yet.
    fn hold(&mut self) {
        let Some(group) = &mut self.group else { return };
        let (rows, xid) = (std::mem::take(&mut group.rows), group.xid.take().unwrap_or_default());
        // Others' prepared transactions need no memory; and one that hangs for weeks must not keep the position back.
        if rows.is_empty() {
            return;
        }
        tracing::info!(rows = rows.len(), "an XA transaction is prepared: held until it is committed or rolled back");
        // Held again after a restart: it began where reading began or later, and the older place is as good.
        let from = match &self.replay {
            Replay::Over => Place { gtids: self.place.gtids.clone(), file: group.begins.clone() }.stored(),
            _ => self.start.clone(),
        };
        self.held.push(Held { xid, rows, from });
    }

    fn release(&mut self, xid: &[u8]) -> Option<Held> {
        let at = self.held.iter().position(|held| held.xid == xid)?;
        Some(self.held.remove(at))
    }

    fn is_watched_database(&self, schema: &[u8]) -> bool {
        self.same(schema, &self.watch.database)
    }

    fn is_ours(&self, schema: &[u8]) -> bool {
        self.same(schema, &self.watch.own_schema)
    }

    fn watched_table(&self, name: &[u8]) -> Option<WatchedTable> {
        WatchedTable::ALL.into_iter().find(|table| self.same(name, table.name()))
    }

    fn same(&self, logged: &[u8], name: &str) -> bool {
        if self.watch.fold_case { logged.eq_ignore_ascii_case(name.as_bytes()) } else { logged == name.as_bytes() }
    }
}

const ROTATE: u8 = 4;
const FORMAT: u8 = 15;

impl Group {
    fn roll_back_to(&mut self, name: &[u8]) {
        if let Some(at) = self.savepoints.iter().rposition(|(savepoint, _)| savepoint == name) {
            self.rows.truncate(self.savepoints[at].1);
            self.savepoints.truncate(at + 1);
        }
    }
}

fn to_json(columns: &Columns) -> Result<Box<RawValue>, CaptureError> {
    serde_json::value::to_raw_value(columns).map_err(|error| CaptureError::transient(error.to_string()))
}
