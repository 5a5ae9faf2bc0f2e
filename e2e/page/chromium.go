package page

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/chromedp/chromedp"
)

// Chromium is a headless browser whose tabs share nothing with each other.
type Chromium struct {
	ctx  context.Context
	stop []context.CancelFunc
}

// FindChromium returns the path of a Chromium: what CHROMIUM names, else the first of the
// usual names. The error says how to get one.
func FindChromium() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return exec.LookPath(path)
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless_shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no Chromium: apt-get install chromium, or CHROMIUM names one")
}

// StartChromium starts a browser.
func StartChromium(path string) (*Chromium, error) {
	options := append(
		chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("force-color-profile", "srgb"),
		chromedp.WindowSize(1280, 800), chromedp.Flag("disable-background-timer-throttling", true),
	)
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	browser, stopBrowser := chromedp.NewContext(allocator)
	c := &Chromium{ctx: browser, stop: []context.CancelFunc{stopBrowser, stopAllocator}}
	if err := chromedp.Do(browser); err != nil {
		c.Close()
		return nil, fmt.Errorf("chromium does not start: %w", err)
	}
	return c, nil
}

// Close ends the browser.
func (c *Chromium) Close() {
	for _, stop := range c.stop {
		stop()
	}
}
