//! What the demo plays: the sample site and its life (`sql/sample`), carried in the program. Runs nothing.

use jiff::Timestamp;

/// The tables, and the site in them.
pub(super) const SITE: [&str; 2] =
    [include_str!("../../../sql/sample/schema.sqlite.sql"), include_str!("../../../sql/sample/site.sql")];

macro_rules! life {
    ($($name:literal)*) => { [$(include_str!(concat!("../../../sql/sample/life/", $name, ".sql"))),*] };
}

/// The scripted actions, in order.
pub(super) const LIFE: [&str; 15] = life!(
    "01_alice_files_a_bug"
    "02_zofie_comments"
    "03_bob_confirms_with_a_comment"
    "04_bob_asks_dave"
    "05_dave_attaches_a_patch"
    "06_carol_files_a_secret_bug"
    "07_carol_comments_for_insiders"
    "08_carol_hides_the_bug"
    "09_bob_comments_on_the_hidden_bug"
    "10_carol_opens_the_bug_again"
    "11_bob_marks_a_duplicate"
    "12_carol_changes_three_bugs_at_once"
    "13_a_save_fails"
    "14_bob_logs_his_hours"
    "15_bob_fixes_the_bug"
);

const DAY: [&str; 2] =
    [include_str!("../../../sql/sample/day/comment.sql"), include_str!("../../../sql/sample/day/whiteboard.sql")];

/// Those who save all day, by their ids.
const PEOPLE: [(u8, &str); 5] = [(2, "Alice"), (3, "Bob"), (4, "Carol"), (5, "Dave"), (6, "Žofie")];

/// What a user does, and what must leave for it.
#[derive(Clone)]
pub(super) struct Action {
    pub(super) what: String,
    /// `comment.create public`, ...
    pub(super) leaves: Vec<String>,
    sql: String,
}

impl Action {
    /// Reads the two lines at its head.
    pub(super) fn parse(text: &str) -> Self {
        let head = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        let leaves = head("-- leaves: ");
        let leaves = leaves.split(", ").filter(|word| *word != "nothing").map(str::to_owned).collect();
        Action { what: head("-- what: "), leaves, sql: text.to_owned() }
    }

    /// One of an ordinary day: somebody, some bug; which messages leave depends on whether the bug is secret.
    pub(super) fn of_the_day(number: u64) -> Self {
        let (user, name) = PEOPLE[fastrand::usize(..PEOPLE.len())];
        let bug = fastrand::u8(1..=8);
        let text = DAY[fastrand::usize(..DAY.len())]
            .replace("{name}", name)
            .replace("{user}", &user.to_string())
            .replace("{bug}", &bug.to_string())
            .replace("{number}", &number.to_string());
        let target = if text.contains("INTO longdescs") { "comment.create" } else { "bug.modify" };
        let visibility = if [5, 8].contains(&bug) { "private" } else { "public" };
        Action { leaves: vec![format!("{target} {visibility}")], ..Action::parse(&text) }
    }

    /// Its statements, saved in this second.
    pub(super) fn sql(&self, now: Timestamp) -> String {
        self.sql.replace("{now}", &now.strftime("%F %T").to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_says_what_is_done_and_what_leaves() {
        let life = LIFE.map(Action::parse);
        assert!(life.iter().all(|action| !action.what.is_empty()));
        assert_eq!(life.iter().filter(|action| action.leaves.is_empty()).count(), 1, "one fails");
        assert_eq!(life[0].leaves, ["comment.create public", "bug.create public"]);
        for number in 0..50 {
            assert!(!Action::of_the_day(number).sql(Timestamp::now()).contains('{'));
        }
    }
}
