//! Which connectors the configuration has, and the ways to their workers. Changes when the configuration is read anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Handle;

/// Every connector of the configuration, by name; one that is disabled has no worker. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Served(Arc<Mutex<BTreeMap<String, Option<Handle>>>>);

impl Served {
    /// The way to its worker, if it has one; `None`: the configuration does not have it.
    pub fn get(&self, connector: &str) -> Option<Option<Handle>> {
        self.lock().get(connector).cloned()
    }

    /// All names, in order.
    pub fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// The names of those that have a worker, in order.
    pub fn enabled(&self) -> Vec<String> {
        self.lock().iter().filter(|(_, handle)| handle.is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// The connector has this worker now, or none.
    pub fn set(&self, connector: &str, handle: Option<Handle>) {
        self.lock().insert(connector.to_owned(), handle);
    }

    /// Forgets those that the configuration has no more.
    pub fn retain(&self, is_configured: impl Fn(&str) -> bool) {
        self.lock().retain(|connector, _| is_configured(connector));
    }

    /// Nothing in here can be half done.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<Handle>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
