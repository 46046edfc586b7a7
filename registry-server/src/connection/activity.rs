//! What a connection is doing, and until when it may wait for its client.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http_body::{Body, Frame, SizeHint};

use super::{FAREWELL, Limits, stream};

/// What a connection is doing. Written by its stream and its requests, read by its supervisor.
#[derive(Debug)]
pub(super) struct Activity {
    header: Duration,
    idle: Duration,
    /// How long all responses may stand still.
    stall: Duration,
    begin: Instant,
    in_flight: AtomicUsize,
    /// Those of them whose response is being sent.
    responding: AtomicUsize,
    /// When part of a response was last asked for, in milliseconds after `begin`.
    moved: AtomicU64,
    /// The end of the wait, in milliseconds after `begin`, while no request is in flight.
    deadline: AtomicU64,
    /// Whether part of a request's header was read. As a number, to be swapped with the rest.
    header_begun: AtomicUsize,
    /// Whether the first byte was that of a TLS handshake.
    speaks_tls: AtomicBool,
}

impl Activity {
    /// A connection made at `now`. Its first header is awaited from the beginning: who connects has something to say.
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        let activity = Self {
            header: limits.header,
            idle: limits.idle,
            stall: limits.body * stream::PATIENCE,
            begin: now,
            in_flight: AtomicUsize::new(0),
            responding: AtomicUsize::new(0),
            moved: AtomicU64::new(0),
            deadline: AtomicU64::new(0),
            header_begun: AtomicUsize::new(1),
            speaks_tls: AtomicBool::new(false),
        };
        activity.wait(now, limits.header);
        activity
    }

    /// Until when the client has to do something; `None` while the server works on a request.
    ///
    /// A client of HTTP/2 may leave a response where it is without its connection ever being full: it opens no window. So
    /// while there are only responses to be sent, one of them has to move.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let in_flight = self.in_flight.load(Ordering::Acquire);
        let after = |milliseconds: &AtomicU64| self.begin + Duration::from_millis(milliseconds.load(Ordering::Acquire));
        if in_flight == 0 {
            return Some(after(&self.deadline));
        }
        let is_waiting = self.responding.load(Ordering::Acquire) == in_flight;
        is_waiting.then(|| after(&self.moved) + self.stall)
    }

    /// Bytes arrived. Between requests, this is the beginning of a header.
    pub(super) fn read(&self) {
        let between = self.in_flight.load(Ordering::Acquire) == 0;
        if between && self.header_begun.swap(1, Ordering::AcqRel) == 0 {
            self.wait(Instant::now(), self.header);
        }
    }

    /// The client began with a TLS handshake.
    pub(super) fn began_with_tls(&self) {
        self.speaks_tls.store(true, Ordering::Release);
    }

    /// Whether it did.
    pub(super) fn speaks_tls(&self) -> bool {
        self.speaks_tls.load(Ordering::Acquire)
    }

    /// A request arrived; it is in flight until what is returned is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        InFlight { activity: Arc::clone(self), is_responding: false }
    }

    /// The server ends at `now`: who has asked for nothing has a moment left in which to begin or to go.
    pub(super) fn ending(&self, now: Instant) {
        // While requests are in flight nobody waits for this deadline, and the last of them sets it anew.
        self.deadline.fetch_min(self.milliseconds(now + FAREWELL), Ordering::AcqRel);
    }

    /// Part of a response was asked for.
    fn moved(&self) {
        self.moved.store(self.milliseconds(Instant::now()), Ordering::Release);
    }

    fn milliseconds(&self, time: Instant) -> u64 {
        u64::try_from(time.duration_since(self.begin).as_millis()).unwrap_or(u64::MAX)
    }

    fn wait(&self, now: Instant, how_long: Duration) {
        self.deadline.store(self.milliseconds(now + how_long), Ordering::Release);
    }
}

/// A request whose response has not been sent.
#[derive(Debug)]
pub(super) struct InFlight {
    activity: Arc<Activity>,
    is_responding: bool,
}

impl InFlight {
    /// The server has done its part; from now on the client takes the response.
    fn respond(&mut self) {
        self.activity.moved();
        self.is_responding = true;
        self.activity.responding.fetch_add(1, Ordering::AcqRel);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let activity = &self.activity;
        // Before the counts, so that a supervisor that sees none in flight sees the deadline too.
        activity.wait(Instant::now(), activity.idle);
        activity.header_begun.store(0, Ordering::Release);
        if self.is_responding {
            activity.responding.fetch_sub(1, Ordering::AcqRel);
        }
        activity.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A response's body that keeps its request in flight.
#[derive(Debug)]
pub(super) struct Held<B> {
    body: B,
    in_flight: InFlight,
}

impl<B> Held<B> {
    pub(super) fn new(body: B, mut in_flight: InFlight) -> Self {
        in_flight.respond();
        Self { body, in_flight }
    }
}

impl<B: Body + Unpin> Body for Held<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.in_flight.activity.moved();
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(activity: &Activity, now: Instant) -> Option<u64> {
        activity.deadline().map(|deadline| deadline.duration_since(now).as_secs())
    }

    #[test]
    fn a_connection_waits_for_a_header_then_for_the_server_then_for_the_next_request() {
        let limits = Limits { header: Duration::from_secs(20), idle: Duration::from_secs(120), ..Limits::default() };
        let now = Instant::now();
        let activity = Arc::new(Activity::new(&limits, now));
        assert_eq!(after(&activity, now), Some(20));

        // Bytes of the first header do not move its deadline.
        activity.read();
        assert_eq!(after(&activity, now), Some(20));

        let first = activity.request();
        let second = activity.request();
        activity.read();
        assert_eq!(after(&activity, now), None);
        drop(first);
        assert_eq!(after(&activity, now), None);
        drop(second);
        assert!(after(&activity, now) >= Some(119));

        // The next header begins, and then its deadline stands.
        activity.read();
        let begun = after(&activity, now);
        assert!(begun <= Some(21), "{begun:?}");
    }

    #[test]
    fn when_the_server_ends_only_who_has_a_request_in_flight_is_waited_for() {
        let now = Instant::now();
        let activity = Arc::new(Activity::new(&Limits::default(), now));
        activity.ending(now);
        assert_eq!(activity.deadline(), Some(now + FAREWELL));

        let activity = Arc::new(Activity::new(&Limits::default(), now));
        let request = activity.request();
        activity.ending(now);
        assert_eq!(activity.deadline(), None);
        drop(request);
        assert!(after(&activity, now) > Some(60), "what is left of its response is sent");
    }

    #[test]
    fn a_connection_whose_responses_all_stand_still_has_a_deadline() {
        let limits = Limits { body: Duration::from_secs(60), ..Limits::default() };
        let now = Instant::now();
        let activity = Arc::new(Activity::new(&limits, now));
        let working = activity.request();
        let response = Held::new((), activity.request());
        assert_eq!(after(&activity, now), None, "the server works on the other request");
        drop(working);
        assert!(after(&activity, now) >= Some(300));
        drop(response);
        assert!(after(&activity, now) < Some(300));
    }
}
