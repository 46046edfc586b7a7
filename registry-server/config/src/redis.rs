//! `redis`: a server for what several replicas share. The keys of 2.8 (`addr`, `pool`) and those of 3.x (`addrs`, `poolsize`)
//! side by side.

use std::path::PathBuf;

use crate::{Duration, Secret, keys::Support::Implemented, macros::section};

section! {
    /// A Redis server for what several replicas share.
    Section Redis {
        /// `host:port` (2.8).
        addr: String => Implemented,
        /// `host:port` of each server (3.x).
        addrs: Vec<String> => Implemented,
        /// The user (3.x).
        username: String => Implemented,
        /// The password.
        password: Secret => Implemented,
        /// The number of the database.
        db: i64 => Implemented,
        /// How long connecting may take.
        dialtimeout: Duration => Implemented,
        /// How long reading may take.
        readtimeout: Duration => Implemented,
        /// How long writing may take.
        writetimeout: Duration => Implemented,
        /// Connections that are kept (2.8).
        pool: RedisPool => Implemented,
        /// TLS to the server.
        tls: RedisTls => Implemented,
        /// The name of connections (3.x, as all that follow).
        clientname: String => Implemented,
        /// The version of the protocol.
        protocol: i64 => Implemented,
        /// The user of the sentinels.
        sentinelusername: String => Implemented,
        /// That user's password.
        sentinelpassword: Secret => Implemented,
        /// The name of the sentinels' master.
        mastername: String => Implemented,
        /// How often a command is tried again.
        maxretries: i64 => Implemented,
        /// How long to wait before that at least.
        minretrybackoff: Duration => Implemented,
        /// How long to wait before that at most.
        maxretrybackoff: Duration => Implemented,
        /// Whether a request's own time limit counts.
        contexttimeoutenabled: bool => Implemented,
        /// Which of the idle connections is used first.
        poolfifo: bool => Implemented,
        /// Connections for each processor.
        poolsize: i64 => Implemented,
        /// How long to wait for a connection.
        pooltimeout: Duration => Implemented,
        /// Idle connections at least.
        minidleconns: i64 => Implemented,
        /// Idle connections at most.
        maxidleconns: i64 => Implemented,
        /// Connections at most.
        maxactiveconns: i64 => Implemented,
        /// How long a connection may be idle.
        connmaxidletime: Duration => Implemented,
        /// How long a connection may live.
        connmaxlifetime: Duration => Implemented,
        /// How many redirections of a cluster are followed.
        maxredirects: i64 => Implemented,
        /// Whether replicas are read.
        readonly: bool => Implemented,
        /// Whether the nearest one is read.
        routebylatency: bool => Implemented,
        /// Whether any one is read.
        routerandomly: bool => Implemented,
        /// Whether the client's name and version are kept back.
        disableidentity: bool => Implemented,
        /// The end of the client's name.
        identitysuffix: String => Implemented,
        /// Whether unfinished parts of the protocol's third version are used.
        unstableresp3: bool => Implemented,
    }

    /// Connections that are kept (2.8).
    Section RedisPool {
        /// Idle connections at most.
        maxidle: i64 => Implemented,
        /// Connections at most.
        maxactive: i64 => Implemented,
        /// How long a connection may be idle.
        idletimeout: Duration => Implemented,
    }

    /// TLS to a Redis server.
    Section RedisTls {
        /// Turns it on (some versions between 2.8 and 3.0).
        enabled: bool => Implemented,
        /// The client's certificate.
        certificate: PathBuf => Implemented,
        /// Its key.
        key: PathBuf => Implemented,
        /// Files with the CAs that the server's certificate is checked against.
        rootcas: Vec<PathBuf> => Implemented,
    }
}
