//! The signal to stop, for parts of the demo that would otherwise not end. The server has its own handler.

use std::io;

/// Listens for the signal from the call on, so no later signal is missed.
#[cfg(unix)]
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
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
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // An error means that there will be no signal.
        if actix_web::rt::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
