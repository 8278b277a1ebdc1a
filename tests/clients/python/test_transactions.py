"""Transactions with boto3 and the AWS CLI: transfers between accounts."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
)

from bank_ledger import MADE, UNKNOWN, Send, check_tokens


def make_accounts(client, balances):
    client.create_table(
        TableName="Accounts",
        KeySchema=[{"AttributeName": "account", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "account", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for account, balance in balances.items():
        item = {"account": {"S": account}, "balance": {"N": str(balance)}}
        client.put_item(TableName="Accounts", Item=item)


def move(sign, account, amount, condition=None):
    update = {
        "TableName": "Accounts",
        "Key": {"account": {"S": account}},
        "UpdateExpression": f"SET balance = balance {sign} :amount",
        "ExpressionAttributeValues": {":amount": {"N": str(amount)}},
    }
    if condition:
        update["ConditionExpression"] = condition
    return {"Update": update}


def transfer(source, target, amount):
    return [move("-", source, amount, "balance >= :amount"), move("+", target, amount)]


def balances(client, *accounts):
    gets = [{"Get": {"TableName": "Accounts", "Key": {"account": {"S": account}}}} for account in accounts]
    answer = client.transact_get_items(TransactItems=gets)
    return [int(response["Item"]["balance"]["N"]) for response in answer["Responses"]]


def test_a_transfer_is_made_or_not(client):
    make_accounts(client, {"one": 100, "two": 0})
    client.transact_write_items(TransactItems=transfer("one", "two", 30))
    assert balances(client, "one", "two") == [70, 30]
    with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
        client.transact_write_items(TransactItems=transfer("one", "two", 71))
    reasons = cancelled.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["ConditionalCheckFailed", "None"]
    assert balances(client, "one", "two") == [70, 30]


def test_a_transfer_with_the_cli(aws):
    client = boto3.client("dynamodb", endpoint_url=aws.endpoint)
    make_accounts(client, {"one": 100, "two": 0})
    aws("transact-write-items", "--transact-items", transfer("one", "two", 5))
    gets = [{"Get": {"TableName": "Accounts", "Key": {"account": {"S": name}}}} for name in ("one", "two")]
    answer = aws("transact-get-items", "--transact-items", gets)
    assert [response["Item"]["balance"] for response in answer["Responses"]] == [{"N": "95"}, {"N": "5"}]


def test_a_transfer_of_plain_values(client, dynamodb):
    """As the resource translates them: numbers in, Decimal out."""
    make_accounts(client, {"one": 100, "two": 0})

    def change(account, expression, **more):
        more |= {"UpdateExpression": expression, "ExpressionAttributeValues": {":amount": 30}}
        return {"Update": {"TableName": "Accounts", "Key": {"account": account}, **more}}

    translating = dynamodb.meta.client
    translating.transact_write_items(
        TransactItems=[
            change("one", "SET balance = balance - :amount", ConditionExpression="balance >= :amount"),
            change("two", "SET balance = balance + :amount"),
        ]
    )
    gets = [{"Get": {"TableName": "Accounts", "Key": {"account": name}}} for name in ("one", "two")]
    answer = translating.transact_get_items(TransactItems=gets)
    assert [response["Item"]["balance"] for response in answer["Responses"]] == [Decimal(70), Decimal(30)]


def test_money_is_neither_made_nor_lost(client):
    names = [f"account{number}" for number in range(8)]
    make_accounts(client, {name: 100 for name in names})

    def transfers(worker):
        for step in range(40):
            source, target = names[(worker + step) % 8], names[(worker + 3 * step + 1) % 8]
            if source == target:
                continue
            try:
                client.transact_write_items(TransactItems=transfer(source, target, 1 + step % 7))
            except client.exceptions.TransactionCanceledException:
                pass
            assert sum(balances(client, *names)) == 800

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(transfers, range(8)))
    assert sum(balances(client, *names)) == 800
    assert min(balances(client, *names)) >= 0


def connect_many(endpoint, count):
    """A client that sends `count` requests at once: without this setting they would share ten connections."""
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        config=Config(max_pool_connections=count, retries={"total_max_attempts": 1}),
    )


def send_at_once(client, count, token):
    """Sends a transfer of 1 under one token, all in the same moment; gives what each came to."""
    barrier = threading.Barrier(count)

    def send(_):
        barrier.wait()
        began = time.monotonic()
        try:
            client.transact_write_items(TransactItems=transfer("one", "two", 1), ClientRequestToken=token)
            answer = MADE
        except (EndpointConnectionError, ConnectionClosedError, HTTPClientError):
            answer = UNKNOWN
        return Send(token, "one to two", began, time.monotonic(), answer)

    with ThreadPoolExecutor(count) as workers:
        return list(workers.map(send, range(count)))


def test_one_token_sent_by_many_writes_once(endpoint, client):
    make_accounts(client, {"one": 100, "two": 0})
    many = connect_many(endpoint, 32)
    for number in range(10):
        sends = send_at_once(many, 32, token=f"token-{number}")
        assert [send.answer for send in sends] == [MADE] * 32
        one, two = balances(client, "one", "two")
        assert one + two == 100
        check_tokens(sends, {f"token-{number}": two - number})


def test_one_token_sent_by_many_across_a_kill(start, tmp_path):
    """Killed in the middle of it: the transfer is made once by those before the kill and those after."""
    server = start(data_dir=tmp_path / "data")
    make_accounts(boto3.client("dynamodb", endpoint_url=server.endpoint), {"one": 100, "two": 0})
    sends = []
    for number in range(5):
        killed = server
        delay = threading.Timer(0.004 * number, killed.kill)
        delay.start()
        sends += send_at_once(connect_many(server.endpoint, 32), 32, token=f"token-{number}")
        delay.join()
        server = start(data_dir=tmp_path / "data")
        sends += send_at_once(connect_many(server.endpoint, 32), 32, token=f"token-{number}")
        client = boto3.client("dynamodb", endpoint_url=server.endpoint)
        one, two = balances(client, "one", "two")
        assert one + two == 100
        written = {f"token-{earlier}": 1 for earlier in range(number)}
        check_tokens(sends, {**written, f"token-{number}": two - number})
    assert {send.answer for send in sends} == {MADE, UNKNOWN}


def test_a_token_is_remembered_across_a_kill(start, tmp_path):
    server = start(data_dir=tmp_path / "data")
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    make_accounts(client, {"one": 100, "two": 0})
    client.transact_write_items(TransactItems=transfer("one", "two", 1), ClientRequestToken="once")
    server.kill()
    server = start(data_dir=tmp_path / "data")
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    client.transact_write_items(TransactItems=transfer("one", "two", 1), ClientRequestToken="once")
    assert balances(client, "one", "two") == [99, 1]
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        client.transact_write_items(TransactItems=transfer("one", "two", 2), ClientRequestToken="once")
