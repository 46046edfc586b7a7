// Package lego, with those beside it, is what traefik is compiled against of an ACME client whose module cannot be had. There is no
// client here: a test brings its certificates, and a configuration that asks for one by ACME is told so.
package lego

import (
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge"
	"github.com/go-acme/lego/v5/registration"
)

// DirectoryURLLetsEncrypt is where the authority is that traefik asks by default.
const DirectoryURLLetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

var errNone = errors.New("this traefik was built without an ACME client")

// Config is what a client is made of.
type Config struct {
	CADirURL    string
	UserAgent   string
	HTTPClient  *http.Client
	Certificate struct{ Timeout time.Duration }
}

// Client is what there is none of.
type Client struct {
	Certificate  certificate.Certifier
	Challenge    challenge.Solvers
	Registration registration.Registrar
}

// NewConfig returns a configuration without an account.
func NewConfig(any) *Config { return &Config{} }

// NewClient fails.
func NewClient(*Config) (*Client, error) { return nil, errNone }

// CreateCertPool fails.
func CreateCertPool([]string, bool) (*x509.CertPool, error) { return nil, errNone }
