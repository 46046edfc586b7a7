package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// interval is the time between two scrapes of a target.
const interval = time.Minute

// scraped is what Prometheus would have, and what it is asked.
type scraped struct {
	Targets []target
	Queries []string
}

// target is what was scraped of one process, the oldest first, and the labels that Prometheus adds to it.
type target struct {
	Labels  map[string]string
	Scrapes []string
}

// answers evaluates queries by Prometheus' engine, and names those that find nothing.
func answers(input io.Reader) ([]error, error) {
	var asked scraped
	if err := json.NewDecoder(input).Decode(&asked); err != nil {
		return nil, err
	}
	var database series
	for _, target := range asked.Targets {
		if err := database.add(target); err != nil {
			return nil, err
		}
	}
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 1_000_000, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{}),
	})
	var problems []error
	for _, query := range asked.Queries {
		if err := database.answer(engine, query); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", query, err))
		}
	}
	return problems, nil
}

// series are samples in memory by their labels; the last of them are of the time last.
type series struct {
	all  map[string]*one
	last time.Time
}

func (s *series) add(target target) error {
	for number, scrape := range target.Scrapes {
		at := time.Unix(0, 0).Add(time.Hour + time.Duration(number)*interval)
		s.note(labels.FromStrings(labels.MetricName, "up"), target, at, 1)
		if err := s.read(scrape, target, at); err != nil {
			return fmt.Errorf("failed to read what was scraped: %w", err)
		}
	}
	return nil
}

func (s *series) read(scrape string, target target, at time.Time) error {
	parser := textparse.NewPromParser([]byte(scrape), labels.NewSymbolTable(), false)
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry == textparse.EntrySeries {
			var found labels.Labels
			parser.Labels(&found)
			_, _, value := parser.Series()
			s.note(found, target, at, value)
		}
	}
}

// note adds a sample. Labels of the target win, as they do in Prometheus by default.
func (s *series) note(found labels.Labels, target target, at time.Time, value float64) {
	builder := labels.NewBuilder(found)
	for name, value := range target.Labels {
		builder.Set(name, value)
	}
	full := builder.Labels()
	if s.all == nil {
		s.all = map[string]*one{}
	}
	known := s.all[full.String()]
	if known == nil {
		known = &one{labels: full}
		s.all[full.String()] = known
	}
	known.samples = append(known.samples, sample{at.UnixMilli(), value})
	if at.After(s.last) {
		s.last = at
	}
}

func (s *series) answer(engine *promql.Engine, query string) error {
	ctx := context.Background()
	database := &storage.MockQueryable{MockQuerier: &storage.MockQuerier{SelectMockFunction: s.selected}}
	prepared, err := engine.NewInstantQuery(ctx, database, nil, query, s.last)
	if err != nil {
		return err
	}
	defer prepared.Close()
	result := prepared.Exec(ctx)
	found, err := result.Vector()
	if err == nil && len(found) == 0 {
		err = errors.New("finds nothing")
	}
	return err
}
