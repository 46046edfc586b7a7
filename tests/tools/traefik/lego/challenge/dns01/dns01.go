// Package dns01 has options of a challenge by DNS, without effect, and a function about names. See package lego.
package dns01

import (
	"strings"
	"time"
)

// Options are those of a Client.
type Options struct{ RecursiveNameservers []string }

// Client looks names up, where there is one.
type Client struct{}

// NewClient returns one that does nothing.
func NewClient(*Options) *Client { return &Client{} }

// SetDefaultClient does nothing.
func SetDefaultClient(*Client) {}

// CondOptions is an option.
func CondOptions(bool, ...any) any { return nil }

// DisableAuthoritativeNssPropagationRequirement is an option.
func DisableAuthoritativeNssPropagationRequirement() any { return nil }

// DisableRecursiveNSsPropagationRequirement is an option.
func DisableRecursiveNSsPropagationRequirement() any { return nil }

// PropagationWait is an option.
func PropagationWait(time.Duration, bool) any { return nil }

// UnFqdn is the name without its last dot.
func UnFqdn(name string) string { return strings.TrimSuffix(name, ".") }
