"""The protocol below the operations: health, browsers, compression, and requests that are wrong."""

import gzip
import re
import socket
import zlib

import pytest

from raw_http import Connection, api_headers


@pytest.fixture
def connection(disk_endpoint):
    connection = Connection(disk_endpoint)
    yield connection
    connection.close()


def test_health(connection):
    answer = connection.request("GET")
    assert answer.status == 200
    assert answer.body.startswith(b"healthy: dynamodb.") and b".amazonaws.com" in answer.body


def test_answer_has_an_id_a_checksum_and_a_date(connection):
    answer = connection.call("ListTables")
    assert answer.json == {"TableNames": []}
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"
    assert len(answer.headers["x-amzn-RequestId"]) == 52
    assert int(answer.headers["x-amz-crc32"]) == zlib.crc32(answer.body)
    assert answer.headers["Server"] and answer.headers["Date"]
    assert connection.call("ListTables").headers["x-amzn-RequestId"] != answer.headers["x-amzn-RequestId"]


@pytest.mark.parametrize("coding, pack", [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_request(connection, coding, pack):
    answer = connection.call("ListTables", body=pack(b'{"Limit": 5}'), Content_Encoding=coding)
    assert (answer.status, answer.json) == (200, {"TableNames": []})


def test_compressed_answer(endpoint, client):
    connection = Connection(endpoint)
    for number in range(20):
        client.create_table(
            TableName=f"a-table-with-a-rather-long-name-{number:03}" * 3,
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    plain = connection.call("ListTables")
    packed = connection.call("ListTables", Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.body) == plain.body
    # The checksum is over what is sent.
    assert int(packed.headers["x-amz-crc32"]) == zlib.crc32(packed.body)


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:8080", "https://[::1]"])
def test_page_of_this_machine_may_ask(connection, origin):
    answer = connection.call("ListTables", Origin=origin)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(
    "origin", ["https://example.org", "null", "http://localhost.example.org", "http://10.0.0.1"]
)
def test_page_of_elsewhere_may_not(connection, origin):
    answer = connection.call("ListTables", Origin=origin)
    assert 400 <= answer.status < 500
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "TableNames" not in answer.body.decode()


def preflight(connection, origin):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-amz-target,authorization",
    }
    return connection.request("OPTIONS", headers=headers)


def test_preflight(connection):
    answer = preflight(connection, "http://localhost:3000")
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert "x-amz-target" in answer.headers["Access-Control-Allow-Headers"]
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Origin" not in preflight(connection, "https://example.org").headers


def test_named_origin(start, tmp_path):
    server = start("--in-memory", "--cors-origin", "https://example.org")
    connection = Connection(server.endpoint)
    answer = connection.call("ListTables", Origin="https://example.org")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://example.org"
    assert preflight(connection, "https://example.org").status == 200
    assert (
        "Access-Control-Allow-Origin"
        not in connection.call("ListTables", Origin="https://example.com").headers
    )


WRONG = [
    # operation, body, error, part of the message
    ("ListTables", b"", "SerializationException", ""),
    ("ListTables", b"{", "SerializationException", ""),
    ("ListTables", b"not json", "SerializationException", ""),
    ("ListTables", b"\xff\xfe", "SerializationException", ""),
    ("ListTables", b"[" * 200_000, "SerializationException", ""),
    ("ListTables", b'{"Limit": "5"}', "SerializationException", "cannot be converted to Integer"),
    ("ListTables", b'{"Limit": 0}', "ValidationException", "greater than or equal to 1"),
    (
        "PutItem",
        b'{"TableName": "T", "Item": {"a": {"S": 1}}}',
        "SerializationException",
        "converted to String",
    ),
    (
        "PutItem",
        b'{"TableName": "T", "Item": {"a": {"N": "1' + b"0" * 100_000 + b'"}}}',
        "ValidationException",
        "",
    ),
    (
        "PutItem",
        b'{"TableName": "T", "Item": {"a": ' + b'{"L": [' * 60 + b"]}" * 60 + b"}}",
        "ValidationException",
        "Nesting Levels have exceeded supported limits",
    ),
    (
        "GetItem",
        b'{"TableName": "Nowhere", "Key": {"a": {"S": "b"}}}',
        "ResourceNotFoundException",
        "not found",
    ),
    ("FlyToTheMoon", b"{}", "UnknownOperationException", ""),
    ("", b"{}", "UnknownOperationException", ""),
]


@pytest.mark.parametrize(
    "operation, body, error, part", WRONG, ids=[f"{case[2]}-{n}" for n, case in enumerate(WRONG)]
)
def test_wrong_request(connection, operation, body, error, part):
    answer = connection.call(operation, body=body)
    assert answer.status == 400
    assert answer.error == error
    assert part in answer.json.get("message", answer.json.get("Message", ""))
    # The connection is still good.
    assert connection.call("ListTables").status == 200


def test_unknown_members_are_no_error(connection):
    assert connection.call("ListTables", {"Limit": 1, "Colour": {"is": ["red"]}}).status == 200


def test_request_that_is_not_signed(connection):
    headers = {name: value for name, value in api_headers("ListTables").items() if name != "Authorization"}
    answer = connection.request("POST", body=b"{}", headers=headers)
    assert (answer.status, answer.error) == (400, "MissingAuthenticationTokenException")


@pytest.mark.parametrize("method, path", [("PUT", "/"), ("DELETE", "/"), ("GET", "/elsewhere")])
def test_nothing_else_is_served(connection, method, path):
    assert connection.request(method, path).status == 404


def test_body_over_16_megabytes(connection):
    largest = b'{"Limit": 1}'.ljust(16 << 20)
    assert connection.call("ListTables", body=largest).status == 200
    assert connection.call("ListTables", body=largest + b" ").status == 413


def test_small_body_that_expands_to_much(connection):
    bomb = gzip.compress(b'{"a":"' + b"x" * (40 << 20) + b'"}')
    assert len(bomb) < 100_000
    assert connection.call("ListTables", body=bomb, Content_Encoding="gzip").status == 413


def test_pipelined_requests_are_answered_in_order(disk_endpoint):
    connection = Connection(disk_endpoint)
    connection.http.connect()
    requests = b""
    for limit in (1, 0, 2):
        body = b'{"Limit": %d}' % limit
        head = "".join(f"{name}: {value}\r\n" for name, value in api_headers("ListTables").items())
        requests += f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body
    connection.http.sock.sendall(requests)
    connection.http.sock.shutdown(socket.SHUT_WR)
    received = b""
    while part := connection.http.sock.recv(65536):
        received += part
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"400", b"200"]


def test_slow_client_is_cut_off_and_others_are_served(start):
    server = start("--in-memory", "--head-timeout", "300ms", "--body-timeout", "300ms")
    slow_head, slow_body = Connection(server.endpoint), Connection(server.endpoint)
    slow_head.http.connect()
    slow_head.http.sock.sendall(b"POST / HTTP/1.1\r\nHost:")
    slow_body.http.putrequest("POST", "/")
    slow_body.http.putheader("Content-Length", "10")
    slow_body.http.endheaders(b"{")
    assert Connection(server.endpoint).call("ListTables").status == 200
    for slow in (slow_head, slow_body):
        received = b"".join(iter(lambda sock=slow.http.sock: sock.recv(65536), b""))
        assert received == b"" or received.startswith((b"HTTP/1.1 408", b"HTTP/1.1 400"))
