//! What a rule is.

use std::{fmt, pin::Pin};

use crate::target::Target;

/// A statement of the specification that a registry can be asked about.
pub(crate) struct Rule {
    /// The title of the section that states it.
    pub(crate) section: &'static str,
    /// Since when.
    pub(crate) edition: Edition,
    /// The statement.
    pub(crate) name: &'static str,
    /// Panics where it does not hold.
    pub(crate) check: Check,
}

/// Asks a registry.
pub(crate) type Check = for<'a> fn(&'a Target) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// The edition of the specification that a rule came with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edition {
    /// Released: 1.1 or before.
    V1_1,
    /// The main branch, not released yet.
    Main,
}

impl fmt::Display for Edition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::V1_1 => "1.1",
            Self::Main => "main",
        })
    }
}

/// Declares the rules of a section: `section! { "Title"; V1_1: a_rule, another; Main: a_newer_one }`.
macro_rules! section {
    ($title:literal; $($edition:ident: $($rule:ident),+);+) => {
        /// The rules of this section.
        pub(crate) const RULES: &[$crate::rule::Rule] = &[
            $($($crate::rule::Rule {
                section: $title,
                edition: $crate::rule::Edition::$edition,
                name: stringify!($rule),
                check: |server| Box::pin($rule(server)),
            }),+),+
        ];
    };
}
pub(crate) use section;
