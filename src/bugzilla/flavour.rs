//! Which Bugzilla this is, told from the columns that it has, never from a version number.

/// What differs between Bugzillas in the tables that bugrelay reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flavour {
    /// `bugs.alias` is a column (4.4, harmony, BMO) and not the table `bugs_aliases` (5.0 and later).
    pub alias_is_column: bool,
}

impl Flavour {
    /// In words, for the operator.
    pub fn describe(self) -> &'static str {
        match self.alias_is_column {
            true => "an alias is a column of bugs (4.4, harmony, BMO)",
            false => "aliases are a table of their own (5.0 and later)",
        }
    }

    /// From the columns found: `has(table, column)`.
    pub fn detect(has: impl Fn(&str, &str) -> bool) -> Self {
        Flavour { alias_is_column: has("bugs", "alias") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_looked_for_where_they_are() {
        let v44 = Flavour::detect(|t, c| (t, c) == ("bugs", "alias"));
        let v52 = Flavour::detect(|t, c| (t, c) == ("bugs_aliases", "alias"));
        assert!(v44.alias_is_column && !v52.alias_is_column);
    }
}
