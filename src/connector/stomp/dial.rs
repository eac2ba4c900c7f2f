//! From a list of addresses to a connection that a broker has let in.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::net::TcpStream;

use super::codec::{Frame, Version};
use super::config::{Address, StompConfig};
use super::connection::{Connection, Stream};
use super::refusal::Refusal;
use super::tls;
use crate::connector::SendError;
use crate::failure::Class;

/// Longest for one address: the files of `tls`, TCP, TLS, and the answer to `CONNECT`. Another address must get its turn within
/// an attempt.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tries the addresses, beginning with the one that let us in last.
#[derive(Debug, Default)]
pub(super) struct Dialer {
    /// The address to begin with. Moved on before each try: one that hangs until the deadline is not the first one next time.
    first: usize,
    files: tls::Files,
}

impl Dialer {
    /// # Errors
    /// No address let us in. It is misconfigured only if each of them is: one that comes back is enough.
    pub(super) async fn dial(&mut self, config: &StompConfig) -> Result<Connection, SendError> {
        let mut refusals: Vec<SendError> = vec![];
        for _ in &config.addresses {
            let at = self.first % config.addresses.len();
            self.first = at + 1;
            match tokio::time::timeout(PATIENCE, open(config, &config.addresses[at], &mut self.files)).await {
                Ok(Ok(connection)) => {
                    self.first = at;
                    return Ok(connection);
                }
                Ok(Err(error)) => refusals.push(error),
                Err(_) => refusals.push(SendError::transient(format!(
                    "{} took the connection and did not answer within {} s; see whether a STOMP broker runs there",
                    config.addresses[at],
                    PATIENCE.as_secs()
                ))),
            }
        }
        let texts: Vec<&str> = refusals.iter().map(|error| error.message.as_str()).collect();
        let text = texts.join("; and ");
        let mends_itself = refusals.iter().any(|error| error.class == Class::Transient);
        Err(if mends_itself { SendError::transient(text) } else { SendError::misconfigured(text) })
    }
}

async fn open(config: &StompConfig, address: &Address, files: &mut tls::Files) -> Result<Connection, SendError> {
    // Before the broker is kept waiting.
    let client = if address.encrypted { Some(files.read(&config.tls).await?) } else { None };
    let tcp = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(|error| {
        SendError::transient(format!("cannot connect to {address}: {error}; see whether the broker runs, and `url`"))
    })?;
    // Frames are written in batches already. Without it they are only slower.
    let _ = tcp.set_nodelay(true);
    let stream: Box<dyn Stream> = match client {
        Some(client) => Box::new(tls::encrypt(tcp, address, client).await?),
        None => Box::new(tcp),
    };
    let mut connection = Connection::new(stream, address.clone());
    connection.queue_plain(&connect(config));
    let answer = loop {
        if let Some(frame) = connection.turn().await? {
            break frame;
        }
    };
    welcome(&mut connection, config, &answer)?;
    Ok(connection)
}

fn connect(config: &StompConfig) -> Frame {
    let beat = config.heartbeat_seconds * 1000;
    let mut frame = Frame::new("CONNECT")
        .with("accept-version", "1.0,1.1,1.2")
        .with("host", &*config.vhost)
        .with("heart-beat", format!("{beat},{beat}"));
    if let Some(login) = &config.login {
        frame = frame.with("login", login);
    }
    if let Some(passcode) = &config.passcode {
        frame = frame.with("passcode", passcode.expose_secret());
    }
    frame
}

fn welcome(connection: &mut Connection, config: &StompConfig, answer: &Frame) -> Result<(), SendError> {
    let address = &connection.address;
    match answer.command.as_str() {
        "CONNECTED" => {}
        "ERROR" => return Err(Refusal::of(answer).of_us(address)),
        _ => {
            return Err(SendError::transient(format!(
                "{address} does not answer as a STOMP broker does; correct `url`"
            )));
        }
    }
    // The first version of the protocol did not say which it is.
    let version = answer.header("version").map_or(Some(Version::V1_0), Version::named).ok_or_else(|| {
        SendError::misconfigured(format!(
            "{address} wants a version of STOMP that is not known here (1.0, 1.1 and 1.2 are)"
        ))
    })?;
    connection.codec.version = version;
    let server = answer.header("server").unwrap_or("a broker without a name");
    connection.server = server.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(60).collect();
    connection
        .agree_on_beats(Duration::from_secs(config.heartbeat_seconds), answer.header("heart-beat").unwrap_or("0,0"));
    Ok(())
}
