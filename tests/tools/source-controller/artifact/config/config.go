// Package config has the flags of source-controller's storage.
//
// The module of this name, of which source-controller is made, is one that no proxy serves. These packages do what it needs of it to
// keep what an OCIRepository has got and to hand it to other controllers, and nothing for the other kinds of sources.
package config

import (
	"time"

	"github.com/spf13/pflag"
)

// Options says where artifacts are kept and where they are served.
type Options struct {
	ArtifactDigestAlgo       string
	ArtifactRetentionRecords int
	ArtifactRetentionTTL     time.Duration
	StoragePath              string
	StorageAddress           string
	StorageAdvAddress        string
}

// BindFlags gives every option its flag.
func (o *Options) BindFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.ArtifactDigestAlgo, "artifact-digest-algo", "sha256", "algorithm of artifacts' digests")
	flags.StringVar(&o.StoragePath, "storage-path", "", "folder of artifacts")
	flags.StringVar(&o.StorageAddress, "storage-addr", ":9090", "address at which artifacts are served")
	flags.StringVar(&o.StorageAdvAddress, "storage-adv-addr", "", "host and port by which clients get them")
}
