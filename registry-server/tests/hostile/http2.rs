//! HTTP/2, frame by frame.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use registry_server::connection::Limits;
use rustls::{ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;

use super::{
    eventually,
    server::{Pair, Server},
};

/// Frame types (RFC 9113, section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// Error codes (RFC 9113, section 7).
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;

/// Identifiers of settings.
const INITIAL_WINDOW_SIZE: u16 = 4;

/// A client after the handshake.
struct Client(StreamOwned<ClientConnection, TcpStream>);

#[derive(Debug)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Client {
    /// Connects, with these settings.
    fn connect(server: &Server, pair: &Pair, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(pair.client(&[b"h2"]), name).unwrap();
        let mut client = Self(StreamOwned::new(connection, stream));
        client.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let payload: Vec<u8> =
            settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        assert!(client.send(SETTINGS, 0, 0, &payload));
        client
    }

    /// Whether the server took it.
    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.0.write_all(&frame(kind, flags, stream, payload)).is_ok()
    }

    /// The next frame; `None` when the server has closed the connection.
    fn receive(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// As a client that is alive: answers pings and settings until the server closes the connection.
    fn receive_all(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.receive() {
            if [PING, SETTINGS].contains(&frame.kind) && frame.flags & ACK == 0 {
                let payload = if frame.kind == PING { &frame.payload[..] } else { &[] };
                self.send(frame.kind, ACK, 0, payload);
            }
            frames.push(frame);
        }
        frames
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block (RFC 7541): indexed fields of the static table, and literals that are not indexed.
fn block(method: &str, path: &str) -> Vec<u8> {
    let literal = |index: u8, value: &str| [&[index, u8::try_from(value.len()).unwrap()], value.as_bytes()].concat();
    // :method, :scheme https, :authority, :path
    [literal(2, method), vec![0x87], literal(1, "localhost"), literal(4, path)].concat()
}

/// The streams a client opens.
fn streams() -> impl Iterator<Item = u32> {
    (1..).step_by(2)
}

fn short() -> Limits {
    Limits { header: Duration::from_secs(1), body: Duration::from_millis(200), ..Limits::default() }
}

#[test]
fn requests_that_are_taken_back_at_once_do_not_keep_others_waiting() {
    let pair = Pair::new();
    let server = pair.serving(Limits::default());
    let mut client = Client::connect(&server, &pair, &[]);
    let block = block("GET", "/v2/_catalog");
    let cancel = CANCEL.to_be_bytes();
    let mut sent = 0;
    for stream in streams().take(100_000) {
        let request = [frame(HEADERS, END_HEADERS | END_STREAM, stream, &block), frame(RST_STREAM, 0, stream, &cancel)];
        if client.0.write_all(&request.concat()).is_err() {
            break;
        }
        sent += 1;
    }
    let mut other = Client::connect(&server, &pair, &[]);
    assert!(other.send(HEADERS, END_HEADERS | END_STREAM, 1, &block));
    assert!(std::iter::from_fn(|| other.receive()).any(|frame| frame.kind == HEADERS), "others are not answered");
    drop((client, other));
    eventually("nothing is left", || server.busy() == (0, 0));
    assert!(sent < 100_000, "the server took every one of {sent} requests");
}

#[test]
fn a_header_block_that_goes_on_for_ever_ends_the_connection() {
    let pair = Pair::new();
    let server = pair.serving(Limits::default());
    // A literal of 15 KiB whose name is new each time; empty frames cost nothing but work.
    let large = [&[0, 1, b'x', 0x7f, 0x81, 0x76][..], &[b'y'; 15 << 10]].concat();
    for payload in [&large[..], &[]] {
        let mut client = Client::connect(&server, &pair, &[]);
        assert!(client.send(HEADERS, END_STREAM, 1, &block("GET", "/v2/")));
        let mut frames = 0;
        while frames < 1_000_000 && client.send(CONTINUATION, 0, 1, payload) {
            frames += 1;
        }
        assert!(frames < 1_000_000, "{} bytes and more were taken", frames * payload.len());
    }
    eventually("nothing is left", || server.busy() == (0, 0));
}

#[test]
fn a_header_block_that_is_never_completed_is_cut_off() {
    let pair = Pair::new();
    let server = pair.serving(short());
    let mut client = Client::connect(&server, &pair, &[]);
    assert!(client.send(HEADERS, END_STREAM, 1, &block("GET", "/v2/")));
    let frames = client.receive_all();
    assert!(frames.iter().all(|frame| frame.kind != HEADERS), "{frames:?}");
}

#[test]
fn a_small_block_that_stands_for_a_large_header_is_refused() {
    let pair = Pair::new();
    let server = pair.serving(short());
    let mut client = Client::connect(&server, &pair, &[]);
    // One field of 3 KiB into the dynamic table, then 10000 times its index, the first of the dynamic table.
    let field = [&[0x40, 1, b'x', 0x7f, 0x81, 0x17][..], &[b'y'; 3072]].concat();
    let bomb = [block("GET", "/v2/"), field, vec![0xbe; 10_000]].concat();
    assert!(client.send(HEADERS, END_HEADERS | END_STREAM, 1, &bomb));
    let frames = client.receive_all();
    let answer = frames.iter().find(|frame| frame.kind == HEADERS && frame.stream == 1);
    // 431 is no field of the static table, 200 is one.
    assert!(answer.is_none_or(|answer| answer.payload.first() != Some(&0x88)), "{frames:?}");
}

#[test]
fn streams_beyond_the_limit_are_refused_and_others_answered() {
    let pair = Pair::new();
    let server = pair.serving(Limits::default());
    let mut client = Client::connect(&server, &pair, &[]);
    let block = block("PATCH", "/v2/a/blobs/uploads/1d0e8a58-6b6f-4b1e-9d4f-3a1f0c5a9f11");
    // Uploads whose bodies never end.
    for stream in streams().take(400) {
        assert!(client.send(HEADERS, END_HEADERS, stream, &block));
        assert!(client.send(DATA, 0, stream, b"part"));
    }
    let refused = std::iter::from_fn(|| client.receive())
        .filter(|frame| frame.kind == RST_STREAM && frame.payload == REFUSED_STREAM.to_be_bytes());
    assert!(refused.take(100).count() == 100, "more than 300 streams at a time");
    drop(client);
    assert!(server.settled().is_empty(), "{:?}", server.files());
}

#[test]
fn an_upload_of_one_request_that_is_taken_back_leaves_nothing_for_the_purge() {
    let pair = Pair::new();
    let server = pair.serving(Limits::default());
    let mut client = Client::connect(&server, &pair, &[]);
    let target = format!("/v2/a/blobs/uploads/?digest={}", super::sha256("never complete"));
    for stream in streams().take(10) {
        assert!(client.send(HEADERS, END_HEADERS, stream, &block("POST", &target)));
        assert!(client.send(DATA, 0, stream, b"never "));
    }
    eventually("the uploads have begun", || server.files().iter().filter(|file| file.ends_with("data")).count() == 10);
    for stream in streams().take(10) {
        assert!(client.send(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
    }
    eventually("nothing of them is left", || server.files().is_empty());
    assert_eq!(server.push_blob_over_tls(&pair, b"a whole one"), super::sha256("a whole one"));
}

#[test]
fn a_response_for_which_no_window_is_opened_does_not_hold_a_place_for_ever() {
    let pair = Pair::new();
    let server = pair.serving(short());
    let digest = server.push_blob_over_tls(&pair, &vec![7; 4 << 20]);
    let mut client = Client::connect(&server, &pair, &[(INITIAL_WINDOW_SIZE, 0)]);
    for stream in streams().take(10) {
        assert!(client.send(
            HEADERS,
            END_HEADERS | END_STREAM,
            stream,
            &block("GET", &format!("/v2/a/blobs/{digest}"))
        ));
    }
    // Alive as it is, it is cut off.
    let frames = client.receive_all();
    assert!(frames.iter().filter(|frame| frame.kind == HEADERS).count() > 0, "{frames:?}");
    assert!(frames.iter().all(|frame| frame.kind != DATA), "{frames:?}");
    eventually("nothing is left", || server.busy() == (0, 0));
}

#[test]
fn a_flood_of_questions_about_the_connection_is_cut_off_when_answers_are_not_taken() {
    let pair = Pair::new();
    let server = pair.serving(short());
    for (kind, payload) in [(PING, &[0; 8][..]), (SETTINGS, &[])] {
        let mut client = Client::connect(&server, &pair, &[]);
        let flood = frame(kind, 0, 0, payload).repeat(1000);
        let mut times = 0;
        while times < 100_000 && client.0.write_all(&flood).is_ok() {
            times += 1;
        }
        assert!(times < 100_000, "{times} times 1000 frames were taken");
    }
    eventually("nothing is left", || server.busy() == (0, 0));
}

#[test]
fn frames_that_are_none_end_the_connection() {
    let pair = Pair::new();
    let server = pair.serving(Limits::default());
    let cases = [
        ("data of no stream", frame(DATA, 0, 0, b"x")),
        ("data of a stream that was not opened", frame(DATA, 0, 5, b"x")),
        ("headers of the server's streams", frame(HEADERS, END_HEADERS, 2, &block("GET", "/v2/"))),
        ("a block that is none", frame(HEADERS, END_HEADERS, 1, &[0xff; 64])),
        ("a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, &[])),
        ("settings of odd length", frame(SETTINGS, 0, 0, &[0; 5])),
        ("a window beyond any", frame(SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff])),
        ("a frame beyond any", [0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1].to_vec()),
    ];
    for (what, bytes) in cases {
        let mut client = Client::connect(&server, &pair, &[]);
        client.0.write_all(&bytes).unwrap();
        let frames = client.receive_all();
        assert!(frames.iter().any(|frame| frame.kind == GOAWAY), "{what}: {frames:?}");
    }
    eventually("nothing is left", || server.busy() == (0, 0));
}
