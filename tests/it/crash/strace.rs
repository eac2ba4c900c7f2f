//! Faults at chosen calls of the system, by strace: which calls a process makes, and what becomes of one of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Why no process can be traced here.
pub(crate) fn is_missing() -> Option<&'static str> {
    match Command::new("strace").args(["-D", "-f", "-o", "/dev/null", "true"]).output() {
        Err(_) => Some("strace is not installed (scripts/install)"),
        Ok(output) if !output.status.success() => Some("tracing is not allowed"),
        Ok(_) => None,
    }
}

/// A command line before a program that it becomes (-D). The others of its threads run on unhindered.
fn strace(call: &str, output: &str, more: &[&str]) -> Vec<String> {
    let trace = format!("trace={call}");
    let words = ["strace", "-D", "-f", "-qq", "-e", "signal=none", "-o", output, "-e", &trace];
    words.iter().chain(more).map(|word| (*word).to_owned()).collect()
}

/// The first thread that makes this call for the `count`th time does not survive it, and with it the process.
pub(crate) fn killing(call: &str, count: u32) -> Vec<String> {
    strace(call, "/dev/null", &["-e", &format!("inject={call}:signal=KILL:when={count}")])
}

/// The `count`th call of a thread fails with this error.
pub(crate) fn failing(call: &str, error: &str, count: u32) -> Vec<String> {
    strace(call, "/dev/null", &["-e", &format!("inject={call}:error={error}:when={count}")])
}

/// Writes down each of these calls, which are separated by commas.
pub(crate) fn counting(calls: &str, output: &Path) -> Vec<String> {
    strace(calls, &output.display().to_string(), &[])
}

/// How often each call was made by the thread that made it most often, of what was written down.
pub(crate) fn counted(output: &Path) -> BTreeMap<String, u32> {
    let mut of_thread: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let text = std::fs::read_to_string(output).expect("strace wrote something");
    for line in text.lines() {
        // 1234 pwrite64(5, ...; where a call went on meanwhile it says so in other words.
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
        if !call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        *of_thread.entry((thread, call)).or_default() += 1;
    }
    let mut most = BTreeMap::new();
    for ((_, call), count) in of_thread {
        let most: &mut u32 = most.entry(call.to_owned()).or_default();
        *most = count.max(*most);
    }
    most
}
