package cluster

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// clockTicks is in what share of a second Linux counts the time of processes.
const clockTicks = 100

// processorTime returns what the nodes have taken of processors.
func (c *testCluster) processorTime() (all time.Duration) {
	for _, n := range c.nodes {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(n.cmd.Process.Pid), "stat"))
		if err != nil {
			c.t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), ") ") // behind the name
		for _, i := range []int{11, 12} {
			ticks, err := strconv.ParseInt(strings.Fields(rest)[i], 10, 64)
			if err != nil {
				c.t.Fatal(err)
			}
			all += time.Duration(ticks) * time.Second / clockTicks
		}
	}
	return all
}

// BenchmarkNodes has one, two and three nodes compute jobs of a second each, one at a time, by
// the queue of three servers that write before they acknowledge. The second is a sleep, so that
// nodes do not take one another's processors: what it measures is the queue. Of each it says
// jobs a second, the share of the time in which nodes have no work, and what the three processes
// take of processors for a job, servers and all.
//
//	go test ./internal/cluster -run '^$' -bench Nodes -benchtime 1x
func BenchmarkNodes(b *testing.B) {
	const second, jobsOfNode, tokens = 1000, 20, 8
	for nodes := 1; nodes <= 3; nodes++ {
		b.Run(strconv.Itoa(nodes), func(b *testing.B) {
			c := newTestCluster(b)
			for i, n := range c.nodes {
				text, err := os.ReadFile(n.config)
				if err != nil {
					b.Fatal(err)
				}
				text = bytes.Replace(text, []byte("slots = 4"), []byte("slots = 1"), 1)
				if i >= nodes { // its server takes part, and it works for nobody
					text = bytes.Replace(text, []byte(`pool = "p"`), []byte(`pool = "idle"`), 1)
				}
				writeFile(b, n.config, text)
			}
			c.startAll()
			for i := range c.nodes {
				c.say(i, "sleep", second)
			}
			q := c.connect(b.Context())
			asker := NewAsker(q, "p", c.peers)
			defer asker.Close()
			a := newAlone(b)
			rng := rand.New(rand.NewPCG(1, uint64(nodes)))
			run := func(n int) {
				var all sync.WaitGroup
				for _, j := range newJobs(b, rng, a.root, n, tokens) {
					all.Go(func() {
						if s, err := asker.Settle(b.Context(), j); err != nil || s.State != IsDone {
							b.Errorf("job %.8s: %s, %v", j.ID, s.State, err)
						}
					})
				}
				all.Wait()
			}
			run(nodes) // engines are opened
			var took, processors time.Duration
			jobs := 0
			for b.Loop() {
				before, began := c.processorTime(), time.Now()
				run(nodes * jobsOfNode)
				took += time.Since(began)
				processors += c.processorTime() - before
				jobs += nodes * jobsOfNode
			}
			b.ReportMetric(float64(jobs)/took.Seconds(), "jobs/s")
			b.ReportMetric(100*(1-float64(jobs)*second/1000/(float64(nodes)*took.Seconds())), "%idle")
			b.ReportMetric(float64(processors.Milliseconds())/float64(jobs), "cpu-ms/job")
		})
	}
}
