// Package storage keeps artifacts as files. See package config.
package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/opencontainers/go-digest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxcd/pkg/artifact/config"
	canonical "github.com/fluxcd/pkg/artifact/digest"
)

// Storage is a folder that is served at Hostname.
type Storage struct {
	BasePath string
	Hostname string
}

// New is the storage of the options; its folder has to be there.
func New(options *config.Options) (*Storage, error) {
	if info, err := os.Stat(options.StoragePath); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("--storage-path %q is no folder", options.StoragePath)
	}
	return &Storage{BasePath: options.StoragePath, Hostname: options.StorageAdvAddress}, nil
}

// NewArtifactFor names the artifact of an object.
func (s Storage) NewArtifactFor(kind string, object metav1.Object, revision, file string) meta.Artifact {
	artifact := meta.Artifact{
		Path:     path.Join(strings.ToLower(kind), object.GetNamespace(), object.GetName(), file),
		Revision: revision,
	}
	s.SetArtifactURL(&artifact)
	return artifact
}

// SetArtifactURL says where an artifact is got.
func (s Storage) SetArtifactURL(artifact *meta.Artifact) {
	if artifact.Path != "" {
		artifact.URL = "http://" + s.Hostname + "/" + artifact.Path
	}
}

// SetHostname has nothing to move: this storage never changes its name.
func (s Storage) SetHostname(url string) string { return url }

// LocalPath is where an artifact's file is.
func (s Storage) LocalPath(artifact meta.Artifact) string {
	return filepath.Join(s.BasePath, filepath.FromSlash(path.Clean("/"+artifact.Path)))
}

// MkdirAll makes the artifact's folder.
func (s Storage) MkdirAll(artifact meta.Artifact) error {
	return os.MkdirAll(filepath.Dir(s.LocalPath(artifact)), 0o750)
}

// ArtifactExist says whether there is such a file.
func (s Storage) ArtifactExist(artifact meta.Artifact) bool {
	info, err := os.Lstat(s.LocalPath(artifact))
	return err == nil && info.Mode().IsRegular()
}

// VerifyArtifact says whether the file has the artifact's digest.
func (s Storage) VerifyArtifact(artifact meta.Artifact) error {
	wanted, err := digest.Parse(artifact.Digest)
	if err != nil {
		return err
	}
	file, err := os.Open(s.LocalPath(artifact))
	if err != nil {
		return err
	}
	defer file.Close()
	found, err := wanted.Algorithm().FromReader(file)
	if err == nil && found != wanted {
		err = fmt.Errorf("the artifact has the digest %s, not %s", found, wanted)
	}
	return err
}

// CopyFromPath makes the file at from the artifact.
func (s Storage) CopyFromPath(artifact *meta.Artifact, from string) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	defer file.Close()
	return s.Copy(artifact, file)
}

// Copy makes what is read the artifact.
func (s Storage) Copy(artifact *meta.Artifact, reader io.Reader) error {
	target := s.LocalPath(*artifact)
	file, err := os.CreateTemp(filepath.Dir(target), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // it is gone when all went well
	digester := canonical.Canonical.Digester()
	size, err := io.Copy(io.MultiWriter(file, digester.Hash()), reader)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), target); err != nil {
		return err
	}
	artifact.Digest, artifact.Size = digester.Digest().String(), &size
	artifact.LastUpdateTime = metav1.Now()
	return nil
}

// Symlink is where the newest artifact is got; here that is the artifact itself.
func (s Storage) Symlink(artifact meta.Artifact, _ string) (string, error) { return artifact.URL, nil }

// Lock has nobody to keep away: one controller writes each object's artifacts.
func (s Storage) Lock(meta.Artifact) (func(), error) { return func() {}, nil }

// Remove deletes the artifact's file.
func (s Storage) Remove(artifact meta.Artifact) error { return os.Remove(s.LocalPath(artifact)) }

// RemoveAll deletes the folder of an object's artifacts.
func (s Storage) RemoveAll(artifact meta.Artifact) (string, error) {
	folder := filepath.Dir(s.LocalPath(artifact))
	return folder, os.RemoveAll(folder)
}

// GarbageCollect keeps everything: a test is over soon.
func (s Storage) GarbageCollect(context.Context, meta.Artifact, time.Duration) ([]string, error) {
	return nil, nil
}

// CopyToPath is for GitRepositories alone.
func (s Storage) CopyToPath(*meta.Artifact, string, string) error { return errors.ErrUnsupported }
