//! OCI distribution server, a drop-in for the `registry:2` image.
