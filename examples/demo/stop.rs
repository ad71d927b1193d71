//! When the process is told to stop.
//!
//! The server hears of it by itself. What would go on for ever has to be told.

use std::io;

/// Listens from the call on, so that no signal after it is missed.
#[cfg(unix)]
pub fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    use std::pin::pin;

    use actix_web::rt::signal::unix::{SignalKind, signal};
    use futures_util::future;

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        future::select(pin!(terminate.recv()), pin!(interrupt.recv())).await;
    })
}

#[cfg(not(unix))]
pub fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // If nobody can be heard, nobody told us.
        if actix_web::rt::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
