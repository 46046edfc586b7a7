//! The distribution API, driven in process: each test sends requests to the router and looks at whole responses. Every
//! test runs on every kind of store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

mod base;
mod blobs;
mod catalog;
mod collect;
mod collect_beside;
mod concurrency;
mod hostile;
mod layout;
mod location;
mod manifests;
mod mount;
mod policy;
mod ranges;
mod reference;
mod referrers;
mod rights;
mod tags;
mod uploads;
mod validation;
