#![doc = include_str!("../README.md")]

pub mod app;
pub mod args;
pub mod auth;
pub mod config;
pub mod connection;
mod control;
mod health;
pub mod http;
pub mod metrics;
pub mod oci;
mod profile;
pub mod registry;
mod reload;
pub mod shutdown;
pub mod storage;
pub mod telemetry;
mod tls;
