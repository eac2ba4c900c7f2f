//! `bugrelay emit`, and the hook that uses it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use super::{configured, running};
use crate::services::Bugrelay;

/// With this on standard input.
fn emit(bugrelay: &Bugrelay, arguments: &[&str], input: &str) -> Output {
    fed(bugrelay.command(&[&["emit"], arguments].concat()), input)
}

fn fed(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that does not read it may be gone.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn each_line_is_a_message_as_with_fedmsg_logger_or_all_of_it_is_one() {
    let (bugrelay, _) = running("");
    let lines = emit(&bugrelay, &["org.example.git.log"], "one \"1\"\n\ntwo\n");
    assert!(lines.status.success() && lines.stdout.is_empty() && lines.stderr.is_empty(), "{lines:?}");
    let json = emit(&bugrelay, &["org.example.git.push", "--json-input", "--json"], "{\"a\":\n1}\n");
    assert!(json.status.success(), "{json:?}");
    let answer: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(answer["sequence"], 3);
    assert_eq!(bugrelay.wait_for(3), [r#"{"log":"one \"1\""}"#, r#"{"log":"two"}"#, "{\"a\": 1} "]);
}

#[test]
fn it_waits_for_a_relay_that_is_not_there_and_says_so() {
    let (mut bugrelay, _) = configured("");
    let mut command = bugrelay.command(&["emit", "org.example.git.push", "--json-input", "--wait", "50"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"1").unwrap();
    let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    assert!(line.contains("cannot be reached") && line.contains("trying again for 50 s"), "{line}");
    bugrelay.start();
    assert!(child.wait().unwrap().success());
    assert_eq!(bugrelay.wait_for(1), ["1"]);
}

#[test]
fn it_ends_with_69_if_it_cannot_store_it_in_time_and_with_1_if_it_is_refused() {
    let (mut bugrelay, _) = configured("");
    let gone = emit(&bugrelay, &["org.example.git.push", "--wait", "0"], "1");
    assert_eq!(gone.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&gone.stderr).contains("the message is not stored"), "{gone:?}");
    bugrelay.start();
    bugrelay.wait_until_ready();
    let refused = emit(&bugrelay, &["org.example.ci", "--json-input"], "1");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("its topic is not among those"), "{refused:?}");
    let who = emit(&bugrelay, &["org.example.ci", "--client", "nobody"], "1");
    assert_eq!(who.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&who.stderr).contains("there are git"), "{who:?}");
}

#[test]
fn what_is_not_answered_as_bugrelay_does_is_not_stored() {
    let (bugrelay, _) = configured("");
    let token = tempfile::NamedTempFile::new().unwrap();
    let token = token.path().to_str().unwrap();
    std::fs::write(token, "open sesame").unwrap();
    for answer in
        ["200 OK\r\nContent-Length: 2\r\n\r\nOK", "302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"]
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let other = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(format!("HTTP/1.1 {answer}").as_bytes()).unwrap();
        });
        let emitted = emit(&bugrelay, &["org.example.git.push", "--url", &url, "--token-file", token], "1");
        other.join().unwrap();
        assert_eq!(emitted.status.code(), Some(1), "{emitted:?}");
        assert!(String::from_utf8_lossy(&emitted.stderr).contains("answers"), "{emitted:?}");
    }
}

#[test]
fn the_git_hook_of_the_documents_tells_a_push() {
    let (bugrelay, _) = running("");
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(folder.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        git.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]).args(arguments);
        let bin = std::path::Path::new(env!("CARGO_BIN_EXE_bugrelay")).parent().unwrap();
        git.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
        let output = git.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    };
    let token = folder.path().join("token");
    std::fs::write(&token, "git's\n").unwrap();
    git(&["init", "--quiet", "--bare", "si\\te.git"]);
    let hook = include_str!("../../../docs/how-to/post-receive")
        .replace("http://127.0.0.1:9464", &format!("http://127.0.0.1:{}", bugrelay.port()))
        .replace("/run/secrets/relay-git", &token.display().to_string());
    let path = folder.path().join("si\\te.git/hooks/post-receive");
    std::fs::write(&path, hook).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, executable).unwrap();
    git(&["init", "--quiet", "work"]);
    git(&["-C", "work", "commit", "--quiet", "--allow-empty", "-m", "one"]);
    let target = "../si\\te.git";
    git(&["-C", "work", "push", "--quiet", target, "HEAD:refs/heads/a\"b"]);
    let told: serde_json::Value = serde_json::from_str(&bugrelay.wait_for(1)[0]).unwrap();
    assert_eq!((told["repository"].as_str(), told["ref"].as_str()), (Some("si\\te"), Some("refs/heads/a\"b")));
    // Forth, back and forth again is three pushes more, the last of them as the first.
    git(&["-C", "work", "commit", "--quiet", "--allow-empty", "-m", "two"]);
    for commit in ["HEAD", "HEAD~1", "HEAD"] {
        git(&["-C", "work", "push", "--quiet", "--force", target, &format!("{commit}:refs/heads/a\"b")]);
    }
    let told = bugrelay.wait_for(4);
    assert_eq!(told[1], told[3], "it is told again");
}
