//! The list of rules, by section of the specification.

mod blob_deletion;
mod cancelling;
mod chunked_push;
mod enabling_referrers;
mod error_codes;
mod existence;
mod extensions;
mod manifest_content;
mod manifest_deletion;
mod manifest_pull;
mod manifest_push;
mod monolithic_push;
mod mounting;
mod proxying;
mod pull;
mod range_requests;
mod referrers;
mod single_post;
mod streamed_push;
mod subjects;
mod support;
mod tag_deletion;
mod tag_listing;
mod tag_parameters;
mod warnings;

use crate::rule::Rule;

/// Every rule, in the order of the specification.
pub(crate) const SECTIONS: &[&[Rule]] = &[
    support::RULES,
    manifest_pull::RULES,
    pull::RULES,
    range_requests::RULES,
    existence::RULES,
    monolithic_push::RULES,
    single_post::RULES,
    chunked_push::RULES,
    streamed_push::RULES,
    cancelling::RULES,
    mounting::RULES,
    manifest_push::RULES,
    manifest_content::RULES,
    tag_parameters::RULES,
    subjects::RULES,
    tag_listing::RULES,
    referrers::RULES,
    enabling_referrers::RULES,
    tag_deletion::RULES,
    manifest_deletion::RULES,
    blob_deletion::RULES,
    proxying::RULES,
    error_codes::RULES,
    warnings::RULES,
    extensions::RULES,
];

/// Every rule.
pub(crate) fn all() -> impl Iterator<Item = &'static Rule> {
    SECTIONS.iter().copied().flatten()
}
