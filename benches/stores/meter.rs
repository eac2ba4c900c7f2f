//! What some work took: time, CPU of bugrelay and of the server, statements and log that it made the server write.

use std::ops::AddAssign;
use std::time::Instant;

use crate::process;
use crate::site::Site;

/// See the module. In seconds, and bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Work {
    pub(crate) messages: f64,
    pub(crate) wall: f64,
    cpu: f64,
    server_cpu: f64,
    statements: f64,
    logged: f64,
    /// The most that bugrelay held, MiB.
    peak_mb: f64,
}

/// Running.
pub(crate) struct Meter<'a> {
    site: &'a dyn Site,
    server: u32,
    /// CPU of the server, statements, bytes.
    before: [f64; 3],
    begun: Instant,
}

impl<'a> Meter<'a> {
    /// From now on; `server` is its process.
    pub(crate) fn start(site: &'a dyn Site, server: u32) -> Self {
        let before = Self::read(site, server);
        Meter { site, server, before, begun: Instant::now() }
    }

    fn read(site: &dyn Site, server: u32) -> [f64; 3] {
        [process::family_cpu_seconds(server), site.statements(), site.logged()]
    }

    /// Until now, of so many messages and a bugrelay that was started for it.
    pub(crate) fn stop(self, messages: usize, bugrelay: u32) -> Work {
        let wall = self.begun.elapsed().as_secs_f64();
        let (cpu, peak_mb) = (process::cpu_seconds(bugrelay), process::peak_mb(bugrelay));
        let now = Self::read(self.site, self.server);
        let [server_cpu, statements, logged] = std::array::from_fn(|at| now[at] - self.before[at]);
        Work { messages: messages as f64, wall, cpu, server_cpu, statements, logged, peak_mb }
    }
}

impl AddAssign for Work {
    fn add_assign(&mut self, more: Self) {
        self.messages += more.messages;
        self.wall += more.wall;
        self.cpu += more.cpu;
        self.server_cpu += more.server_cpu;
        self.statements += more.statements;
        self.logged += more.logged;
        self.peak_mb = self.peak_mb.max(more.peak_mb);
    }
}

impl Work {
    /// By their names, `what` before each.
    pub(crate) fn figures(&self, what: &str) -> Vec<(String, String)> {
        let million = |amount: f64| amount / self.messages * 1e6;
        let figures = [
            ("messages/s", format!("{:.0}", self.messages / self.wall)),
            ("memory, MB", format!("{:.0}", self.peak_mb)),
            ("CPU of bugrelay a million, s", format!("{:.0}", million(self.cpu))),
            ("CPU of the server a million, s", format!("{:.0}", million(self.server_cpu))),
            ("statements a message", format!("{:.4}", self.statements / self.messages)),
            ("log of the server a million, MB", format!("{:.0}", million(self.logged) / 1e6)),
        ];
        figures.into_iter().map(|(name, figure)| (format!("{what}: {name}"), figure)).collect()
    }
}
