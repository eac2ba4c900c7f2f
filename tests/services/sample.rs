//! The actions of the sample's life (`sql/sample`), as statements to be run now.

use std::path::{Path, PathBuf};

/// All of them, in order.
pub(crate) fn life() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/sample/life");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The one whose file's name begins so.
pub(crate) fn action(beginning: &str) -> String {
    let files = life();
    let begins = |file: &&PathBuf| file.file_name().unwrap().to_string_lossy().starts_with(beginning);
    read(files.iter().find(begins).unwrap_or_else(|| panic!("no action begins with {beginning}")))
}

/// An action's text, saved in this second.
pub(crate) fn read(file: &Path) -> String {
    read_at(file, jiff::Timestamp::now())
}

/// An action's text, saved then.
pub(crate) fn read_at(file: &Path, time: jiff::Timestamp) -> String {
    std::fs::read_to_string(file).unwrap().replace("{now}", &time.strftime("%F %T").to_string())
}
