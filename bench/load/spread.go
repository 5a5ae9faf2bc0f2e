package main

import (
	"slices"
	"time"
)

// spread says how values lie.
func spread(values []float64) map[string]float64 {
	if len(values) == 0 {
		return nil
	}
	v := slices.Clone(values)
	slices.Sort(v)
	at := func(share float64) float64 { return v[int(share*float64(len(v)-1)+0.5)] }
	return map[string]float64{"min": v[0], "median": at(0.5), "p95": at(0.95), "max": v[len(v)-1], "n": float64(len(v))}
}

func latest(times []time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

func earliest(times []time.Time) time.Time { return slices.MinFunc(times, time.Time.Compare) }
