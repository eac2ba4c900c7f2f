//! The connections of the admin port: so many at a time, and none that stays silent.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::shutdown::Shutdown;

/// Connections at a time; who comes then is let in when another leaves.
const CONNECTIONS_MAX: usize = 256;

/// How long the head of a request may take, the wait for it included.
const HEAD: Duration = Duration::from_secs(10);

/// After the system refused a connection: mostly it has no descriptors left.
const AGAIN: Duration = Duration::from_secs(1);

/// Serves until shutdown is requested; requests under way are finished.
pub(super) async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) {
    let (seats, graceful) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), GracefulShutdown::new());
    loop {
        let next = async {
            let seat = Arc::clone(&seats).acquire_owned().await;
            (seat, listener.accept().await)
        };
        let (seat, accepted) = tokio::select! {
            () = shutdown.requested() => break,
            next = next => next,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the admin port cannot take a connection");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone().layer(Extension(ConnectInfo(peer))));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _seat = seat;
            // Whoever broke it off need not be told.
            let _ = connection.await;
        });
    }
    graceful.shutdown().await;
}
