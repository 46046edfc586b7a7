// Package log has nothing to log. See package lego.
package log

import "log/slog"

// SetDefault does nothing.
func SetDefault(*slog.Logger) {}
