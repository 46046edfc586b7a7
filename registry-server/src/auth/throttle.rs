//! Slows down guessing: counts wrong passwords for each pair of peer and user.
//!
//! The allowance is generous, because a node whose image pull Secret is stale, or many people behind one address, fail
//! often without guessing. It is the limit of a guesser, not of a typist.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;

/// Wrong passwords in a row that cost nothing.
const ALLOWANCE: f64 = 30.0;

/// Wrong passwords forgiven every second.
const FORGIVEN_PER_SECOND: f64 = 1.0;

/// Pairs that are remembered; the one that was not seen for longest is forgotten first.
const PAIRS: usize = 4096;

/// The failures of all pairs.
#[derive(Debug)]
pub(super) struct Throttle {
    failures: Cache<u64, Failures>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    /// Not yet forgiven at `since`.
    count: f64,
    since: Instant,
}

impl Failures {
    fn at(self, now: Instant) -> f64 {
        let forgiven = now.saturating_duration_since(self.since).as_secs_f64() * FORGIVEN_PER_SECOND;
        (self.count - forgiven).max(0.0)
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self { failures: Cache::new(PAIRS), hasher: RandomState::new() }
    }
}

impl Throttle {
    /// Whether another password may be tried at `now`.
    ///
    /// # Errors
    /// How long to wait first, in whole seconds.
    pub(super) fn check(&self, peer: Option<IpAddr>, user: &str, now: Instant) -> Result<(), Duration> {
        let count = self.failures.get(&self.pair(peer, user)).map_or(0.0, |failures| failures.at(now));
        if count < ALLOWANCE {
            return Ok(());
        }
        let seconds = ((count - ALLOWANCE) / FORGIVEN_PER_SECOND).floor() + 1.0;
        Err(Duration::from_secs_f64(seconds))
    }

    /// Takes note of a wrong password.
    pub(super) fn failed(&self, peer: Option<IpAddr>, user: &str, now: Instant) {
        let pair = self.pair(peer, user);
        let count = self.failures.get(&pair).map_or(0.0, |failures| failures.at(now));
        self.failures.insert(pair, Failures { count: count + 1.0, since: now });
    }

    /// Forgives everything: the password was right.
    pub(super) fn succeeded(&self, peer: Option<IpAddr>, user: &str) {
        self.failures.remove(&self.pair(peer, user));
    }

    /// Whoever has one IPv6 address has the 2^64 of its network.
    fn pair(&self, peer: Option<IpAddr>, user: &str) -> u64 {
        let network = peer.map(|peer| match peer.to_canonical() {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
        });
        self.hasher.hash_one((network, user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7)));

    fn exhausted(now: Instant) -> Throttle {
        let throttle = Throttle::default();
        for _ in 0..ALLOWANCE as usize {
            assert_eq!(throttle.check(PEER, "ci", now), Ok(()));
            throttle.failed(PEER, "ci", now);
        }
        throttle
    }

    #[test]
    fn guessing_is_stopped_for_the_pair_alone_and_resumes_slowly() {
        let now = Instant::now();
        let throttle = exhausted(now);
        assert_eq!(throttle.check(PEER, "ci", now), Err(Duration::from_secs(1)));
        assert_eq!(throttle.check(PEER, "amy", now), Ok(()));
        assert_eq!(throttle.check(None, "ci", now), Ok(()));

        let later = now + Duration::from_secs(2);
        assert_eq!(throttle.check(PEER, "ci", later), Ok(()));
    }

    #[test]
    fn a_right_password_forgives_everything() {
        let now = Instant::now();
        let throttle = exhausted(now);
        throttle.succeeded(PEER, "ci");
        throttle.failed(PEER, "ci", now);
        assert_eq!(throttle.check(PEER, "ci", now), Ok(()));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_peer() {
        let throttle = Throttle::default();
        let pair = |text: &str| throttle.pair(text.parse().ok(), "ci");
        assert_eq!(pair("2001:db8::1"), pair("2001:db8::2"));
        assert_ne!(pair("2001:db8::1"), pair("2001:db8:1::1"));
        assert_eq!(pair("10.0.0.7"), pair("::ffff:10.0.0.7"));
    }
}
