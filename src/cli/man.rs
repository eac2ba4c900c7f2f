//! `bugrelay man` and `bugrelay completions`: the command line described for man(1) and for shells.

use std::io;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::{Exit, command, output};

#[derive(Args)]
pub(super) struct Man {
    /// Whose page: `backlog skip`; without: that of the program.
    #[arg(value_name = "VERB", conflicts_with = "all")]
    verb: Vec<String>,
    /// Write the pages of all verbs into this directory, which is made.
    #[arg(long, value_name = "DIRECTORY")]
    all: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Completions {
    /// For which shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Man {
    pub(super) fn main(&self) -> Exit {
        let mut program = command();
        // Gives the verbs their full names.
        program.build();
        if let Some(folder) = &self.all {
            let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(program, folder));
            return written.map_or_else(
                |error| {
                    output::error(&format!("{}: the pages cannot be written: {error}", folder.display()));
                    Exit::Runtime
                },
                |()| Exit::Success,
            );
        }
        let mut wanted = &program;
        for verb in &self.verb {
            let Some(found) = wanted.find_subcommand(verb) else {
                output::error(&format!("there is no verb {verb:?} in `{}`", wanted.get_name()));
                return Exit::Usage;
            };
            wanted = found;
        }
        shown(|text| page(wanted.clone(), text))
    }
}

impl Completions {
    pub(super) fn main(&self) -> Exit {
        shown(|text| {
            clap_complete::generate(self.shell, &mut command(), "bugrelay", text);
            Ok(())
        })
    }
}

fn page(command: Command, text: &mut Vec<u8>) -> io::Result<()> {
    clap_mangen::Man::new(command).render(text)
}

fn shown(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Exit {
    let mut text = Vec::new();
    if let Err(error) = write(&mut text) {
        output::error(&format!("it cannot be written: {error}"));
        return Exit::Runtime;
    }
    output::line(String::from_utf8_lossy(&text).trim_end());
    Exit::Success
}
