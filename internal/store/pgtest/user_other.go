//go:build !linux

package pgtest

import "syscall"

func (s *Server) own(string) error { return nil }

func (s *Server) as() *syscall.SysProcAttr { return nil }
