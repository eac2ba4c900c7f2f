//! The environment over the file: `BUGRELAY_<SECTION>__<KEY>=value`.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::fault::Fault;

/// The environment, as far as it concerns us.
#[derive(Debug)]
pub(super) struct Overlay {
    /// All of it: a secret may be in any variable.
    variables: BTreeMap<String, String>,
}

impl Overlay {
    pub(super) fn new(environment: impl Iterator<Item = (String, String)>) -> Self {
        Overlay { variables: environment.collect() }
    }

    /// Puts every `BUGRELAY_<SECTION>__<KEY>` into the table.
    ///
    /// A value that reads as a TOML number, boolean, list or quoted string is that; anything else is a string as it stands.
    pub(super) fn apply(&self, table: &mut Table) -> Result<(), Fault> {
        for (name, keys) in self.overrides() {
            set(table, &keys, literal(&self.variables[name])).ok_or_else(|| {
                let what =
                    "a part of its name is a section that is a plain value in the file; mend the one or the other";
                keys.iter()
                    .rev()
                    .fold(None, |fault: Option<Fault>, key| {
                        Some(fault.map_or_else(|| Fault::at(key, what), |fault| fault.within(key)))
                    })
                    .unwrap_or_else(|| Fault::at(name, what))
            })?;
        }
        Ok(())
    }

    /// Makes the value at `path` a string, if the environment gave it; whether it was not one already.
    pub(super) fn as_text(&self, table: &mut Table, path: &[String]) -> bool {
        let Some(text) = self.variable(path).and_then(|name| self.variables.get(name)) else { return false };
        let slot = path.split_last().and_then(|(last, sections)| {
            let inner = sections.iter().try_fold(table, |table, key| table.get_mut(key)?.as_table_mut())?;
            inner.get_mut(last)
        });
        slot.is_some_and(|slot| {
            let changes = !slot.is_str();
            *slot = Value::String(text.clone());
            changes
        })
    }

    /// The variable that overrides this key.
    pub(super) fn variable(&self, path: &[String]) -> Option<&str> {
        let named = |keys: &[String]| keys.len() == path.len() && keys.iter().zip(path).all(|(a, b)| is_same(a, b));
        self.overrides().find(|(_, keys)| named(keys)).map(|(name, _)| name)
    }

    /// The value of any variable.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    fn overrides(&self) -> impl Iterator<Item = (&str, Vec<String>)> {
        self.variables.keys().filter_map(|name| {
            let path = name.strip_prefix("BUGRELAY_").filter(|path| path.contains("__"))?;
            Some((name.as_str(), path.split("__").map(str::to_lowercase).collect()))
        })
    }
}

fn literal(text: &str) -> Value {
    let literal =
        text.starts_with(['[', '"', '\'', '{']) || text == "true" || text == "false" || text.parse::<i64>().is_ok();
    let parsed = || toml::from_str::<Table>(&format!("value = {text}")).ok()?.remove("value");
    literal.then(parsed).flatten().unwrap_or_else(|| Value::String(text.to_owned()))
}

fn set(table: &mut Table, keys: &[String], value: Value) -> Option<()> {
    let (last, sections) = keys.split_last()?;
    let mut table = table;
    for key in sections {
        let key = known(table, key);
        table = table.entry(key).or_insert_with(|| Value::Table(Table::new())).as_table_mut()?;
    }
    let key = known(table, last);
    table.insert(key, value);
    Some(())
}

/// The key as the file writes it: a variable's name has neither lower case nor `-`.
fn known(table: &Table, key: &str) -> String {
    table.keys().find(|known| is_same(key, known)).cloned().unwrap_or_else(|| key.to_owned())
}

fn is_same(of_variable: &str, of_file: &str) -> bool {
    of_file.to_lowercase().replace('-', "_") == of_variable.replace('-', "_")
}
