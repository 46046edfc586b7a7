// Package digest says by which algorithm artifacts are digested. See package config.
package digest

import (
	"fmt"

	"github.com/opencontainers/go-digest"
)

// Canonical is the algorithm of new artifacts.
var Canonical = digest.SHA256

// AlgorithmForName is the algorithm that is called name.
func AlgorithmForName(name string) (digest.Algorithm, error) {
	if algorithm := digest.Algorithm(name); algorithm.Available() {
		return algorithm, nil
	}
	return "", fmt.Errorf("there is no digest algorithm %q", name)
}
