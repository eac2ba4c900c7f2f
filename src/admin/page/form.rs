//! Forms that change something: taken from whoever has signed in, and only as they were made for that session.

use axum::body::Bytes;
use axum::extract::{Extension, FromRequest, FromRequestParts as _, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;

use super::answer::to_sign_in;
use super::layout;
use super::session::Session;
use super::viewer::Viewer;
use crate::admin::Admin;
use crate::secret::same;

/// One that was made for whoever sends it.
pub(super) struct Form {
    /// Who has signed in.
    pub(super) session: Session,
    /// All of it.
    pub(super) fields: Vec<(String, String)>,
}

impl Form {
    /// The values of this field, in order.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl FromRequest<Admin> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, admin: &Admin) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let viewer = Extension::<Viewer>::from_request_parts(&mut parts, admin).await;
        let Extension(viewer) = viewer.map_err(|missing| missing.into_response())?;
        let Some(session) = viewer.session else { return Err(to_sign_in("/")) };
        let is_foreign = is_foreign(&parts.headers);
        let bytes = Bytes::from_request(Request::from_parts(parts, body), admin).await;
        let fields = fields(&bytes.map_err(|refused| layout::failure(refused.status(), &refused.body_text()))?);
        if is_foreign || !is_made_for(&session, &fields) {
            let text = "This form was not made for your session, so nothing was changed. Go back, load the page again, and try once more.";
            return Err(layout::failure(StatusCode::FORBIDDEN, text));
        }
        Ok(Form { session, fields })
    }
}

/// Whether the fields have what stands in every form of this session.
pub(super) fn is_made_for(session: &Session, fields: &[(String, String)]) -> bool {
    same(field(fields, "form").as_bytes(), session.form.as_bytes())
}

/// Whether the browser says that another site's page sent it.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

/// What a form or a query holds.
pub(super) fn fields(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// The first value of this field; empty if it has none.
pub(super) fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}
