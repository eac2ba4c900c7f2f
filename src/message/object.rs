//! The objects of messages, key for key as the Push extension writes them. Only what is [`Public`] gets in here.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::event::WireUser;
use super::json;
use super::wording::Wording;
use crate::bugzilla::{FieldType, LocalTime};
use crate::snapshot::{Attachment, Bug, Comment, Custom, Flag, Named};
use crate::visibility::{Object, Public};

/// `---` and `--` stand for nothing.
pub(super) fn without_dash(value: &str) -> &str {
    if matches!(value, "---" | "--") { "" } else { value }
}

#[derive(Serialize)]
struct WireNamed<'a> {
    id: Option<i64>,
    name: &'a str,
}

impl<'a> From<&'a Named> for WireNamed<'a> {
    fn from(named: &'a Named) -> Self {
        WireNamed { id: named.id, name: &named.name }
    }
}

#[derive(Serialize)]
struct WireFlag<'a> {
    id: i64,
    name: &'a str,
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    requestee: Option<WireUser>,
}

fn flags<'a>(flags: &'a [Flag], wording: &Wording) -> Vec<WireFlag<'a>> {
    let wire = |flag: &'a Flag| WireFlag {
        id: flag.id.0,
        name: &flag.name,
        value: &flag.status,
        requestee: flag.requestee.as_ref().map(|user| WireUser::new(user, wording.identity)),
    };
    flags.iter().map(wire).collect()
}

fn time(at: Option<LocalTime>, wording: &Wording) -> String {
    at.map(|at| at.to_utc(&wording.zone).to_string()).unwrap_or_default()
}

#[derive(Serialize)]
struct WireBug<'a> {
    id: i64,
    alias: &'a [String],
    assigned_to: WireUser,
    classification: &'a str,
    component: WireNamed<'a>,
    creation_time: String,
    flags: Vec<WireFlag<'a>>,
    is_private: bool,
    keywords: &'a [String],
    last_change_time: String,
    operating_system: &'a str,
    platform: &'a str,
    priority: &'a str,
    product: WireNamed<'a>,
    qa_contact: Option<WireUser>,
    reporter: WireUser,
    resolution: &'a str,
    severity: &'a str,
    status: WireNamed<'a>,
    summary: &'a str,
    target_milestone: Option<WireNamed<'a>>,
    url: &'a str,
    version: WireNamed<'a>,
    whiteboard: &'a str,
    #[serde(flatten)]
    custom: CustomFields<'a>,
}

/// `bug`.
pub(super) fn bug<'a>(bug: &Public<&'a Bug>, wording: &'a Wording) -> impl Serialize + use<'a> {
    let bug = *bug.get();
    let user = |user| WireUser::new(user, wording.identity);
    WireBug {
        id: bug.id.0,
        alias: &bug.aliases,
        assigned_to: user(&bug.assigned_to),
        classification: &bug.classification,
        component: (&bug.component).into(),
        creation_time: time(bug.created, wording),
        flags: flags(&bug.flags, wording),
        is_private: false,
        keywords: &bug.keywords,
        last_change_time: time(bug.changed, wording),
        operating_system: &bug.operating_system,
        platform: &bug.platform,
        priority: without_dash(&bug.priority),
        product: (&bug.product).into(),
        qa_contact: bug.qa_contact.as_ref().map(user),
        reporter: user(&bug.reporter),
        resolution: &bug.resolution,
        severity: &bug.severity,
        status: (&bug.status).into(),
        summary: &bug.summary,
        target_milestone: Some(&bug.target_milestone)
            .filter(|milestone| !without_dash(&milestone.name).is_empty())
            .map(WireNamed::from),
        url: &bug.url,
        version: (&bug.version).into(),
        whiteboard: &bug.whiteboard,
        custom: CustomFields { fields: &bug.custom, wording },
    }
}

struct CustomFields<'a> {
    fields: &'a [Custom],
    wording: &'a Wording,
}

impl Serialize for CustomFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for field in self.fields.iter().filter(|field| self.wording.fields.lets_pass(&field.name)) {
            let value = field.values.first().map(String::as_str);
            let number = value.and_then(|value| value.parse::<i64>().ok());
            match field.kind {
                FieldType::MultiSelect => map.serialize_entry(&field.name, &field.values)?,
                FieldType::DateTime => {
                    let at = value.and_then(LocalTime::parse).map(|at| at.to_utc(&self.wording.zone).to_string());
                    map.serialize_entry(&field.name, &at)?;
                }
                FieldType::Date => map.serialize_entry(&field.name, date(value.unwrap_or_default()))?,
                FieldType::Integer => map.serialize_entry(&field.name, &number.unwrap_or_default())?,
                FieldType::Bug => match number {
                    Some(id) => map.serialize_entry(&field.name, &id)?,
                    None => map.serialize_entry(&field.name, "")?,
                },
                FieldType::SingleSelect => map.serialize_entry(&field.name, without_dash(value.unwrap_or_default()))?,
                FieldType::Text => map.serialize_entry(&field.name, value.unwrap_or_default())?,
            }
        }
        map.end()
    }
}

/// `YYYY-MM-DD`, whatever stands behind it; the zero date is none.
fn date(value: &str) -> &str {
    value.get(..10).filter(|date| !date.starts_with("0000")).unwrap_or_default()
}

#[derive(Serialize)]
struct WireComment<'a> {
    id: i64,
    comment_id: i64,
    body: &'a str,
    creation_time: String,
    is_private: bool,
    number: usize,
    bug: &'a RawValue,
}

fn comment<'a>(comment: &'a Comment, bug: &'a RawValue, wording: &Wording) -> impl Serialize + 'a {
    WireComment {
        id: if wording.real_comment_id { comment.id.0 } else { comment.bug.0 },
        comment_id: comment.id.0,
        body: &comment.text,
        creation_time: time(comment.created, wording),
        is_private: false,
        number: comment.number,
        bug,
    }
}

#[derive(Serialize)]
struct WireAttachment<'a> {
    id: i64,
    content_type: &'a str,
    creation_time: String,
    description: &'a str,
    file_name: &'a str,
    flags: Vec<WireFlag<'a>>,
    is_obsolete: bool,
    is_patch: bool,
    is_private: bool,
    last_change_time: String,
    bug: &'a RawValue,
}

fn attachment<'a>(attachment: &'a Attachment, bug: &'a RawValue, wording: &Wording) -> impl Serialize + 'a {
    WireAttachment {
        id: attachment.id.0,
        content_type: &attachment.content_type,
        creation_time: time(attachment.created, wording),
        description: &attachment.description,
        file_name: &attachment.file_name,
        flags: flags(&attachment.flags, wording),
        is_obsolete: attachment.is_obsolete,
        is_patch: attachment.is_patch,
        is_private: false,
        last_change_time: time(attachment.changed, wording),
        bug,
    }
}

/// Appends the object to a message; `bug_json` is its bug, as [`bug`] writes it. Never an attachment's data.
pub(super) fn write(out: &mut Vec<u8>, object: &Public<Object<'_>>, bug_json: &RawValue, wording: &Wording) {
    match *object.get() {
        Object::Bug(_) => out.extend_from_slice(bug_json.get().as_bytes()),
        Object::Comment(of, _) => json::write(out, &comment(of, bug_json, wording)),
        Object::Attachment(of, _) => json::write(out, &attachment(of, bug_json, wording)),
    }
}
