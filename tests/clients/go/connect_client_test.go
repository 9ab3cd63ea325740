package clients

import (
	"context"
	"errors"
	"os"
	"reflect"
	"testing"

	connect "github.com/cloudhut/connect-client"
)

func connectClient(t *testing.T) (*connect.Client, context.Context) {
	t.Helper()
	return connect.NewClient(
		connect.WithHost(os.Getenv("CONNECT_URL")),
		connect.WithBasicAuth(os.Getenv("CONNECT_USER"), os.Getenv("CONNECT_PASSWORD")),
		connect.WithTLSConfig(tlsConfig(t)),
	), context.Background()
}

func anything(config map[string]string) map[string]any {
	made := map[string]any{}
	for key, value := range config {
		made[key] = value
	}
	return made
}

// states is what Redpanda Console shows of a connector: its state and those of its tasks.
func states(client *connect.Client, name string) func() (string, error) {
	return func() (string, error) {
		status, err := client.GetConnectorStatus(context.Background(), name)
		text := status.Connector.State
		for _, task := range status.Tasks {
			text += " " + task.State
		}
		return text, err
	}
}

func TestConnectClientLifeCycle(t *testing.T) {
	client, ctx := connectClient(t)
	name, config := "cl-life-cycle", sourceConfig("/tmp/life-cycle")
	created, err := client.CreateConnector(ctx, connect.CreateConnectorRequest{Name: name, Config: anything(config)})
	must(t, err)
	config["name"] = name
	if !reflect.DeepEqual(created.Config, config) || created.Type != "source" || len(created.Tasks) != 0 {
		t.Fatalf("created: %+v", created)
	}
	eventually(t, "RUNNING RUNNING", states(client, name))

	all, err := client.ListConnectorsExpanded(ctx)
	must(t, err)
	seen := all[name]
	if !reflect.DeepEqual(seen.Info.Config, config) || seen.Status.Tasks[0].WorkerID == "" || seen.Status.Type != "source" {
		t.Fatalf("expanded: %+v", seen)
	}
	topics, err := client.GetConnectorTopics(ctx, name)
	must(t, err)
	if _, there := topics[name]; !there {
		t.Fatalf("topics: %v", topics)
	}
	must(t, client.ResetConnectorTopics(ctx, name))

	must(t, client.PauseConnector(ctx, name))
	eventually(t, "PAUSED PAUSED", states(client, name))
	must(t, client.ResumeConnector(ctx, name))
	eventually(t, "RUNNING RUNNING", states(client, name))
	must(t, client.RestartConnectorTask(ctx, name, 0))
	eventually(t, "RUNNING RUNNING", states(client, name))
	if atLeast(t, "3.0") {
		must(t, client.RestartConnector(ctx, name, connect.RestartConnectorOptions{IncludeTasks: true, OnlyFailed: true}))
	}
	eventually(t, "RUNNING RUNNING", states(client, name))

	config["file"] = "/tmp/another"
	_, err = client.PutConnectorConfig(ctx, name, connect.PutConnectorConfigOptions{Config: anything(config)})
	must(t, err)
	eventually(t, "/tmp/another", func() (string, error) {
		shown, err := client.GetConnectorConfig(ctx, name)
		return shown["file"], err
	})
	eventually(t, "RUNNING RUNNING", states(client, name))
	if atLeast(t, "3.5") {
		must(t, client.StopConnector(ctx, name))
		eventually(t, "STOPPED", states(client, name))
	}
	must(t, client.DeleteConnector(ctx, name))
	eventually(t, "Connector cl-life-cycle not found (404)", func() (string, error) {
		_, err := client.GetConnector(ctx, name)
		var apiError connect.ApiError
		if errors.As(err, &apiError) {
			return apiError.Error(), nil
		}
		return "there", err
	})
}

func TestConnectClientErrors(t *testing.T) {
	client, ctx := connectClient(t)
	name := "cl-errors"
	request := connect.CreateConnectorRequest{Name: name, Config: anything(sourceConfig("/tmp/errors"))}
	_, err := client.CreateConnector(ctx, request)
	must(t, err)
	eventually(t, "RUNNING RUNNING", states(client, name))

	// Before 3.4 a follower made every error of the leader a 500.
	if atLeast(t, "3.4") {
		_, err = client.CreateConnector(ctx, request)
		expectError(t, err, connect.ApiError{ErrorCode: 409, Message: "Connector cl-errors already exists"})
	}
	err = client.PauseConnector(ctx, "cl-none")
	expectError(t, err, connect.ApiError{ErrorCode: 404, Message: "Unknown connector cl-none"})
	_, err = client.GetConnectorStatus(ctx, "cl-none")
	expectError(t, err, connect.ApiError{ErrorCode: 404, Message: "No status found for connector cl-none"})
}

func expectError(t *testing.T, err error, wanted connect.ApiError) {
	t.Helper()
	var apiError connect.ApiError
	if !errors.As(err, &apiError) || apiError != wanted {
		t.Fatalf("not %q but %v", wanted, err)
	}
}

func TestConnectClientPluginsAndValidation(t *testing.T) {
	client, ctx := connectClient(t)
	root, err := client.GetRoot(ctx)
	must(t, err)
	plugins, err := client.GetConnectorPlugins(ctx)
	must(t, err)
	found := false
	for _, plugin := range plugins {
		found = found || plugin.Class == fileSource && plugin.Type == "source" && plugin.Version == root.Version
	}
	if !found {
		t.Fatalf("no %s %s in %+v", fileSource, root.Version, plugins)
	}
	config := anything(sourceConfig("/tmp/none"))
	delete(config, "topic")
	config["name"] = "cl-none"
	result, err := client.PutValidateConnectorConfig(ctx, fileSource, connect.ValidateConnectorConfigOptions{Config: config})
	must(t, err)
	if result.ErrorCount != 1 || result.Name != fileSource || len(result.Groups) == 0 || len(result.Configs) < 10 {
		t.Fatalf("validated: %d errors, %d keys", result.ErrorCount, len(result.Configs))
	}
}
