//! docs/quickstart.md as a stranger follows it: every command of it is run, in its order, beside a MariaDB. Folders, ports and the
//! administrator are this test's own, and the program is the one under test; all else is as it stands there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::services::{MariaDb, Mysqld, free_port, poll};

const QUICKSTART: &str = include_str!("../../docs/quickstart.md");

/// From the first command for the database to the first message, as the page promises.
const TO_THE_FIRST_MESSAGE: Duration = Duration::from_secs(120);

/// The commands of the page, block by block.
fn blocks() -> Vec<&'static str> {
    QUICKSTART.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// A machine with nothing on it but a MariaDB.
struct Machine<'a> {
    folder: TempDir,
    server: &'a Mysqld,
    admin: u16,
    running: Vec<Child>,
}

impl<'a> Machine<'a> {
    fn new(server: &'a Mysqld) -> Self {
        let machine = Machine { folder: tempfile::tempdir().unwrap(), server, admin: free_port(), running: vec![] };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["tools", "bin", "etc", "var/lib", "source/target/release"] {
            std::fs::create_dir_all(machine.path(folder)).unwrap();
        }
        let source = |name: &str| machine.path("source").join(name);
        std::os::unix::fs::symlink(root.join("sql"), source("sql")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_bugrelay"), source("target/release/bugrelay")).unwrap();
        // It was made: it is what is tested.
        machine.tool("make", "test \"$*\" = build");
        machine.tool("sudo", "exec \"$@\"");
        let administrator = format!(
            "test \"$1 $2\" = '-uroot -p'; shift 2; exec mariadb --no-defaults --socket={} -uroot \"$@\"",
            server.socket()
        );
        machine.tool("mariadb", &format!("PATH=${{PATH#*:}}; {administrator}"));
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tool(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path("tools").join(name);
        std::fs::write(&path, format!("#!/bin/sh\nset -e\n{script}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, block: &str) -> Command {
        let place = |name: &str| self.path(name).display().to_string();
        let script = block
            .replace("/etc/bugrelay", &place("etc/bugrelay"))
            .replace("/var/lib/bugrelay", &place("var/lib/bugrelay"))
            .replace("/usr/local/bin", &place("bin"))
            .replace("127.0.0.1:3306", &format!("127.0.0.1:{}", self.server.port()))
            .replace("127.0.0.1:9464", &format!("127.0.0.1:{}", self.admin));
        let mut command = Command::new("bash");
        let path = std::env::var("PATH").unwrap();
        command.args(["-euo", "pipefail", "-c", &script]).current_dir(self.path("source")).stdin(Stdio::null());
        command.env("PATH", format!("{}:{}:{path}", place("tools"), place("bin"))).env("USER", whoami());
        command.env("BUGRELAY_CONFIG", self.path("etc/bugrelay/bugrelay.toml"));
        command.env("BUGRELAY_ADMIN__LISTEN", format!("127.0.0.1:{}", self.admin));
        command
    }

    /// What a block prints, run to its end; one that stays is left running, and prints nothing.
    fn run(&mut self, block: &str) -> String {
        if matches!(block.trim(), "bugrelay run" | "bugrelay tail") {
            let log = std::fs::File::create(self.path(&block.trim().replace(' ', "-"))).unwrap();
            // The shell gives way to the program, so that it is that which is ended.
            let child =
                self.command(&format!("exec {block}")).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
            self.running.push(child);
            return String::new();
        }
        let output = self.command(block).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{block}\nends with {:?}\n{out}{err}", output.status.code());
        out.into_owned()
    }

    fn said(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        for child in &mut self.running {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn whoami() -> String {
    String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn every_command_of_the_quickstart_is_run_and_the_first_message_comes_within_two_minutes() {
    let server = MariaDb::start(&[]);
    let bugzilla = server.database_called("bugs");
    // The page makes it.
    server.exec("DROP USER bugrelay");
    let mut machine = Machine::new(&server);
    let blocks = blocks();
    let mut left = blocks.iter();
    machine.run(left.next().unwrap());
    let began = Instant::now();
    for block in left.by_ref() {
        machine.run(block);
        if block.trim() == "bugrelay run" {
            let is_ready =
                || machine.command("curl -sf http://127.0.0.1:9464/readyz").output().unwrap().status.success();
            assert!(poll(TO_THE_FIRST_MESSAGE, is_ready), "{}", machine.said("bugrelay-run"));
        }
        if block.trim() == "bugrelay tail" {
            break;
        }
    }
    assert!(
        poll(TO_THE_FIRST_MESSAGE, || machine.said("bugrelay-tail").contains("listening")),
        "{}",
        machine.said("bugrelay-tail")
    );
    bugzilla.play("01_");
    let comes = || {
        machine.said("bugrelay-tail").contains("bug.create")
            && machine.said("var/lib/bugrelay/messages.jsonl").lines().count() == 2
    };
    assert!(poll(TO_THE_FIRST_MESSAGE, comes), "{}", machine.said("bugrelay-run"));
    let took = began.elapsed();
    assert!(took < TO_THE_FIRST_MESSAGE, "the first message took {took:?}");
    let rest: String = left.map(|block| machine.run(block)).collect();
    for words in ["\"routing_key\":\"bug.create\"", "bugrelay_leader 1", "CONNECTOR"] {
        assert!(rest.contains(words), "{words}: {rest}");
    }
    assert_eq!(blocks.len(), QUICKSTART.matches("```").count() / 2, "every block is of commands");
}
