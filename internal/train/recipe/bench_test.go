package recipe

import (
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/golden"
)

// BenchmarkPreflight measures the usual models by processor time, as if nothing else ran beside,
// and says what a run takes by that.
func BenchmarkPreflight(b *testing.B) {
	threads := engine.DefaultThreads()
	r := &Run{
		Settings: Usual(1), Folder: b.TempDir(), Threads: threads, Watch: func(string, any) {},
		Now: func() time.Time {
			used := golden.CPUTime()
			if used == 0 {
				b.Skip("this system does not say what time of processors was used")
			}
			return time.Unix(0, int64(used)/int64(threads))
		},
	}
	for b.Loop() {
		p, err := r.Preflight(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, s := range p.Stages {
			b.Logf("%s %v", s.Stage, s.Time.Round(time.Second))
		}
		b.ReportMetric(p.Total.Hours(), "h/run")
		b.ReportMetric(p.Teacher.Read, "tokens/s-teacher")
		b.ReportMetric(p.Teacher.Learned, "tokens/s-teacher-own")
		b.ReportMetric(p.Teacher.Drawn, "tokens/s-teacher-drawn")
		b.ReportMetric(p.Student.Read, "tokens/s-student")
		b.ReportMetric(p.Student.Learned, "tokens/s-student-own")
		b.ReportMetric(p.Student.Drawn, "tokens/s-student-drawn")
	}
}
