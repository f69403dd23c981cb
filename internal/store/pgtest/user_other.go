//go:build !linux

package pgtest

import (
	"os"
	"syscall"
)

func (s *Server) own(string, os.FileMode) error { return nil }

func (s *Server) as() *syscall.SysProcAttr { return nil }
