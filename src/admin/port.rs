//! The connections of the admin port: so many at a time, and none that keeps others out by saying nothing, or by not listening.

mod client;
mod seats;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use self::client::{Answer, Asked, Client, Stream};
use self::seats::Seats;
use crate::shutdown::Shutdown;

/// Connections at a time. When all are there, whoever comes takes the place of the one that has kept us waiting longest: for the rest of a
/// request, or for room to answer.
const CONNECTIONS_MAX: usize = 256;

/// How long the head of a request may take, the wait for it included.
const HEAD: Duration = Duration::from_secs(10);

/// After the system refused a connection: mostly it has no descriptors left.
const AGAIN: Duration = Duration::from_secs(1);

/// Serves until shutdown is requested; requests under way are finished.
pub(super) async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) {
    let (seats, graceful) = (Arc::new(Seats::new(CONNECTIONS_MAX)), GracefulShutdown::new());
    loop {
        let accepted = tokio::select! {
            () = shutdown.requested() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the admin port cannot take a connection");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let seat = tokio::select! {
            () = shutdown.requested() => break,
            seat = seats.take() => seat,
        };
        let client = Arc::new(Client::new(&seats));
        let stream = TokioIo::new(Stream::new(stream, &client));
        let asked = Arc::clone(&client);
        let router = TowerToHyperService::new(router.clone().layer(Extension(ConnectInfo(peer))));
        let service = service_fn(move |request: hyper::Request<_>| {
            let client = Arc::clone(&asked);
            let answer = router.call(request.map(|body| Asked::new(body, &client)));
            async move { answer.await.map(|answer| answer.map(|body| Answer::new(body, client))) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let connection = graceful.watch(http.serve_connection(stream, service));
        tokio::spawn(async move {
            let _seat = seat;
            tokio::select! {
                // Whoever broke it off need not be told.
                _ = connection => {}
                () = client.called_away() => {}
            }
        });
    }
    graceful.shutdown().await;
}

#[cfg(test)]
mod tests;
