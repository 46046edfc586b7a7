//! Fuzzing: whatever bytes arrive where text is parsed, the server keeps its promises.
//!
//! A target is a function of bytes that panics when a promise is broken; see [`targets`]. Its inputs are the files below
//! `corpus/<target>`, each as it is and changed at random ([`mutate`]), so a stable compiler is all this needs, and a run
//! within `cargo test` takes seconds. `make fuzz` runs longer: [`runner`] says how its budget is set. The functions know
//! nothing of what calls them: in a cargo-fuzz crate a target is `fuzz_target!(|input: &[u8]| targets::digest::check(input))`.
//!
//! What is accepted is compared with a grammar or a reading that is written down here a second time, on purpose in other
//! words than the server's: regular expressions of the specifications, wide integers, a value tree.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken promise is a panic")]

mod mutate;
mod oracle;
mod runner;
mod targets;
mod world;

macro_rules! fuzz {
    ($($target:ident: $promise:ident,)*) => {
        $(#[test]
        fn $promise() {
            runner::run(stringify!($target), targets::$target::check);
        })*
    };
}

fuzz! {
    digest: a_digest_is_what_its_grammar_says_and_nothing_else,
    name: a_name_is_what_its_grammar_says_and_stays_below_the_root,
    reference: a_reference_is_what_its_grammar_says_and_nothing_else,
    route: a_path_means_what_the_table_of_endpoints_says,
    target: no_request_makes_the_server_fail_or_leave_its_directory,
    manifest: a_manifest_is_read_as_every_client_would_read_it,
    range: a_range_selects_the_bytes_that_rfc_9110_says,
    content_range: a_chunk_is_taken_where_it_belongs_and_nowhere_else,
    pagination: a_page_holds_the_entries_after_the_last_one,
    state: an_upload_goes_on_whatever_state_it_comes_with,
    authorization: only_the_right_name_with_the_right_password_is_let_in,
    htpasswd: good_lines_work_beside_bad_ones_and_no_hash_is_shown,
    access: rights_are_those_that_the_rules_give,
    config: a_configuration_is_used_as_written_or_refused_with_reasons,
    environment: variables_are_applied_whatever_their_order,
}
