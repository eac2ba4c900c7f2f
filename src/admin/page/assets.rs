//! What the page loads: one style sheet, one script, one picture, all in the program.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

pub(super) const STYLE: &str = "/page/page.css";
pub(super) const SCRIPT: &str = "/page/page.js";
pub(super) const ICON: &str = "/page/icon.svg";

const STYLE_TEXT: &str = include_str!("assets/page.css");
const SCRIPT_TEXT: &str = include_str!("assets/page.js");
const ICON_TEXT: &str = include_str!("assets/icon.svg");

/// Changes with what is loaded, so that no browser keeps what an older version served.
pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::digest([STYLE_TEXT, SCRIPT_TEXT, ICON_TEXT].concat());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
});

pub(super) async fn style() -> Response {
    serve("text/css; charset=utf-8", STYLE_TEXT)
}

pub(super) async fn script() -> Response {
    serve("text/javascript; charset=utf-8", SCRIPT_TEXT)
}

pub(super) async fn icon() -> Response {
    serve("image/svg+xml", ICON_TEXT)
}

/// Nothing secret is in it: a browser may keep it.
fn serve(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=3600")], text).into_response()
}
