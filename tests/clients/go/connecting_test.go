// Package clients drives Go clients that have no suite of their own against a cluster at CONNECT_URL.
package clients

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	// Run with their own suites.
	_ "github.com/Mongey/terraform-provider-kafka-connect/connect"
	_ "github.com/ricardo-ch/go-kafka-connect/v3/lib/connectors"
)

const fileSource = "org.apache.kafka.connect.file.FileStreamSourceConnector"

func sourceConfig(file string) map[string]string {
	return map[string]string{"connector.class": fileSource, "tasks.max": "1", "file": file, "topic": "lines"}
}

// tlsConfig trusts CONNECT_CA, if that is given.
func tlsConfig(t *testing.T) *tls.Config {
	t.Helper()
	path := os.Getenv("CONNECT_CA")
	if path == "" {
		return &tls.Config{}
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: trusted}
}

func httpClient(t *testing.T) *http.Client {
	t.Helper()
	return &http.Client{Transport: &http.Transport{TLSClientConfig: tlsConfig(t)}}
}

// connectURL is CONNECT_URL with user and password in it, as many clients take them.
func connectURL(t *testing.T) string {
	t.Helper()
	at, err := url.Parse(os.Getenv("CONNECT_URL"))
	if err != nil || at.Host == "" {
		t.Fatalf("CONNECT_URL: %v", err)
	}
	if user := os.Getenv("CONNECT_USER"); user != "" {
		at.User = url.UserPassword(user, os.Getenv("CONNECT_PASSWORD"))
	}
	return at.String() + "/"
}

// atLeast tells whether the cluster has what came with this release; it is "4.3" rather than "4.3.1".
func atLeast(t *testing.T, release string) bool {
	t.Helper()
	response, err := httpClient(t).Get(connectURL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var root struct{ Version string }
	if err := json.NewDecoder(response.Body).Decode(&root); err != nil {
		t.Fatal(err)
	}
	return strings.Compare(root.Version, release) >= 0
}

// eventually asks until there is no error and the answer is the wanted one: statuses and rebalances take a moment.
func eventually(t *testing.T, wanted string, ask func() (string, error)) {
	t.Helper()
	var answer string
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if answer, err = ask(); err == nil && answer == wanted {
			return
		}
	}
	t.Fatalf("not %q but %q, error %v", wanted, answer, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
