// Package tlsalpn01 has what is known of a challenge by TLS (RFC 8737). See package lego.
package tlsalpn01

import (
	"errors"
	"time"
)

// ACMETLS1Protocol is the protocol's name in TLS.
const ACMETLS1Protocol = "acme-tls/1"

// ChallengeBlocks fails.
func ChallengeBlocks(string, string) ([]byte, []byte, error) {
	return nil, nil, errors.New("this traefik was built without an ACME client")
}

// SetDelay is an option.
func SetDelay(time.Duration) any { return nil }
