//go:build !linux

package server

func systemPeers() peers { return noPeers{} }
