//! Circles among modules: those right below the crate, and the files of each folder.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Each circle once, as `a -> b -> a`. A module and those inside it belong together: between them there is none.
pub(super) fn circles(sources: &[Source]) -> Vec<String> {
    let modules: BTreeSet<Vec<&str>> = sources.iter().map(Source::module_path).collect();
    let mut graph = Graph::new();
    for source in sources {
        let from = source.module_path();
        for import in source.imports() {
            let import: Vec<&str> = import.iter().map(String::as_str).collect();
            let Some(to) = (1..=import.len()).rev().map(|n| &import[..n]).find(|to| modules.contains(*to)) else {
                continue;
            };
            if from.starts_with(to) || to.starts_with(&from) {
                continue;
            }
            // Compared where the two part: siblings, one of which holds the importing file.
            let parted = 1 + from.iter().zip(to).take_while(|(a, b)| a == b).count();
            let edge = graph.entry(from[..parted].join("::")).or_default();
            edge.insert(to[..parted].join("::"));
        }
    }
    let mut found = BTreeSet::new();
    for start in graph.keys() {
        walk(&graph, &mut vec![start], &mut found);
    }
    found.into_iter().collect()
}

/// Depth first from the path's end. Only circles whose smallest name comes first are kept, so that each is told once.
fn walk<'a>(graph: &'a Graph, path: &mut Vec<&'a String>, found: &mut BTreeSet<String>) {
    let Some(next) = path.last().and_then(|last| graph.get(*last)) else { return };
    for module in next {
        if module == path[0] {
            let names: Vec<&str> = path.iter().chain([&module]).map(|name| name.as_str()).collect();
            found.insert(names.join(" -> "));
        } else if module > path[0] && !path.contains(&module) {
            path.push(module);
            walk(graph, path, found);
            path.pop();
        }
    }
}

#[test]
fn a_circle_is_told_and_a_parent_is_none() {
    let source = |path, text| Source::parse(path, text);
    let files = [
        source("src/q/mod.rs", "use self::a::A;"),
        source("src/q/a.rs", "use super::b::B;"),
        source("src/q/b.rs", "use crate::q::a::A; use super::Q;"),
        source("src/r.rs", "use crate::q::Q;"),
    ];
    assert_eq!(circles(&files), ["q::a -> q::b -> q::a"]);
}
