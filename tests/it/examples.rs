//! The examples are of this version: their configuration is taken, and what they mount is there.

use std::path::{Path, PathBuf};

use bugrelay::config::Config;

fn compose() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/compose")
}

#[test]
fn the_configuration_of_the_compose_example_is_taken() {
    Config::load(Some(&compose().join("bugrelay.toml")), std::iter::empty()).unwrap();
}

#[test]
fn what_the_compose_example_mounts_is_there() {
    let text = std::fs::read_to_string(compose().join("compose.yaml")).unwrap();
    let mounts = text.lines().filter_map(|line| line.trim().strip_prefix("- ")?.split_once(":/"));
    let paths: Vec<&str> = mounts.map(|(path, _)| path).filter(|path| path.starts_with('.')).collect();
    assert!(paths.len() > 10, "{paths:?}");
    for path in paths {
        assert!(compose().join(path).exists(), "compose.yaml mounts {path}, which is not there");
    }
}
