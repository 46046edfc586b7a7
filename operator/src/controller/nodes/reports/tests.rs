use std::{
    future::ready,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{middleware::map_response, response::Response};

use super::*;
use crate::{
    controller::{
        nodes::WORDS,
        tests::pod::{answer_once, listen},
    },
    node_trust::{
        Report,
        report::{Board, router},
    },
};

fn registry(name: &str) -> RegistryName {
    RegistryName { namespace: "apps".into(), name: name.into() }
}

fn standing(registries: &[(&str, &str)]) -> Standing {
    let report = |version: &str| Report { version: version.into(), problem: None };
    let registries = registries.iter().map(|(name, version)| (registry(name).to_string(), report(version)));
    Standing { problem: None, registries: registries.collect() }
}

/// A node that says this, and how often it has said it in full.
async fn node(standing: Standing) -> (IpAddr, Board, Arc<AtomicUsize>) {
    let (board, said) = (Board::new(), Arc::new(AtomicUsize::new(0)));
    board.put(standing);
    let counted = Arc::clone(&said);
    let count = move |response: Response| {
        counted.fetch_add(usize::from(response.status() == StatusCode::OK), Ordering::Relaxed);
        ready(response)
    };
    let listener = listen().await;
    let address = listener.local_addr().unwrap().ip();
    let router = router(board.clone()).layer(map_response(count));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, board, said)
}

#[tokio::test]
async fn what_nodes_say_alike_is_said_in_full_by_one_of_them_and_kept_once() {
    let reports = Reports::default();
    let nodes = [node(standing(&[("team", "7")])).await, node(standing(&[("team", "7")])).await];
    let [first, second] = [reports.ask(nodes[0].0).await.unwrap(), reports.ask(nodes[1].0).await.unwrap()];
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(*first, standing(&[("team", "7")]));
    nodes[1].1.put(standing(&[("team", "8")]));
    assert_eq!(*reports.ask(nodes[1].0).await.unwrap(), standing(&[("team", "8")]));
    reports.ask(nodes[0].0).await.unwrap();
    let said = nodes.each_ref().map(|(.., said)| said.load(Ordering::Relaxed));
    assert_eq!(said, [1, 1]);
}

#[tokio::test]
async fn a_node_lies_about_itself_and_about_no_other() {
    let reports = Reports::default();
    let truth = standing(&[("team", "7")]);
    let tag = entity_tag(&serde_json::to_vec(&truth).unwrap());
    let lie = serde_json::to_string(&standing(&[])).unwrap();
    let answer = format!("HTTP/1.1 200 OK\r\netag: {tag}\r\ncontent-length: {}\r\n\r\n{lie}", lie.len());
    let liar = answer_once("/registries", &answer).await;
    assert_eq!(*reports.ask(liar).await.unwrap(), standing(&[]));
    let (honest, ..) = node(truth.clone()).await;
    assert_eq!(*reports.ask(honest).await.unwrap(), truth);
    let same = answer_once("/registries", "HTTP/1.1 304 Not Modified\r\netag: \"made up\"\r\n\r\n").await;
    let refused = reports.ask(same).await.unwrap_err();
    assert_eq!(refused, "it answers 304 Not Modified, and was not asked for that");
}

#[tokio::test]
async fn a_node_with_thousands_of_registries_is_understood_and_an_endless_answer_is_not_kept() {
    let reports = Reports::default();
    let many = (0..5_000).map(|number| {
        let problem =
            (number % 100 == 0).then(|| Problem { reason: "DirectoryTaken".into(), message: "m".repeat(300) });
        (format!("{:063}/{number:050}", 0), Report { version: "1234567".into(), problem })
    });
    let (address, ..) = node(Standing { problem: None, registries: many.collect() }).await;
    assert_eq!(reports.ask(address).await.unwrap().registries.len(), 5_000);
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", " ".repeat(ANSWER_LIMIT + 1));
    let refused = reports.ask(answer_once("/registries", &endless).await).await;
    assert_eq!(refused.unwrap_err(), "length limit exceeded");
}

#[test]
fn of_a_node_that_says_much_the_beginning_is_told() {
    let long = || "ä".repeat(200_000);
    let problem = || Some(Problem { reason: long().into(), message: long() });
    let registries = BTreeMap::from([("apps/team".to_owned(), Report { version: "7".into(), problem: problem() })]);
    let said = Standing { problem: problem(), registries };
    let read = read(&serde_json::to_vec(&said).unwrap()).unwrap();
    for problem in [&read.problem, &read.registries["apps/team"].problem] {
        let Problem { reason, message } = problem.as_ref().unwrap();
        assert_eq!((reason.chars().count(), message.chars().count()), (WORDS, WORDS));
    }
    let nonsense = format!("{{\"registries\": \"{}\"}}", long());
    assert_eq!(super::read(nonsense.as_bytes()).unwrap_err().chars().count(), WORDS);
}

#[tokio::test]
async fn nodes_are_reported_in_order_whoever_answers_first() {
    let reports = Reports::default();
    let (address, ..) = node(standing(&[])).await;
    let place = |node: &str, address| Place { node: node.into(), address, canary: None };
    let places = vec![place("stable", None), place("hearth", Some(address)), place("attic", Some(address))];
    let said = reports.ask_each(places).await;
    assert_eq!(said.iter().map(|report| report.node.as_str()).collect::<Vec<_>>(), ["attic", "hearth", "stable"]);
    assert_eq!(said[2].answer, Err("it does not run yet".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn all_who_want_to_know_within_a_moment_are_answered_by_asking_once() {
    let reports = Reports::default();
    let start = Instant::now();
    for name in ["team", "other", "team"] {
        reports.want(&registry(name));
    }
    let both = Asking::Some(BTreeSet::from([registry("other"), registry("team")]));
    assert_eq!((reports.until_due().await, start.elapsed()), (both, MOMENT));
    // Who comes too late waits for the next time, and a rollout's changes one after the other are followed now and then.
    reports.want(&registry("team"));
    let team = Asking::Some(BTreeSet::from([registry("team")]));
    assert_eq!((reports.until_due().await, start.elapsed()), (team, MOMENT + PAUSE));
    reports.nodes_have_changed();
    assert_eq!((reports.until_due().await, start.elapsed()), (Asking::All, MOMENT + PAUSE + MOMENT));
    reports.nodes_have_changed();
    assert_eq!((reports.until_due().await, start.elapsed()), (Asking::All, MOMENT + PAUSE + MOMENT + PAUSE_OF_CHANGES));
}
