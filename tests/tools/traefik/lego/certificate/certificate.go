// Package certificate has the shape of what a client obtains. See package lego.
package certificate

import (
	"context"
	"crypto"

	"github.com/go-acme/lego/v5/certcrypto"
)

// Certifier obtains certificates.
type Certifier interface {
	Obtain(context.Context, ObtainRequest) (*Resource, error)
	Renew(context.Context, Resource, *RenewOptions) (*Resource, error)
}

// ObtainRequest asks for a certificate.
type ObtainRequest struct {
	Domains, EmailAddresses  []string
	Profile, PreferredChain  string
	Bundle, EnableCommonName bool
	KeyType                  certcrypto.KeyType
	PrivateKey               crypto.Signer
}

// RenewOptions asks for another one.
type RenewOptions struct {
	EmailAddresses           []string
	Profile, PreferredChain  string
	Bundle, EnableCommonName bool
}

// Resource is a certificate with its key.
type Resource struct {
	ID                      string
	Domains                 []string
	PrivateKey, Certificate []byte
}
