package storage

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
)

// ArchiveFileFilter says which files are left out.
type ArchiveFileFilter func(path string, info os.FileInfo) bool

// SourceIgnoreFilter leaves out what the patterns match.
func SourceIgnoreFilter(patterns []gitignore.Pattern, domain []string) ArchiveFileFilter {
	matcher := gitignore.NewMatcher(patterns)
	return func(path string, info os.FileInfo) bool {
		parts := append(append([]string{}, domain...), strings.Split(filepath.ToSlash(path), "/")...)
		return matcher.Match(parts, info.IsDir())
	}
}

// Archive makes the files below folder, but those that filter leaves out, the artifact: a compressed tar that is the same whenever
// they are.
func (s Storage) Archive(artifact *meta.Artifact, folder string, filter ArchiveFileFilter) error {
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(pack(writer, folder, filter)) }()
	return s.Copy(artifact, reader)
}

func pack(to io.Writer, folder string, filter ArchiveFileFilter) error {
	compressor := gzip.NewWriter(to)
	archive := tar.NewWriter(compressor)
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil || filter != nil && filter(path, info) {
			return err
		}
		return add(archive, folder, path, info.Size())
	})
	return errors.Join(err, archive.Close(), compressor.Close())
}

func add(archive *tar.Writer, folder, path string, size int64) error {
	name, err := filepath.Rel(folder, path)
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o644, Size: size}); err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(archive, file)
	return err
}
