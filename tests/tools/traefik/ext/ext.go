// Package ext is empty: what traefik's own releases put into its configuration here is in a module of its own, which cannot be had.
package ext

// HTTP is embedded in the configuration of HTTP.
type HTTP struct{}

// Router is embedded in the configuration of a router.
type Router struct{}
