// Package registration has the shape of a registration. See package lego.
package registration

import (
	"context"

	"github.com/go-acme/lego/v5/acme"
)

// Registrar registers accounts.
type Registrar interface {
	Register(context.Context, RegisterOptions) (*acme.ExtendedAccount, error)
	RegisterWithExternalAccountBinding(context.Context, RegisterEABOptions) (*acme.ExtendedAccount, error)
}

// RegisterOptions are those of an account.
type RegisterOptions struct{ TermsOfServiceAgreed bool }

// RegisterEABOptions are those of an account that is bound to another one.
type RegisterEABOptions struct {
	TermsOfServiceAgreed bool
	Kid, HmacEncoded     string
}
