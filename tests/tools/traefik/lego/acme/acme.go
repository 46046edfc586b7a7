// Package acme has what traefik keeps of an account. See package lego.
package acme

// Account is what an authority knows of an account.
type Account struct{}

// ExtendedAccount is an Account and where it is.
type ExtendedAccount struct {
	Account
	Location string
}
