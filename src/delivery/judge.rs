//! The gate over Bugzilla's database: facts from the reader, the decision from `visibility`.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Gate, GateError};
use crate::capture::identity::Admission;
use crate::changeset::Subject;
use crate::snapshot::Reader;
use crate::visibility::{Reason, Rules};

/// Judges by what the tables hold now.
pub struct Judge {
    /// Bugzilla's tables.
    pub reader: Arc<dyn Reader>,
    /// What the site adds to the rules.
    pub rules: Rules,
    /// Whether the server is ours.
    pub admission: Arc<Admission>,
}

#[async_trait]
impl Gate for Judge {
    async fn hidden_now(&self, subjects: &[Subject]) -> Result<Vec<Option<Reason>>, GateError> {
        // Another database would call private, or gone, what it does not know.
        self.admitted().await?;
        let facts =
            self.reader.privacy(subjects).await.map_err(|error| GateError {
                message: format!("what is public cannot be judged: {}", error.message),
            })?;
        Ok(facts.into_iter().map(|privacy| self.rules.hidden(privacy)).collect())
    }

    async fn admitted(&self) -> Result<(), GateError> {
        self.admission.admitted().await.map_err(|refusal| GateError { message: refusal.message.clone() })
    }
}
