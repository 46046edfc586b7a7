// Command distribution is the reference implementation of a registry, version 3, with the filesystem alone to store on.
//
// `distribution configuration FILE` prints, as YAML, what it would be configured with by the file and REGISTRY_* variables.
package main

import (
	"fmt"
	"os"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"gopkg.in/yaml.v2"
)

func main() {
	run := registry.RootCmd.Execute
	if len(os.Args) == 3 && os.Args[1] == "configuration" {
		run = func() error { return show(os.Args[2]) }
	}
	if err := run(); err != nil {
		os.Exit(1)
	}
}

func show(path string) error {
	text, err := effective(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

func effective(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	parsed, err := configuration.Parse(file)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(parsed)
}
