//! A TCP proxy before a real server, with the network's faults: each can be switched on and off while connections are open. It may stand before
//! several, and give each connection the next one.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Forwards.
    Pass,
    /// Ends every connection as soon as it is made, and those that are open.
    Refuse,
    /// Connections stay open; nothing gets through, either way.
    Hang,
    /// What the client says gets through, and what the server answers is lost.
    DropAnswers,
}

/// See the module. It ends with the test's runtime.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    state: watch::Sender<State>,
    servers: Arc<Mutex<Vec<u16>>>,
    counters: Arc<Counters>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    mode: Mode,
    /// How often everything was cut: a connection that was made before is gone.
    cuts: u64,
}

#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
    /// Bytes that got through to the server.
    forwarded: AtomicU64,
}

impl Proxy {
    /// Before the port of a server on this machine.
    pub(crate) async fn before(server: u16) -> Self {
        Self::among(&[server]).await
    }

    /// Before several: each connection is given the next one.
    pub(crate) async fn among(servers: &[u16]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let port = listener.local_addr().expect("its address").port();
        let (state, states) = watch::channel(State { mode: Mode::Pass, cuts: 0 });
        let counters = Arc::new(Counters::default());
        let servers = Arc::new(Mutex::new(servers.to_vec()));
        let proxy = Proxy { port, state, servers: Arc::clone(&servers), counters: Arc::clone(&counters) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if states.borrow().mode != Mode::Refuse {
                    let number = counters.connections.fetch_add(1, Ordering::Relaxed);
                    let server = {
                        let servers = servers.lock().unwrap();
                        servers[usize::try_from(number).unwrap_or_default() % servers.len()]
                    };
                    tokio::spawn(serve(client, server, states.clone(), Arc::clone(&counters)));
                }
            }
        });
        proxy
    }

    /// Where it listens, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on, for connections that are open too.
    pub(crate) fn set(&self, mode: Mode) {
        self.state.send_modify(|state| state.mode = mode);
    }

    /// Stands before another server from now on; connections to the one before are cut.
    pub(crate) fn lead_to(&self, server: u16) {
        self.lead_new_ones_to(server);
        self.cut();
    }

    /// Connections that are made from now on lead to another server, as when a name was changed; those that are open stay.
    pub(crate) fn lead_new_ones_to(&self, server: u16) {
        *self.servers.lock().unwrap() = vec![server];
    }

    /// Cuts every open connection; new ones are served.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Connections accepted until now.
    pub(crate) fn connections(&self) -> u64 {
        self.counters.connections.load(Ordering::Relaxed)
    }

    /// Bytes that got through to the server.
    pub(crate) fn forwarded(&self) -> u64 {
        self.counters.forwarded.load(Ordering::Relaxed)
    }
}

async fn serve(client: TcpStream, server: u16, states: watch::Receiver<State>, counters: Arc<Counters>) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    // Whoever ends first takes the other with it.
    tokio::select! {
        () = pump(from_client, to_server, states.clone(), Some(&counters.forwarded)) => {}
        () = pump(from_server, to_client, states, None) => {}
    }
}

/// One direction, until an end or a cut. `forwarded` is there on the way to the server.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut states: watch::Receiver<State>,
    forwarded: Option<&AtomicU64>,
) {
    let mut buffer = vec![0; 64 * 1024];
    let cuts = states.borrow().cuts;
    loop {
        let now = *states.borrow_and_update();
        if now.mode == Mode::Refuse || now.cuts != cuts {
            return;
        }
        tokio::select! {
            // A fault is switched on before anything that comes after it.
            biased;
            changed = states.changed() => if changed.is_err() { return },
            read = from.read(&mut buffer), if now.mode != Mode::Hang => {
                let Ok(bytes @ 1..) = read else { return };
                if now.mode == Mode::DropAnswers && forwarded.is_none() {
                    continue;
                }
                if to.write_all(&buffer[..bytes]).await.is_err() {
                    return;
                }
                if let Some(forwarded) = forwarded {
                    forwarded.fetch_add(u64::try_from(bytes).unwrap_or_default(), Ordering::Relaxed);
                }
            }
        }
    }
}
