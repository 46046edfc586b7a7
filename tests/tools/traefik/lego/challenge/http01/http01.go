// Package http01 has what is known of a challenge by HTTP (RFC 8555 section 8.3). See package lego.
package http01

import "time"

// PathPrefix is before the token.
const PathPrefix = "/.well-known/acme-challenge/"

// SetDelay is an option.
func SetDelay(time.Duration) any { return nil }
