"""Requests below the level of any client library."""

import http.client
import json
from urllib.parse import urlsplit

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=tests/20260101/eu-west-2/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-date;x-amz-target, Signature=" + "0" * 64
)


def api_headers(operation):
    """The headers that every call of an operation has."""
    return {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": AUTHORIZATION,
    }


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The error's name without its namespace."""
        return self.json["__type"].split("#")[1]


class Connection:
    """One connection to a server, kept alive over requests."""

    def __init__(self, endpoint, seconds_max=30):
        address = urlsplit(endpoint)
        self.http = http.client.HTTPConnection(address.hostname, address.port, timeout=seconds_max)

    def request(self, method, path="/", body=None, headers=None):
        self.http.request(method, path, body, headers or {})
        return Answer(self.http.getresponse())

    def call(self, operation, request=None, body=None, **headers):
        """Calls an operation with a request as JSON, or with a body of any bytes."""
        body = json.dumps(request or {}).encode() if body is None else body
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", body=body, headers={**api_headers(operation), **more})

    def close(self):
        self.http.close()
