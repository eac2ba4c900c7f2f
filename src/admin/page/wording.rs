//! Times, sizes and rules in words, the same on every view.

use jiff::Timestamp;
use maud::{Markup, html};

/// `17:53:04` of today, else with its date; UTC. The whole of it is there to be read by machines.
pub(super) fn time(rfc3339: &str) -> Markup {
    let Ok(at) = rfc3339.parse::<Timestamp>() else { return html! { (rfc3339) } };
    let is_today = at.strftime("%F").to_string() == Timestamp::now().strftime("%F").to_string();
    let shown = at.strftime(if is_today { "%T" } else { "%F %T" }).to_string();
    html! { time datetime=(rfc3339) title=(at.strftime("%F %T UTC")) { (shown) } }
}

/// The same, and how far away it is: `17:53:04, 3 min ago`.
pub(super) fn time_and_distance(rfc3339: &str) -> Markup {
    html! { (time(rfc3339)) span.soft { " " (distance(rfc3339)) } }
}

/// `3 min ago`, `in 12 s`.
pub(super) fn distance(rfc3339: &str) -> String {
    let Ok(at) = rfc3339.parse::<Timestamp>() else { return String::new() };
    let seconds = Timestamp::now().as_second() - at.as_second();
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("{} ago", duration(seconds.unsigned_abs())),
        _ => format!("in {}", duration(seconds.unsigned_abs())),
    }
}

/// The two largest units of it: `5 h 12 min`.
pub(super) fn duration(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let parts = units.map(|(size, name)| {
        let count = rest / size;
        rest %= size;
        (count, name)
    });
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let shown = parts[first..].iter().take(2).filter(|(count, _)| *count > 0);
    let words: Vec<String> = shown.map(|(count, name)| format!("{count}\u{a0}{name}")).collect();
    if words.is_empty() { "0\u{a0}s".to_owned() } else { words.join(" ") }
}

/// `1 234 567`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    groups.iter().map(|group| String::from_utf8_lossy(group)).collect::<Vec<_>>().join("\u{202f}")
}

/// `1.2 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1_024 {
        return format!("{bytes}\u{a0}B");
    }
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let mut size = bytes as f64 / 1_024.0;
    let mut unit = 0;
    while size >= 1_024.0 && unit + 1 < units.len() {
        size /= 1_024.0;
        unit += 1;
    }
    format!("{size:.1}\u{a0}{}", units[unit])
}

/// `1 message`, `2 messages`.
pub(super) fn messages(count: u64) -> String {
    format!("{}\u{a0}message{}", number(count), if count == 1 { "" } else { "s" })
}

/// Which rule made a message private or public, in a sentence. `reason`: a label of `bugrelay_redacted_total`.
pub(super) fn rule(private: bool, reason: Option<&str>, target: &str) -> String {
    let part = if target == "attachment" { "attachment" } else { "comment" };
    match (private, reason) {
        (_, Some("login_required")) => {
            "[bugzilla] require_login is set: who is not logged in sees nothing at all".to_owned()
        }
        (_, Some("gone")) => format!("the {target} is not there any more"),
        (_, Some("bug_private")) => "the bug is in a group, or is not filed yet".to_owned(),
        (_, Some("own_private")) => format!("the {part} is marked as private"),
        (_, Some("was_private")) => "it was private when its save was committed, or may have been".to_owned(),
        (true, _) => "an older version of bugrelay stored it, which did not keep the reason".to_owned(),
        (false, _) if target == "bug" => "the bug is filed and in no group".to_owned(),
        (false, _) => format!("the bug is filed and in no group, and the {part} is not marked as private"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_told_in_their_two_largest_units() {
        let plain = |text: String| text.replace(['\u{a0}', '\u{202f}'], " ");
        let durations = [0, 12, 60, 3_605, 19_920, 90_061].map(|seconds| plain(duration(seconds)));
        assert_eq!(durations, ["0 s", "12 s", "1 min", "1 h", "5 h 32 min", "1 d 1 h"]);
        assert_eq!([7, 1_234, 1_234_567].map(|n| plain(number(n))), ["7", "1 234", "1 234 567"]);
        assert_eq!([1_023, 1_024, 5 << 30].map(|n| plain(bytes(n))), ["1023 B", "1.0 KiB", "5.0 GiB"]);
        assert_eq!([1, 2].map(|n| plain(messages(n))), ["1 message", "2 messages"]);
    }
}
