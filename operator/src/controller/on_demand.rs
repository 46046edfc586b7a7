//! Watches that begin when somebody first asks for what they show: what nobody uses costs no request.

use std::future::Future;

use tokio::sync::watch;

/// By which watches are asked for.
#[derive(Debug)]
pub(super) struct Demand(watch::Sender<bool>);

/// By which watches wait for that.
#[derive(Debug)]
pub(super) struct Demanded(watch::Receiver<bool>);

/// The two ends, before anybody has asked.
pub(super) fn on_demand() -> (Demand, Demanded) {
    let (asked, opened) = watch::channel(false);
    (Demand(asked), Demanded(opened))
}

impl Demand {
    /// Has the watches begin, the first time.
    pub(super) fn ask(&self) {
        self.0.send_if_modified(|asked| !std::mem::replace(asked, true));
    }
}

impl Demanded {
    /// Does `work` once somebody has asked, until `shutdown`.
    pub(super) async fn run(mut self, work: impl Future<Output = ()>, shutdown: impl Future<Output = ()>) {
        let demanded = async {
            // An error means that nobody can ask any more.
            if self.0.wait_for(|asked| *asked).await.is_ok() {
                work.await;
            }
        };
        tokio::select! {
            () = demanded => {}
            () = shutdown => {}
        }
    }
}
