//! Drivers of the reference that this server does not have.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{Secret, keys::Support::Implemented, macros::section};

section! {
    /// Amazon S3 and what speaks its protocol.
    Section S3 {
        /// The access key; without it the instance's role.
        accesskey: Secret => Implemented,
        /// The secret key.
        secretkey: Secret => Implemented,
        /// The region.
        region: String => Implemented,
        /// The URL of another server than Amazon's.
        regionendpoint: String => Implemented,
        /// The URL that clients are redirected to.
        redirectendpoint: String => Implemented,
        /// Whether the bucket is part of the path instead of the host.
        forcepathstyle: bool => Implemented,
        /// The bucket.
        bucket: String => Implemented,
        /// Whether objects are encrypted.
        encrypt: bool => Implemented,
        /// The key they are encrypted with.
        keyid: String => Implemented,
        /// HTTPS instead of HTTP.
        secure: bool => Implemented,
        /// Whether certificates go unchecked.
        skipverify: bool => Implemented,
        /// Signatures of version 4.
        v4auth: bool => Implemented,
        /// Bytes of a part of an upload.
        chunksize: i64 => Implemented,
        /// Bytes of a part of a copy.
        multipartcopychunksize: i64 => Implemented,
        /// Parts copied at the same time.
        multipartcopymaxconcurrency: i64 => Implemented,
        /// Bytes from which on objects are copied in parts.
        multipartcopythresholdsize: i64 => Implemented,
        /// A prefix of all keys.
        rootdirectory: String => Implemented,
        /// The class of objects.
        storageclass: String => Implemented,
        /// The `User-Agent` of requests.
        useragent: String => Implemented,
        /// IPv6 too.
        usedualstack: bool => Implemented,
        /// Transfer acceleration.
        accelerate: bool => Implemented,
        /// FIPS endpoints.
        usefipsendpoint: bool => Implemented,
        /// The access control list of objects.
        objectacl: String => Implemented,
        /// What the client logs.
        loglevel: String => Implemented,
    }

    /// Azure Blob Storage.
    Section Azure {
        /// The storage account.
        accountname: String => Implemented,
        /// Its key.
        accountkey: Secret => Implemented,
        /// Both in one.
        connectionstring: Secret => Implemented,
        /// The container.
        container: String => Implemented,
        /// Another way to log in.
        credentials: AzureCredentials => Implemented,
        /// A prefix of all names.
        rootdirectory: String => Implemented,
        /// The end of the service's domain name.
        realm: String => Implemented,
        /// The service's URL.
        serviceurl: String => Implemented,
        /// Whether certificates go unchecked.
        skipverify: bool => Implemented,
        /// How often a request is tried again.
        max_retries: i64 => Implemented,
        /// How long to wait before that.
        retry_delay: String => Implemented,
    }

    /// A way to log in to Azure.
    Section AzureCredentials {
        /// `client_secret`, `shared_key` or `default_credentials`.
        kind as "type": String => Implemented,
        /// The application.
        clientid: String => Implemented,
        /// The directory.
        tenantid: String => Implemented,
        /// The application's secret.
        secret: Secret => Implemented,
    }

    /// Google Cloud Storage.
    Section Gcs {
        /// The bucket.
        bucket: String => Implemented,
        /// A file with the service account's key.
        keyfile: PathBuf => Implemented,
        /// What such a file holds.
        credentials: BTreeMap<String, Secret> => Implemented,
        /// A prefix of all names.
        rootdirectory: String => Implemented,
        /// Bytes of a part of an upload.
        chunksize: i64 => Implemented,
        /// Requests at the same time.
        maxconcurrency: i64 => Implemented,
        /// The `User-Agent` of requests.
        useragent: String => Implemented,
    }

    /// Swift, of `OpenStack` (2.8).
    Section Swift {
        /// The user.
        username: String => Implemented,
        /// The user's password.
        password: Secret => Implemented,
        /// Where to log in.
        authurl: String => Implemented,
        /// The tenant's name.
        tenant: String => Implemented,
        /// The tenant's id.
        tenantid: String => Implemented,
        /// The domain's name.
        domain: String => Implemented,
        /// The domain's id.
        domainid: String => Implemented,
        /// The name of the tenant's domain.
        tenantdomain: String => Implemented,
        /// The id of the tenant's domain.
        tenantdomainid: String => Implemented,
        /// The trust's id.
        trustid: String => Implemented,
        /// The region.
        region: String => Implemented,
        /// The version of the login's protocol.
        authversion: i64 => Implemented,
        /// The container.
        container: String => Implemented,
        /// A prefix of all names.
        prefix: String => Implemented,
        /// `public`, `internal` or `admin`.
        endpointtype: String => Implemented,
        /// Whether certificates go unchecked.
        insecureskipverify: bool => Implemented,
        /// Bytes of a segment.
        chunksize: i64 => Implemented,
        /// The key of temporary URLs.
        secretkey: Secret => Implemented,
        /// The key of temporary URLs, of which the service knows the other half.
        accesskey: Secret => Implemented,
        /// Whether temporary URLs have a key of the container.
        tempurlcontainerkey: bool => Implemented,
        /// The methods of temporary URLs.
        tempurlmethods: Vec<String> => Implemented,
    }

    /// Alibaba Cloud OSS (2.8).
    Section Oss {
        /// The access key.
        accesskeyid: Secret => Implemented,
        /// Its secret.
        accesskeysecret: Secret => Implemented,
        /// The region.
        region: String => Implemented,
        /// The service's host.
        endpoint: String => Implemented,
        /// Whether the internal endpoint is used.
        internal: bool => Implemented,
        /// The bucket.
        bucket: String => Implemented,
        /// Whether objects are encrypted.
        encrypt: bool => Implemented,
        /// HTTPS instead of HTTP.
        secure: bool => Implemented,
        /// Bytes of a part of an upload.
        chunksize: i64 => Implemented,
        /// A prefix of all names.
        rootdirectory: String => Implemented,
    }
}
