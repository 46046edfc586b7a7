//! Which manifests of a repository are kept when untagged ones go: pure, over what was read of the repository.

use std::collections::{HashMap, HashSet};

use super::references::References;
use crate::oci::{Digest, Tag};

/// The manifests and tags of one repository.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// What each manifest names; `None` when its content is lost.
    pub(super) manifests: HashMap<Digest, Option<References>>,
    /// What each tag points at.
    pub(super) tags: Vec<(Tag, Digest)>,
}

impl Graph {
    /// Manifests that a tag leads to, over indexes and referrers in any depth; and those that `waiting` leads to.
    ///
    /// A tag that stands in for the referrers API does not keep its list of referrers by itself: like the referrers in
    /// it, the list stays as long as their subject.
    pub(super) fn reachable(&self, waiting: &HashSet<Digest>) -> HashSet<Digest> {
        let referrers = self.referrers();
        let tagged = self.tags.iter().filter(|(tag, digest)| self.lists_referrers_of(tag, digest).is_none());
        let mut next: Vec<Digest> = tagged.map(|(_, digest)| *digest).chain(waiting.iter().copied()).collect();
        let mut reached = HashSet::new();
        while let Some(digest) = next.pop() {
            if !self.manifests.contains_key(&digest) || !reached.insert(digest) {
                continue;
            }
            next.extend(self.children(&digest));
            next.extend(referrers.get(&digest).into_iter().flatten());
        }
        reached
    }

    /// What `digest` lists, when it is an index.
    pub(super) fn children(&self, digest: &Digest) -> impl Iterator<Item = Digest> {
        let references = self.manifests.get(digest).into_iter().flatten().filter(|references| references.is_index);
        references.flat_map(|references| references.content.iter().map(|named| named.digest))
    }

    /// What a manifest, or the list of referrers under its tag, depends on.
    pub(super) fn subject(&self, digest: &Digest) -> Option<Digest> {
        let own = self.manifests.get(digest)?.as_ref()?.subject;
        let mut tags = self.tags.iter().filter(|(_, tagged)| tagged == digest);
        own.or_else(|| tags.find_map(|(tag, digest)| self.lists_referrers_of(tag, digest)))
    }

    /// By subject, what goes with it.
    fn referrers(&self) -> HashMap<Digest, Vec<Digest>> {
        let mut referrers: HashMap<Digest, Vec<Digest>> = HashMap::new();
        for (digest, references) in &self.manifests {
            if let Some(subject) = references.as_ref().and_then(|references| references.subject) {
                referrers.entry(subject).or_default().push(*digest);
            }
        }
        for (tag, digest) in &self.tags {
            if let Some(subject) = self.lists_referrers_of(tag, digest) {
                referrers.entry(subject).or_default().push(*digest);
            }
        }
        referrers
    }

    /// The subject whose referrers `digest` lists, when `tag` is the one that stands in for the referrers API and every
    /// manifest in the list refers to it.
    fn lists_referrers_of(&self, tag: &Tag, digest: &Digest) -> Option<Digest> {
        // Every such tag begins with the name of an algorithm and a dash; most tags do not.
        tag.as_str().split_once('-')?.0.parse::<crate::oci::Algorithm>().ok()?;
        let mut subjects = self.children(digest).filter(|child| self.manifests.contains_key(child));
        let subject_of = |child: Digest| self.manifests.get(&child)?.as_ref()?.subject;
        let subject = subject_of(subjects.next()?)?;
        let all_agree = subjects.all(|child| subject_of(child) == Some(subject));
        (all_agree && Tag::referrers_fallback(&subject) == *tag).then_some(subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{oci::Algorithm, registry::collect::references::Named};

    fn digest(name: &str) -> Digest {
        Digest::of(Algorithm::Sha256, name.as_bytes())
    }

    #[derive(Default)]
    struct Shape(Graph);

    impl Shape {
        fn image(self, name: &str) -> Self {
            self.insert(name, References::default())
        }

        fn referrer(self, name: &str, subject: &str) -> Self {
            self.insert(name, References { subject: Some(digest(subject)), ..References::default() })
        }

        fn index(self, name: &str, children: &[&str]) -> Self {
            let named = |child: &&str| Named { digest: digest(child), size: None, may_be_absent: true };
            let content = children.iter().map(named).collect();
            self.insert(name, References { content, is_index: true, subject: None })
        }

        fn tag(mut self, tag: &str, name: &str) -> Self {
            self.0.tags.push((tag.parse().unwrap(), digest(name)));
            self
        }

        fn insert(mut self, name: &str, references: References) -> Self {
            self.0.manifests.insert(digest(name), Some(references));
            self
        }

        #[track_caller]
        fn keeps(&self, waiting: &[&str], kept: &[&str]) {
            let reached = self.0.reachable(&waiting.iter().map(|name| digest(name)).collect());
            assert_eq!(reached, kept.iter().map(|name| digest(name)).collect::<HashSet<_>>());
        }
    }

    #[test]
    fn a_tag_keeps_nested_indexes_and_all_they_list() {
        let shape = Shape::default().image("amd64").image("arm64").image("stray").index("inner", &["amd64", "gone"]);
        let shape = shape.index("outer", &["inner", "arm64"]).index("cycle", &["cycle"]).tag("v1", "outer");
        shape.keeps(&[], &["amd64", "arm64", "inner", "outer"]);
        shape.keeps(&["stray"], &["amd64", "arm64", "inner", "outer", "stray"]);
        shape.tag("v2", "cycle").keeps(&[], &["amd64", "arm64", "inner", "outer", "cycle"]);
    }

    #[test]
    fn referrers_stay_with_their_subject_and_go_with_it() {
        let shape = Shape::default().image("app").image("child").index("all", &["child"]);
        let shape = shape.referrer("signature", "app").referrer("of signature", "signature").referrer("sbom", "child");
        shape.keeps(&[], &[]);
        let shape = shape.tag("v1", "app");
        shape.keeps(&[], &["app", "signature", "of signature"]);
        let shape = shape.tag("v2", "all");
        shape.keeps(&[], &["app", "signature", "of signature", "all", "child", "sbom"]);
    }

    #[test]
    fn a_tagged_referrer_stays_without_its_subject_and_does_not_keep_it() {
        let shape = Shape::default().image("app").referrer("signature", "app").tag("signed", "signature");
        shape.keeps(&[], &["signature"]);
    }

    #[test]
    fn the_fallback_tag_goes_with_the_subject() {
        let fallback = Tag::referrers_fallback(&digest("app")).as_str().to_owned();
        let shape = Shape::default().image("app").referrer("signature", "app").index("list", &["signature"]);
        let shape = shape.tag(&fallback, "list");
        shape.keeps(&[], &[]);
        shape.tag("v1", "app").keeps(&[], &["app", "signature", "list"]);
    }

    #[test]
    fn a_tag_that_only_looks_like_the_fallback_keeps_what_it_points_at() {
        let fallback = Tag::referrers_fallback(&digest("app")).as_str().to_owned();
        let shape = Shape::default().image("app").referrer("other", "elsewhere").index("list", &["other"]);
        shape.tag(&fallback, "list").keeps(&[], &["list", "other"]);
        Shape::default().image("app").tag(&fallback, "app").keeps(&[], &["app"]);
        Shape::default().index("empty", &[]).tag(&fallback, "empty").keeps(&[], &["empty"]);
    }
}
