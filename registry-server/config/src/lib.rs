//! The registry server's config.yml as types.
