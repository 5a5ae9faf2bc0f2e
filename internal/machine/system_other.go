//go:build !linux && !darwin && !windows

package machine

func (m *Machine) describeSystem() (flags []string) { return nil }

func availableMemory() (int64, bool) { return 0, false }
