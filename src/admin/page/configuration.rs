//! `/configuration`: what is configured, to be read. Secrets are not in it: they never get as far as here.

use axum::extract::{Extension, State};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::layout::{self, Tab};
use super::viewer::Viewer;
use crate::admin::Admin;

pub(super) async fn show(State(admin): State<Admin>, Extension(viewer): Extension<Viewer>) -> Response {
    let configuration = admin.configuration.borrow().clone();
    let content = html! {
        h1 { "Configuration" }
        p.subtitle { "As it is written, with the environment over it; what is not here has its default. To change it, edit the file: what can be taken without a restart is." }
        @if let Some(refused) = &configuration.refused {
            p.notice.bad { strong { "What is written now cannot be used, and what was in force before stays so: " } (refused) }
        }
        @if !configuration.needs_restart.is_empty() {
            p.notice.warn { strong { "Needs a restart: " } (configuration.needs_restart.join(", ")) " were changed, and stay as they were until then." }
        }
        @for (name, value) in &configuration.settings {
            @match value {
                Value::Object(tables) if name == "connectors" => {
                    @for (connector, keys) in tables { (section(&format!("connectors.{connector}"), keys)) }
                },
                keys => (section(name, keys)),
            }
        }
        @if !configuration.settings.contains_key("connectors") {
            p.empty { "No connector is configured: messages go to standard output." }
        }
    };
    layout::page(&viewer, "Configuration", Tab::Configuration, &content)
}

fn section(name: &str, keys: &Value) -> Markup {
    let mut rows = Vec::new();
    flatten("", keys, &mut rows);
    html! {
        section.card {
            div.scroll tabindex="0" role="region" aria-label={ "Section " (name) } {
                table.settings {
                    caption { h2.code { "[" (name) "]" } }
                    tbody { @for (key, value) in &rows { tr { th.code scope="row" { (key) } td.code { (value) } } } }
                }
            }
        }
    }
}

/// Keys of tables within tables, with dots between them.
fn flatten(before: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let Value::Object(keys): &Value = value else { return rows.push((before.to_owned(), value.to_string())) };
    let keys: &Map<String, Value> = keys;
    for (key, value) in keys {
        let path = if before.is_empty() { key.clone() } else { format!("{before}.{key}") };
        flatten(&path, value, rows);
    }
}
