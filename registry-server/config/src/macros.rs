//! Declarations of the configuration's types. A key is written once, with all there is to say about it; the struct that
//! serde reads and writes and the [keys as data](crate::keys) both come from that.

/// Declares sections:
///
/// ```text
/// section! {
///     /// What the section is for.
///     Section Name {
///         /// What the key means.
///         key: Type = "default, as YAML" => Implemented,
///         /// `as` names a key that is no Rust name, `env` the reference's Go field where that is named otherwise.
///         name as "key" env "GoField": Type => Warned("what happens instead"),
///     }
/// }
/// ```
///
/// `Driver` in place of `Section` is a section that may be given as the name of one of its keys.
macro_rules! section {
    ($(
        $(#[doc = $about:literal])+
        $shape:ident $name:ident {$(
            $(#[doc = $meaning:literal])+
            $field:ident $(as $key:literal)? $(env $variable:literal)?: $type:ty $(= $default:literal)? => $support:expr
        ),* $(,)?}
    )+) => {$(
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, Eq, Default, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {$(
            $(#[doc = $meaning])+
            $(#[doc = concat!("\n\nDefault: `", $default, "`.")])?
            $(#[serde(rename = $key)])?
            pub $field: Option<$type>,
        )*}

        impl $name {
            const KEYS: &'static [crate::keys::Field] = &[$(crate::keys::Field {
                key: crate::macros::first!($($key,)? stringify!($field)),
                variable: crate::macros::first!($($variable,)? $($key,)? stringify!($field)),
                node: <$type as crate::keys::Described>::NODE,
                default: crate::macros::first!($(Some($default),)? None),
                support: $support,
            }),*];
        }

        impl crate::keys::Described for $name {
            const NODE: &'static crate::keys::Node = &crate::keys::Node::$shape(Self::KEYS);

            fn value(&self) -> crate::keys::Value<'_> {
                crate::keys::Entries::default()
                    $(.with(crate::macros::first!($($key,)? stringify!($field)), &self.$field))*
                    .into()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                crate::keys::Described::value(self).serialize(serializer)
            }
        }
    )+};
}

/// Declares values that are one of several words.
macro_rules! choice {
    ($(
        $(#[doc = $about:literal])+
        $name:ident {$(
            $(#[$attribute:meta])+
            $variant:ident = $word:literal
        ),* $(,)?}
    )+) => {$(
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
        pub enum $name {$(
            $(#[$attribute])+
            #[serde(rename = $word)]
            $variant,
        )*}

        impl crate::keys::Described for $name {
            const NODE: &'static crate::keys::Node = &crate::keys::Node::Choice(&[$($word),*]);

            fn value(&self) -> crate::keys::Value<'_> {
                crate::keys::Value::Word(match self {$(Self::$variant => $word),*})
            }
        }
    )+};
}

/// The first of several expressions.
macro_rules! first {
    ($first:expr $(, $other:expr)* $(,)?) => {
        $first
    };
}

pub(crate) use {choice, first, section};
