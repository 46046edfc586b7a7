# shellcheck shell=bash disable=SC2034 # used by the scripts
# The names of the two images: IMAGE_PREFIX (default privateregistry) and IMAGE_TAG (default the workspace's version). Sourced.

VERSION=$(sed -n '/^\[workspace.package\]/,/^\[/ s/^version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
IMAGE_PREFIX=${IMAGE_PREFIX:-privateregistry}
IMAGE_TAG=${IMAGE_TAG:-$VERSION}
SERVER_IMAGE=$IMAGE_PREFIX/server:$IMAGE_TAG
OPERATOR_IMAGE=$IMAGE_PREFIX/operator:$IMAGE_TAG

# named_registry: ends the script where IMAGE_PREFIX is not a place to push to.
named_registry() {
  case $IMAGE_PREFIX in
    *.*/* | *:*/* | localhost/*) ;;
    *) fail "IMAGE_PREFIX=$IMAGE_PREFIX names no registry" "set IMAGE_PREFIX=registry.example.com/you" ;;
  esac
}
