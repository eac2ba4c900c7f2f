//! The first words on a connection: who we are, and what the broker answers.

use std::time::Duration;

use futures_util::FutureExt as _;
use secrecy::ExposeSecret as _;

use super::codec::{Frame, Version};
use super::config::StompConfig;
use super::connection::Connection;
use super::refusal::Refusal;
use crate::connector::SendError;
use crate::connector::broker::{Address, Dialer, Stream};

/// A connection to one of the brokers.
///
/// # Errors
/// As [`Dialer::dial`].
pub(super) async fn dial(dialer: &mut Dialer, config: &StompConfig) -> Result<Connection, SendError> {
    dialer.dial(&config.addresses, &config.tls, |stream, address| greet(stream, address, config).boxed()).await
}

async fn greet(stream: Box<dyn Stream>, address: Address, config: &StompConfig) -> Result<Connection, SendError> {
    let mut connection = Connection::new(stream, address);
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
