// Package certcrypto has the names of types of keys. See package lego.
package certcrypto

// KeyType is the name of a type of keys.
type KeyType string

// The types that traefik's configuration knows.
const (
	EC256   KeyType = "P256"
	EC384   KeyType = "P384"
	RSA2048 KeyType = "2048"
	RSA4096 KeyType = "4096"
	RSA8192 KeyType = "8192"
)
