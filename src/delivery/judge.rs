//! The gate over Bugzilla's database: facts from the reader, the decision from `visibility`.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Gate, GateError};
use crate::changeset::Subject;
use crate::snapshot::Reader;
use crate::visibility::Rules;

/// Judges by what the tables hold now.
pub struct Judge {
    /// Bugzilla's tables.
    pub reader: Arc<dyn Reader>,
    /// What the site adds to the rules.
    pub rules: Rules,
}

#[async_trait]
impl Gate for Judge {
    async fn public_now(&self, subjects: &[Subject]) -> Result<Vec<bool>, GateError> {
        let facts = self.reader.privacy(subjects).await.map_err(|error| GateError { message: error.message })?;
        Ok(facts.into_iter().map(|privacy| self.rules.hidden(privacy).is_none()).collect())
    }
}
