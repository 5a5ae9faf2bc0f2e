package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// metrics are the figures of a server as Prometheus reads them. Labels are words of ours,
// patterns of routes and names of models that were loaded: nothing that a client makes up.
type metrics struct {
	registry *prometheus.Registry
	handler  http.Handler

	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	answers  *prometheus.CounterVec
	tokens   *prometheus.CounterVec
	took     *prometheus.HistogramVec

	mu     sync.Mutex
	models map[string]bool
}

// maxModels bounds the names of models among the labels; what is used beyond is "other".
const maxModels = 200

// seconds are the bounds of histograms: from what a list takes to a long answer.
var seconds = []float64{0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}

func newMetrics(version string, live prometheus.Collector) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(), models: map[string]bool{},
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "blitz_http_requests_total", Help: "Requests that were answered, by route and class of status.",
		}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "blitz_http_request_duration_seconds", Help: "Time from a request to the end of its answer.", Buckets: seconds,
		}, []string{"route"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "blitz_answers_total", Help: "Requests that a model was used for, by how they ended.",
		}, []string{"model", "outcome"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "blitz_tokens_total", Help: "Tokens: prompt, of these cached, reasoning, and answer besides.",
		}, []string{"model", "kind"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "blitz_answer_duration_seconds", Help: "Time that a request held or waited for a model.", Buckets: seconds,
		}, []string{"model"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "blitz_build_info", Help: "1, with the version of the program.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.seconds, m.answers, m.tokens, m.took, build, live,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true, MaxRequestsInFlight: 8, Timeout: 10 * time.Second})
	return m
}

// done counts a request. See Options.Done.
func (m *metrics) done(r *http.Request, route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	class := "none" // the client was gone
	if status >= 100 && status <= 599 {
		class = strconv.Itoa(status/100) + "xx"
	}
	m.requests.WithLabelValues(route, shortMethod(r.Method), class).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// counted counts what a model was used for.
func (m *metrics) counted(u inference.Use) {
	if u.Model == "" {
		return // none was
	}
	model := m.label(u.Model)
	outcome := "done"
	switch {
	case errors.Is(u.Err, context.Canceled):
		outcome = "cancelled" // its client left
	case u.Err != nil:
		outcome = "failed"
	}
	m.answers.WithLabelValues(model, outcome).Inc()
	m.took.WithLabelValues(model).Observe(u.Time.Seconds())
	for kind, n := range map[string]int{"prompt": u.Prompt, "cached": u.Cached, "reasoning": u.Reasoning, "answer": u.AnswerTokens} {
		m.tokens.WithLabelValues(model, kind).Add(float64(max(n, 0)))
	}
}

// label returns the name of a model as a label.
func (m *metrics) label(model string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.models[model] {
		if len(m.models) >= maxModels {
			return "other"
		}
		m.models[model] = true
	}
	return model
}

// serve answers with all figures.
func (m *metrics) serve(w http.ResponseWriter, r *http.Request) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wire.WritePatience)) // tests have writers without one
	m.handler.ServeHTTP(w, r)
	return nil
}

// live are the figures of what is there at this moment.
type live struct {
	loaded  func() []host.Running
	service *inference.Service
}

// Descriptions of live figures. Those of vLLM's names are what the Kubernetes inference
// gateway balances by.
var (
	byModel      = []string{"model_name"}
	descUnderWay = prometheus.NewDesc("blitz_answers_under_way", "Answers that run or wait, of all models.", nil, nil)
	descWaiting  = prometheus.NewDesc("vllm:num_requests_waiting", "Requests that wait to be computed.", byModel, nil)
	descRunning  = prometheus.NewDesc("vllm:num_requests_running", "Requests that are computed.", byModel, nil)
	descCache    = prometheus.NewDesc("vllm:kv_cache_usage_perc", "Share of the cache of keys and values that running requests hold, 0 to 1.", byModel, nil)
	descLoading  = prometheus.NewDesc("blitz_model_loading", "1 for a model that is on its way into memory, 0 for one that is there.", byModel, nil)
	descBytes    = prometheus.NewDesc("blitz_model_bytes", "Memory of a model: its weights, of these experts where not all of them are in memory, and all with what its caches may take.", []string{"model_name", "kind"}, nil)
	descPages    = prometheus.NewDesc("blitz_kv_cache_bytes", "Pages of keys and values: held by running requests, kept to be found again, and the most there may be.", []string{"model_name", "kind"}, nil)
	descPreempt  = prometheus.NewDesc("blitz_preemptions_total", "How often a request gave its pages back, since its model was loaded.", byModel, nil)
	descComputed = prometheus.NewDesc("blitz_computed_tokens_total", "Tokens since a model was loaded: of prompts computed, found in memory, fetched from disk, and decoded.", []string{"model_name", "kind"}, nil)
	descGuessed  = prometheus.NewDesc("blitz_guessed_tokens_total", "Tokens of answers that were guessed and computed before they were drawn, since a model was loaded: all, and those that were drawn.", []string{"model_name", "kind"}, nil)
	descExperts  = prometheus.NewDesc("blitz_experts_total", "Experts of a model that has not all of them in memory, since it was loaded: needed by layers, of these found in memory and late (on their way), read, guessed, and of these right.", []string{"model_name", "kind"}, nil)
	descRead     = prometheus.NewDesc("blitz_expert_read_bytes_total", "Bytes of experts that were read, since the model was loaded.", byModel, nil)
	descWaited   = prometheus.NewDesc("blitz_expert_wait_seconds_total", "Time in which there was nothing to compute but with experts that were being read, since the model was loaded.", byModel, nil)
)

// Describe implements prometheus.Collector.
func (l *live) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descUnderWay, descWaiting, descRunning, descCache, descLoading, descBytes, descPages, descPreempt, descComputed, descGuessed, descExperts, descRead, descWaited} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (l *live) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(descUnderWay, float64(l.service.UnderWay()))
	seen := map[string]bool{}
	for _, r := range l.loaded() {
		// Names of the same files share an engine, and stand for it once.
		if key := r.Digest + strconv.FormatBool(r.Loading); seen[key] || seen[r.Name] {
			continue
		} else {
			seen[key], seen[r.Name] = true, true
		}
		if r.Loading {
			gauge(descLoading, 1, r.Name)
			gauge(descWaiting, float64(r.Requests), r.Name)
			continue
		}
		gauge(descLoading, 0, r.Name)
		gauge(descWaiting, float64(r.Load.Waiting), r.Name)
		gauge(descRunning, float64(r.Load.Running), r.Name)
		gauge(descCache, share(r.Load.HeldBytes, r.Load.LimitBytes), r.Name)
		gauge(descBytes, float64(r.Weights), r.Name, "weights")
		gauge(descBytes, float64(r.Size), r.Name, "all")
		if x := r.Experts; x != nil {
			gauge(descBytes, float64(x.Memory), r.Name, "experts")
			for kind, n := range map[string]uint64{
				"needed": x.Needed, "found": x.Hits, "late": x.Late, "read": x.Reads, "guessed": x.Guessed, "right": x.Confirmed,
			} {
				counter(descExperts, n, r.Name, kind)
			}
			counter(descRead, x.ReadBytes, r.Name)
			ch <- prometheus.MustNewConstMetric(descWaited, prometheus.CounterValue, x.Waited.Seconds(), r.Name)
		}
		gauge(descPages, float64(r.Load.HeldBytes), r.Name, "held")
		gauge(descPages, float64(r.Load.CachedBytes), r.Name, "kept")
		gauge(descPages, float64(r.Load.LimitBytes), r.Name, "limit")
		counter(descPreempt, r.Load.Preemptions, r.Name)
		counter(descComputed, r.Load.PromptTokens, r.Name, "prompt")
		counter(descComputed, r.Load.MatchedTokens, r.Name, "found")
		counter(descComputed, r.Load.FetchedTokens, r.Name, "fetched")
		counter(descComputed, r.Load.DecodedTokens, r.Name, "decoded")
		counter(descGuessed, r.Load.Guessed, r.Name, "all")
		counter(descGuessed, r.Load.Confirmed, r.Name, "right")
	}
}

func share(part, all int) float64 {
	if all <= 0 {
		return 0
	}
	return float64(part) / float64(all)
}
