//! `/api/openapi.json`: the API described for programs, an OpenAPI 3.1 document that is kept by hand.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The document; tests hold it to the paths and to the answers.
const DOCUMENT: &str = include_str!("openapi.json");

pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::api;
    use super::DOCUMENT;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    #[test]
    fn it_has_every_path_that_is_served_and_no_other() {
        let document = document();
        let described: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let served = api().into_iter().map(|(path, _)| path).chain(["/livez", "/readyz", "/metrics"]);
        assert_eq!(described, served.collect());
    }

    #[test]
    fn it_is_of_this_version() {
        assert_eq!(document()["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
