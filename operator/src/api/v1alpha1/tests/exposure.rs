//! Ways to the registry from outside.

use super::{change_refused, refused, says};

#[test]
fn a_load_balancer_keeps_its_class() {
    let balanced = |class: &str| format!("{{service: {{type: LoadBalancer, loadBalancerClass: '{class}'}}}}");
    says(&refused("{service: {loadBalancerClass: inner}}"), "loadBalancerClass needs service.type LoadBalancer");
    says(&refused(&balanced("two words")), "loadBalancerClass must be a name such as internal-vip");
    for (from, to) in [
        (balanced("inner"), balanced("outer")),
        (balanced("inner"), "{service: {type: LoadBalancer}}".to_owned()),
        ("{service: {type: LoadBalancer}}".to_owned(), balanced("inner")),
    ] {
        says(&change_refused(&from, &to), "loadBalancerClass cannot change while service.type is LoadBalancer");
        assert_eq!(change_refused(&from, "{}"), "");
        assert_eq!(change_refused("{}", &to), "");
        assert_eq!(change_refused(&to, &to), "");
    }
}

#[test]
fn a_host_of_an_ingress_is_one_that_images_can_be_named_by() {
    for host in
        ["localhost", "Registry.example.com", "https://registry.example.com", "registry.example.com:5000", "*.b.c"]
    {
        says(
            &refused(&format!("{{ingress: {{host: '{host}'}}}}")),
            "ingress.host must be a lower case host name with a dot",
        );
    }
    let route = |host: &str| {
        refused(&format!("{{httpRoute: {{hostnames: [a.example, '{host}'], parentRefs: [{{name: gate}}]}}}}"))
    };
    says(&route("localhost"), "httpRoute.hostnames must be lower case host names with a dot");
    says(&route("*.example.com"), "httpRoute.hostnames must be lower case host names with a dot");
    let reserved = "{ingress: {host: registry.example.com, annotations: {privateregistry.io/x: z}}}";
    says(&refused(reserved), "ingress.annotations must not start with privateregistry.io/");
}
