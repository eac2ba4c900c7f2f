//! `/api/configuration`: what is configured, as it may be shown: the secrets are taken out before it gets here. Reads only.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::answer::{Refusal, json};

/// What is configured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// Every key that is written, the environment over it, by section; keys that are not written have their default.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Settings that were changed, and stay as they were until a restart.
    pub needs_restart: Vec<String>,
    /// Why what is written now cannot be used: what was in force before stays so. `None`: it can.
    pub refused: Option<String>,
}

impl Configuration {
    /// Of these settings, which hold no secret.
    pub fn of(settings: &toml::Table, needs_restart: &[&str]) -> Self {
        let settings = settings.iter().map(|(key, value)| (key.clone(), as_json(value))).collect();
        Configuration {
            settings,
            needs_restart: needs_restart.iter().map(ToString::to_string).collect(),
            refused: None,
        }
    }
}

fn as_json(value: &toml::Value) -> serde_json::Value {
    use toml::Value::{Array, Boolean, Datetime, Float, Integer, String, Table};
    match value {
        String(text) => text.as_str().into(),
        Integer(number) => (*number).into(),
        Float(number) => (*number).into(),
        Boolean(flag) => (*flag).into(),
        Datetime(time) => time.to_string().into(),
        Array(values) => values.iter().map(as_json).collect(),
        Table(table) => table.iter().map(|(key, value)| (key.clone(), as_json(value))).collect(),
    }
}

pub(super) async fn show(State(admin): State<Admin>) -> Result<Response, Refusal> {
    json(&*admin.configuration.borrow())
}
