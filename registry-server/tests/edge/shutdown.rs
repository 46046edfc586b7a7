//! How a server ends.

use std::{io::Write, net::TcpStream};

use rustix::process::Signal;

use super::{
    client::{self, Client},
    eventually,
    process::Process,
    server::Files,
};

/// A server and a connection with a request whose body is not complete.
fn with_a_request_in_flight(variables: &[(&str, &str)]) -> (Process, Box<dyn client::Stream>) {
    let process = Process::start(Files::new(), &[], variables);
    let client = process.http();
    let started = client.request("POST", "/v2/a/blobs/uploads/", "");
    let path = started.header("location").unwrap().strip_prefix("http://localhost").unwrap().to_owned();
    let mut stream = client.connect().unwrap();
    stream.write_all(client.head("PATCH", &path, 10).as_bytes()).unwrap();
    stream.write_all(b"01234").unwrap();
    // Its answer means that the server has accepted what came before.
    assert_eq!(client.get("/v2/").status, 200);
    (process, stream)
}

#[test]
fn requests_in_flight_are_finished_and_no_new_ones_taken() {
    let debug = [("REGISTRY_HTTP_DEBUG_ADDR", "127.0.0.1:0"), ("REGISTRY_HTTP_DRAINTIMEOUT", "60s")];
    let (mut process, mut stream) = with_a_request_in_flight(&debug);
    let (address, debug) = (process.http().address, Client::http(process.debug_address()));
    assert_eq!(debug.get("/readyz").status, 200);

    process.signal(Signal::TERM);
    eventually("no connection is taken", || TcpStream::connect(address).is_err());
    assert_eq!(debug.get("/readyz").status, 503, "no traffic is to be sent here");
    assert_eq!(debug.get("/livez").status, 200, "and yet nobody is to kill it");

    stream.write_all(b"56789").unwrap();
    assert_eq!(client::read(&mut stream).unwrap().status, 202);
    assert!(process.wait().success());
    assert!(process.log().contains("ended in good order"), "{}", process.log());
}

#[test]
fn a_request_that_takes_longer_than_the_drain_is_cut_off() {
    let (mut process, _stream) = with_a_request_in_flight(&[("REGISTRY_HTTP_DRAINTIMEOUT", "1s")]);
    process.signal(Signal::INT);
    assert!(process.wait().success());
    assert!(process.log().contains("1 connections were still busy"), "{}", process.log());
}

#[test]
fn a_second_signal_ends_at_once() {
    let (mut process, _stream) = with_a_request_in_flight(&[("REGISTRY_HTTP_DRAINTIMEOUT", "1h")]);
    process.signal(Signal::TERM);
    process.eventually_logs("SIGTERM received: finishing");
    process.signal(Signal::TERM);
    process.wait();
    assert!(process.log().contains("ending at once"), "{}", process.log());
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let mut process = Process::start(Files::new(), &[], &[("REGISTRY_HTTP_DRAINTIMEOUT", "1h")]);
    let client = process.http();
    let _idle = client.connect().unwrap();
    assert_eq!(client.get("/v2/").status, 200);
    process.signal(Signal::TERM);
    assert!(process.wait().success());
}
