//! Publishes Events, and remembers a few of them.
//!
//! A recorder of kube's remembers every Event as a whole, to count the same one instead of writing another, and forgets none before
//! the next one comes: after the start of an operator with many registries that would be most of its memory, for good. So a
//! recorder is replaced after a number of Events; one that comes again after that is a new one.

use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event, Recorder, Reporter},
};

/// Events that a recorder publishes.
const REMEMBERED: usize = 100;

/// Publishes Events.
pub(super) struct Publisher {
    client: Client,
    reporter: Reporter,
    /// And how many it has published.
    current: Mutex<(Recorder, usize)>,
}

impl Publisher {
    pub(super) fn new(client: Client, reporter: Reporter) -> Self {
        let current = Mutex::new((Recorder::new(client.clone(), reporter.clone()), 0));
        Self { client, reporter, current }
    }

    /// Publishes an Event about an object.
    ///
    /// # Errors
    /// When the API server refuses or does not answer.
    pub(super) async fn publish(&self, event: &Event, about: &ObjectReference) -> Result<(), kube::Error> {
        self.recorder().publish(event, about).await
    }

    fn recorder(&self) -> Recorder {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (recorder, published) = &mut *current;
        if *published >= REMEMBERED {
            *recorder = Recorder::new(self.client.clone(), self.reporter.clone());
            *published = 0;
        }
        *published += 1;
        recorder.clone()
    }
}
