//! The environment over the file: `BUGRELAY_<SECTION>__<KEY>=value`.

use toml::{Table, Value};

use super::ConfigError;

/// Puts every such variable into the table; whether there were any.
///
/// A value that reads as a TOML number, boolean, array or quoted string is that; anything else is a string as it stands.
pub(super) fn apply(
    table: &mut Table,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<bool, ConfigError> {
    let mut any = false;
    for (name, value) in environment {
        let Some(path) = name.strip_prefix("BUGRELAY_").filter(|path| path.contains("__")) else { continue };
        let keys: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        set(table, &keys, parse(&value)).ok_or_else(|| {
            ConfigError(format!("environment variable {name}: a part of the path is not a table in the file"))
        })?;
        any = true;
    }
    Ok(any)
}

fn parse(text: &str) -> Value {
    let literal =
        text.starts_with(['[', '"', '\'', '{']) || text == "true" || text == "false" || text.parse::<i64>().is_ok();
    let parsed = || toml::from_str::<Table>(&format!("value = {text}")).ok()?.remove("value");
    literal.then(parsed).flatten().unwrap_or_else(|| Value::String(text.to_owned()))
}

fn set(table: &mut Table, keys: &[String], value: Value) -> Option<()> {
    let (last, path) = keys.split_last()?;
    let mut table = table;
    for key in path {
        table = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new())).as_table_mut()?;
    }
    table.insert(last.clone(), value);
    Some(())
}
