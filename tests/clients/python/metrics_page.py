"""The page of metrics as Prometheus' own parser reads it."""

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from raw_http import Connection

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class MetricsPage:
    """The samples of one GET /metrics."""

    def __init__(self, endpoint):
        connection = Connection(endpoint)
        answer = connection.request("GET", "/metrics")
        connection.close()
        assert answer.status == 200
        assert answer.headers["Content-Type"] == CONTENT_TYPE
        self.text = answer.body.decode()
        self.families = {family.name: family for family in text_string_to_metric_families(self.text)}

    def samples(self, name, **labels):
        """The values of the samples with this name and at least these labels."""
        return [
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def value(self, name, **labels):
        """The one value of that name and these labels."""
        (value,) = self.samples(name, **labels)
        return value
