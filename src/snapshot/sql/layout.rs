//! Which columns and custom fields this Bugzilla has: what the statements are made for.

use std::collections::BTreeSet;

use super::Results;
use super::statement::Statement;
use crate::bugzilla::{Field, FieldDefs, FieldId, FieldType, Flavour};
use crate::database::Row;

/// The statements fit these; read again when the site's fields are others.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) flavour: Flavour,
    /// Custom fields that are columns of bugs, sorted.
    pub(super) columns: Vec<(String, FieldType)>,
    /// Custom fields that are tables of their own, sorted.
    pub(super) tables: Vec<String>,
    /// The fields that change privacy.
    pub(super) privacy_fields: Vec<FieldId>,
    /// Custom fields whose column or table is not there: they are just being made, or somebody broke them.
    pub(super) absent: Vec<String>,
    /// The custom fields that were defined.
    custom: BTreeSet<String>,
}

impl Layout {
    /// From what [`describing`](super::query::describing) found.
    pub(super) fn of(results: &Results) -> Self {
        let rows = |statement| results.get(&statement).map(Vec::as_slice).unwrap_or_default();
        let found: BTreeSet<(String, String)> =
            rows(Statement::Layout).iter().map(|row| (row.text(0), row.text(1))).collect();
        let has = |table: &str, column: &str| found.contains(&(table.to_owned(), column.to_owned()));
        let fields = fields(rows(Statement::Fields));
        let (mut columns, mut tables, mut absent) = (vec![], vec![], vec![]);
        for field in fields.custom().into_iter().filter(|field| is_plain(&field.name)) {
            let name = field.name.clone();
            match field.kind {
                FieldType::MultiSelect if has(&format!("bug_{name}"), "value") => tables.push(name),
                kind if kind != FieldType::MultiSelect && has("bugs", &name) => columns.push((name, kind)),
                _ => absent.push(name),
            }
        }
        let privacy_fields = [Field::GROUPS, Field::COMMENT_PRIVACY, Field::ATTACHMENT_PRIVACY];
        Layout {
            flavour: Flavour::detect(has),
            columns,
            tables,
            privacy_fields: privacy_fields.iter().filter_map(|name| fields.id(name)).collect(),
            absent,
            custom: custom_names(&fields),
        }
    }

    /// Whether the site still has the fields that this was made for.
    pub(super) fn fits(&self, fields: &FieldDefs) -> bool {
        self.custom == custom_names(fields)
    }
}

fn custom_names(fields: &FieldDefs) -> BTreeSet<String> {
    fields.custom().into_iter().map(|field| field.name.clone()).collect()
}

/// Bugzilla makes no other names; one that could end a quoted name is not put into a statement.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The site's fields, from their rows.
pub(super) fn fields(rows: &[Row]) -> FieldDefs {
    FieldDefs::new(rows.iter().map(|row| {
        let kind = FieldType::from_code(row.int(2));
        (FieldId(row.int(0)), Field { name: row.text(1), kind, custom: row.truth(3), obsolete: row.truth(4) })
    }))
}
