// Package filelock locks files against other holders, in this process and in others. A
// lock ends with the process that holds it.
package filelock

import "errors"

// ErrLocked is what Try returns when somebody else holds the lock.
var ErrLocked = errors.New("locked")
