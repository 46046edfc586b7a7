//! Who else gets the pull Secret.

use kube::core::{Expression, Selector};

use crate::{
    api::v1alpha1::{self, LabelOperator, NamespaceRequirement, NamespaceSelector},
    controller::registry::PullSecrets,
    names::is_object_name,
};

pub(super) fn pull_secrets(spec: &v1alpha1::PullSecrets) -> PullSecrets {
    // What cannot be a name is nobody's.
    let accounts = spec.service_accounts.iter().filter(|name| is_object_name(name));
    PullSecrets {
        namespaces: spec.namespace_selector.as_ref().map(selector),
        service_accounts: accounts.cloned().collect(),
    }
}

/// The same as Kubernetes matches labels with.
pub(crate) fn selector(spec: &NamespaceSelector) -> Selector {
    let labels = spec.match_labels.iter().map(|(key, value)| Expression::Equal(key.clone(), value.clone()));
    labels.chain(spec.match_expressions.iter().map(expression)).collect()
}

fn expression(requirement: &NamespaceRequirement) -> Expression {
    let key = requirement.key.clone();
    let values = || requirement.values.iter().cloned().collect();
    match requirement.operator {
        LabelOperator::In => Expression::In(key, values()),
        LabelOperator::NotIn => Expression::NotIn(key, values()),
        LabelOperator::Exists => Expression::Exists(key),
        LabelOperator::DoesNotExist => Expression::DoesNotExist(key),
    }
}

#[cfg(test)]
mod tests {
    use crate::controller::tests::fixtures::validated;

    #[test]
    fn a_selector_means_what_it_means_elsewhere_in_kubernetes() {
        let selected = |spec: &str| validated(spec).pull_secrets.namespaces.map(|selector| selector.to_string());
        assert_eq!(selected("{pullSecrets: {serviceAccounts: [cook]}}"), None, "no selector, no namespace");
        assert_eq!(
            selected("{pullSecrets: {namespaceSelector: {}}}").as_deref(),
            Some(""),
            "an empty one, all of them"
        );
        let spec = "{pullSecrets: {namespaceSelector: {matchLabels: {team: blue}, matchExpressions: [
            {key: floor, operator: In, values: ['1', '2']}, {key: room, operator: NotIn, values: [attic]},
            {key: lit, operator: Exists}, {key: locked, operator: DoesNotExist}]}}}";
        assert_eq!(selected(spec).as_deref(), Some("team=blue,floor in (1,2),room notin (attic),lit,!locked"));
    }

    #[test]
    fn what_is_no_name_is_no_service_account() {
        let spec = "{pullSecrets: {serviceAccounts: [cook, '../../hall/serviceaccounts/butler', '']}}";
        assert_eq!(validated(spec).pull_secrets.service_accounts, ["cook"]);
    }
}
