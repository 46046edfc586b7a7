//! When the leaf has to be issued again: a pure function of the time, the leaf that is served and the one that is wanted.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{Authority, BACKDATE, Certificate, Error, Wanted};

/// The leaf that is served.
#[derive(Debug)]
pub enum Current {
    /// There is none yet.
    Missing,
    /// There is one that nobody could serve.
    Unreadable(Error),
    /// There is a good one.
    Readable(Certificate),
}

impl Current {
    /// The leaf, when it can be read.
    #[must_use]
    pub const fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::Readable(certificate) => Some(certificate),
            Self::Missing | Self::Unreadable(_) => None,
        }
    }
}

/// Why the leaf has to be issued again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReissueReason {
    /// There is none.
    Missing,
    /// It cannot be read, or its key is another one's.
    Unreadable,
    /// The authority is a new one, and clients had time to learn of it.
    AnotherAuthority,
    /// The clock was ahead when it was issued: its validity has not started.
    NotYetValid,
    /// A person has asked for it.
    Requested,
    /// The wanted hosts and addresses are others.
    NamesDiffer,
    /// The wanted kind of key is another one.
    AlgorithmDiffers,
    /// The wanted lifetime is another one.
    LifetimeDiffers,
    /// Its renewal time has come.
    Due,
}

impl fmt::Display for ReissueReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Missing => "there was none",
            Self::Unreadable => "the previous one could not be read",
            Self::AnotherAuthority => "the authority has changed",
            Self::NotYetValid => "the previous one was issued by a clock that was ahead",
            Self::Requested => "another one was asked for",
            Self::NamesDiffer => "its names have changed",
            Self::AlgorithmDiffers => "its kind of key has changed",
            Self::LifetimeDiffers => "its lifetime has changed",
            Self::Due => "its renewal was due",
        })
    }
}

/// When a leaf is renewed.
#[must_use]
pub fn renewal_time(leaf: &Certificate, wanted: &Wanted) -> Timestamp {
    leaf.not_after - wanted.renew_before
}

/// When the leaf may change over to a new authority.
///
/// `overlap` after that was made, while both were in every ca.crt, and no later than the leaf's end. At once when nobody trusts the
/// leaf anyway: it is outside its validity, or its own authority is, or that is not among those published.
#[must_use]
pub fn changeover(
    leaf: &Certificate,
    authority: &Authority,
    published: &[Certificate],
    overlap: SignedDuration,
    now: Timestamp,
) -> Timestamp {
    let mut trusted = published.iter().filter(|previous| previous.is_valid_at(now));
    if leaf.is_valid_at(now) && trusted.any(|previous| leaf.is_signed_by(previous)) {
        leaf.not_after.min(authority.issued_at() + overlap)
    } else {
        Timestamp::MIN
    }
}

/// Why the leaf has to be issued again, or `None` while it is good. First match wins.
#[must_use]
pub fn reissue_reason(
    current: &Current,
    wanted: &Wanted,
    authority: &Authority,
    changeover: Timestamp,
    now: Timestamp,
) -> Option<ReissueReason> {
    let leaf = match current {
        Current::Missing => return Some(ReissueReason::Missing),
        Current::Unreadable(_) => return Some(ReissueReason::Unreadable),
        Current::Readable(leaf) => leaf,
    };
    if !leaf.is_signed_by(&authority.certificate) {
        // Only the new authority could sign another leaf, and clients do not trust that yet: whatever else differs waits.
        return (now >= changeover).then_some(ReissueReason::AnotherAuthority);
    }
    not_yet_valid(leaf, now)
        .or_else(|| wanted.at_once.then_some(ReissueReason::Requested))
        .or_else(|| names_differ(leaf, wanted))
        .or_else(|| algorithm_differs(leaf, wanted))
        .or_else(|| lifetime_differs(leaf, wanted))
        .or_else(|| renewal_time_reached(leaf, wanted, now))
}

fn not_yet_valid(leaf: &Certificate, now: Timestamp) -> Option<ReissueReason> {
    (now < leaf.not_before).then_some(ReissueReason::NotYetValid)
}

fn names_differ(leaf: &Certificate, wanted: &Wanted) -> Option<ReissueReason> {
    (leaf.names != wanted.names).then_some(ReissueReason::NamesDiffer)
}

fn algorithm_differs(leaf: &Certificate, wanted: &Wanted) -> Option<ReissueReason> {
    (leaf.algorithm != Some(wanted.algorithm)).then_some(ReissueReason::AlgorithmDiffers)
}

fn lifetime_differs(leaf: &Certificate, wanted: &Wanted) -> Option<ReissueReason> {
    let lifetime = leaf.not_after.duration_since(leaf.not_before + BACKDATE);
    (lifetime != wanted.lifetime).then_some(ReissueReason::LifetimeDiffers)
}

fn renewal_time_reached(leaf: &Certificate, wanted: &Wanted, now: Timestamp) -> Option<ReissueReason> {
    (now >= renewal_time(leaf, wanted)).then_some(ReissueReason::Due)
}

#[cfg(test)]
mod tests;
