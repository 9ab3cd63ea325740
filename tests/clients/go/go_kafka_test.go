package clients

import (
	"slices"
	"testing"

	connect "github.com/go-kafka/connect"
)

func TestGoKafkaLifeCycle(t *testing.T) {
	client := connect.NewClient(connectURL(t))
	client.HTTPClient = httpClient(t)
	name := "cl-go-kafka"
	states := func() (string, error) {
		status, _, err := client.GetConnectorStatus(name)
		text := status.Connector.State
		for _, task := range status.Tasks {
			text += " " + task.State
		}
		return text, err
	}
	created := connect.Connector{Name: name, Config: sourceConfig("/tmp/go-kafka")}
	response, err := client.CreateConnector(&created)
	must(t, err)
	if response.StatusCode != 201 || created.Config["name"] != name {
		t.Fatalf("created: %d %+v", response.StatusCode, created)
	}
	eventually(t, "RUNNING RUNNING", states)

	names, _, err := client.ListConnectors()
	must(t, err)
	tasks, _, err := client.GetConnectorTasks(name)
	must(t, err)
	if !slices.Contains(names, name) || len(tasks) != 1 || tasks[0].ID != (connect.TaskID{ConnectorName: name, ID: 0}) || tasks[0].Config["topic"] != "lines" {
		t.Fatalf("%v, %+v", names, tasks)
	}
	_, err = client.PauseConnector(name)
	must(t, err)
	eventually(t, "PAUSED PAUSED", states)
	_, err = client.ResumeConnector(name)
	must(t, err)
	eventually(t, "RUNNING RUNNING", states)
	_, err = client.RestartConnector(name)
	must(t, err)
	eventually(t, "RUNNING RUNNING", states)

	config := sourceConfig("/tmp/another")
	_, response, err = client.UpdateConnectorConfig(name, config)
	must(t, err)
	if response.StatusCode != 200 {
		t.Fatalf("updated: %d", response.StatusCode)
	}
	eventually(t, "RUNNING RUNNING", states)
	_, err = client.DeleteConnector(name)
	must(t, err)
	eventually(t, "404", func() (string, error) {
		_, response, err := client.GetConnector(name)
		if response == nil {
			return "", err
		}
		return response.Status[:3], nil
	})
	_, err = client.PauseConnector(name)
	if err == nil || err.Error() != "Unknown connector cl-go-kafka (HTTP 404)" {
		t.Fatalf("paused what is gone: %v", err)
	}
}
