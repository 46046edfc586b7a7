// Package challenge has the shape of what answers a challenge. See package lego.
package challenge

import "context"

// Provider answers a challenge.
type Provider interface {
	Present(ctx context.Context, domain, token, keyAuth string) error
	CleanUp(ctx context.Context, domain, token, keyAuth string) error
}

// Solvers are told who answers.
type Solvers interface {
	SetDNS01Provider(Provider, ...any) error
	SetHTTP01Provider(Provider, ...any) error
	SetTLSALPN01Provider(Provider, ...any) error
}
