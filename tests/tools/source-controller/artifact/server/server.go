// Package server hands artifacts out. See package config.
package server

import (
	"context"
	"net/http"

	"github.com/fluxcd/pkg/artifact/config"
)

// Start serves the folder of artifacts until the process ends.
func Start(_ context.Context, options *config.Options) error {
	return http.ListenAndServe(options.StorageAddress, http.FileServer(http.Dir(options.StoragePath)))
}
