//! The container runtime of a node, as the kubelet tells it in the Node's `status.nodeInfo.containerRuntimeVersion`.

/// Major and minor version.
pub type Version = (u32, u32);

/// The container runtime of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// Which version, as far as it is known.
    Containerd(Option<Version>),
    /// CRI-O.
    Crio,
    /// Docker, by cri-dockerd.
    Docker,
}

impl Runtime {
    /// Reads `containerd://1.7.27`, `cri-o://1.33.0` or `docker://28.3.2`; `None` for others.
    #[must_use]
    pub fn of_node_info(text: &str) -> Option<Self> {
        let (name, version) = text.split_once("://")?;
        match name {
            "containerd" => Some(Self::Containerd(parse(version))),
            "cri-o" => Some(Self::Crio),
            "docker" => Some(Self::Docker),
            _ => None,
        }
    }
}

/// `v2.1.4-k3s1` and the like.
fn parse(version: &str) -> Option<Version> {
    let mut numbers = version.trim_start_matches('v').split(['.', '-', '+', '~']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_is_the_one_that_the_kubelet_tells() {
        let runtime = Runtime::of_node_info;
        assert_eq!(runtime("containerd://1.6.20~ds1"), Some(Runtime::Containerd(Some((1, 6)))));
        assert_eq!(runtime("containerd://2.1.4-k3s1"), Some(Runtime::Containerd(Some((2, 1)))));
        assert_eq!(runtime("containerd://v2.0.0-rc.1"), Some(Runtime::Containerd(Some((2, 0)))));
        assert_eq!(runtime("containerd://Unknown"), Some(Runtime::Containerd(None)));
        assert_eq!(runtime("cri-o://1.33.0"), Some(Runtime::Crio));
        assert_eq!(runtime("docker://28.3.2"), Some(Runtime::Docker));
        assert_eq!(runtime("youki://1.0"), None);
        assert_eq!(runtime(""), None);
    }
}
