//! `GET` of the tags (end-8a, end-8b).

use crate::{
    repository::{Repository, tags_of},
    rule::section,
    target::Target,
};

section! {
    "Listing Tags";
    V1_1:
        a_repository_that_was_never_pushed_to_is_404_or_empty,
        tags_are_listed_in_order_with_the_name,
        a_repository_without_tags_has_an_empty_list,
        a_tag_is_listed_at_once,
        at_most_n_tags_are_listed,
        no_tags_are_listed_when_n_is_0,
        an_n_above_the_number_of_tags_lists_all,
        an_n_above_the_limit_is_answered_all_the_same,
        an_n_that_is_no_number_is_refused,
        the_list_begins_behind_last,
        last_need_not_be_a_tag,
        links_lead_through_the_whole_list
}

const TAGS: [&str; 7] = ["0.1.2", "0.1.20", "A", "_x", "a", "latest", "v1"];

async fn tagged(server: &Target) -> Repository<'_> {
    let repository = server.repository();
    let image = repository.image().await;
    for tag in TAGS.iter().rev() {
        repository.put(tag, &image).await.expect(201);
    }
    repository
}

async fn list(repository: &Repository<'_>, query: &str) -> Vec<String> {
    tags_of(&repository.server.get(&format!("{}?{query}", repository.tags())).await.expect(200))
}

async fn a_repository_that_was_never_pushed_to_is_404_or_empty(server: &Target) {
    server.get(&server.repository().tags()).await.expect_error(404, "NAME_UNKNOWN");
}

async fn tags_are_listed_in_order_with_the_name(server: &Target) {
    let repository = tagged(server).await;
    let reply = server.get(&repository.tags()).await.expect(200).expect_header("content-type", "application/json");
    assert_eq!(reply.json()["name"], repository.name.as_str());
    assert_eq!(tags_of(&reply), TAGS);
    assert_eq!(reply.next(), None);
}

async fn a_repository_without_tags_has_an_empty_list(server: &Target) {
    let repository = server.repository();
    let image = repository.image().await;
    repository.push(&image).await;
    assert!(repository.listed_tags().await.is_empty());
}

async fn a_tag_is_listed_at_once(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    for number in 2..5 {
        let tag = format!("v{number}");
        repository.put(&tag, &image).await.expect(201);
        assert_eq!(repository.listed_tags().await.last(), Some(&tag));
    }
}

async fn at_most_n_tags_are_listed(server: &Target) {
    let repository = tagged(server).await;
    assert_eq!(list(&repository, "n=3").await, TAGS[..3]);
}

async fn no_tags_are_listed_when_n_is_0(server: &Target) {
    let repository = tagged(server).await;
    let reply = server.get(&format!("{}?n=0", repository.tags())).await.expect(200);
    assert!(tags_of(&reply).is_empty());
    assert_eq!(reply.next(), None);
}

async fn an_n_above_the_number_of_tags_lists_all(server: &Target) {
    let repository = tagged(server).await;
    for count in [TAGS.len(), 100] {
        let reply = server.get(&format!("{}?n={count}", repository.tags())).await.expect(200);
        assert_eq!(tags_of(&reply), TAGS);
        assert_eq!(reply.next(), None);
    }
}

async fn an_n_above_the_limit_is_answered_all_the_same(server: &Target) {
    let repository = tagged(server).await;
    for count in ["1001", "100000", "4294967295"] {
        assert_eq!(list(&repository, &format!("n={count}")).await, TAGS);
    }
}

async fn an_n_that_is_no_number_is_refused(server: &Target) {
    let repository = tagged(server).await;
    for count in ["-1", "many", "1.5"] {
        server.get(&format!("{}?n={count}", repository.tags())).await.expect(400);
    }
}

async fn the_list_begins_behind_last(server: &Target) {
    let repository = tagged(server).await;
    assert_eq!(list(&repository, "last=A").await, TAGS[3..]);
    assert_eq!(list(&repository, "n=2&last=A").await, TAGS[3..5]);
    assert!(list(&repository, "last=v1").await.is_empty());
}

async fn last_need_not_be_a_tag(server: &Target) {
    let repository = tagged(server).await;
    assert_eq!(list(&repository, "last=0.1.3").await, TAGS[2..]);
    assert_eq!(list(&repository, "n=2&last=-").await, TAGS[..2]);
}

async fn links_lead_through_the_whole_list(server: &Target) {
    let repository = tagged(server).await;
    for count in 1..=TAGS.len() {
        let (mut listed, mut next) = (Vec::new(), Some(format!("{}?n={count}", repository.tags())));
        while let Some(path) = next {
            let reply = server.get(&path).await.expect(200);
            listed.extend(tags_of(&reply));
            next = reply.next();
        }
        assert_eq!(listed, TAGS, "pages of {count}");
    }
}
