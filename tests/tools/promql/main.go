// promql reads rules or queries as Prometheus does, and says what is wrong with them.
//
//	promql rules    groups of rules in YAML, as in the spec of a PrometheusRule, on standard input
//	promql queries  queries, one a line, on standard input
//	promql answers  what was scraped and queries about it, in JSON on standard input: each has to find something; see answers.go
package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

func main() {
	problems, err := check(os.Args[1:], os.Stdin)
	if err != nil {
		problems = append(problems, err)
	}
	for _, problem := range problems {
		fmt.Fprintln(os.Stderr, problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

func check(arguments []string, input io.Reader) ([]error, error) {
	if len(arguments) != 1 {
		return nil, fmt.Errorf("usage: promql rules|queries|answers")
	}
	switch arguments[0] {
	case "rules":
		return rules(input)
	case "queries":
		return queries(input)
	case "answers":
		return answers(input)
	default:
		return nil, fmt.Errorf("usage: promql rules|queries|answers, not %q", arguments[0])
	}
}

func rules(input io.Reader) ([]error, error) {
	text, err := io.ReadAll(input)
	if err != nil {
		return nil, err
	}
	_, problems := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	return problems, nil
}

func queries(input io.Reader) ([]error, error) {
	var problems []error
	promql := parser.NewParser(parser.Options{})
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		if _, err := promql.ParseExpr(lines.Text()); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", lines.Text(), err))
		}
	}
	return problems, lines.Err()
}
