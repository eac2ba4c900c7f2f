//! The port itself: so many connections at a time, and none that takes its time to say what it wants. Knows no path.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::shutdown::Shutdown;

/// Connections at a time; the next wait in the system's queue. Each is a file descriptor, and those are everybody's.
const CONNECTIONS_MAX: usize = 256;

/// How long the head of a request may take, also of the next one on a connection that is kept.
const HEAD: Duration = Duration::from_secs(10);

/// After the system would give no connection.
const AGAIN: Duration = Duration::from_millis(100);

/// Until shutdown is requested; requests under way are finished.
pub(super) async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.requested() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = accept(&listener, &seats) => accepted,
        };
        match accepted {
            Ok((stream, peer, seat)) => {
                connections.spawn(answer(stream, peer, router.clone(), shutdown.clone(), seat));
            }
            Err(error) => {
                tracing::warn!(%error, "the admin port cannot take a connection");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn accept(
    listener: &TcpListener,
    seats: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let seat = Arc::clone(seats).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, seat))
}

async fn answer(stream: TcpStream, peer: SocketAddr, router: Router, shutdown: Shutdown, _seat: OwnedSemaphorePermit) {
    let service = router.layer(Extension(ConnectInfo(peer)));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = shutdown.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        // Whoever broke it off knows; whoever is too slow learns it by the end of the connection.
        tracing::debug!(%peer, %error, "a connection of the admin port ended");
    }
}
