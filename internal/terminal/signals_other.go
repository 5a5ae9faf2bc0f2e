//go:build !unix

package terminal

import "os"

const canSuspend = false

func stop() {}

func notifyResize(chan os.Signal) {}
func stopResize(chan os.Signal)   {}
