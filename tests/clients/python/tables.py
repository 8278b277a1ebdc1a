"""Tables that several tests want."""

import time


def make_table(dynamodb, name, hash_key, range_key=None, indexes=(), provisioned=False):
    """A table of string keys; each index is (name, hash key, range key or None, type of that)."""
    keys = [hash_key] + ([range_key] if range_key else [])
    types = dict.fromkeys(keys, "S")
    for _, index_hash, index_range, range_type in indexes:
        types.setdefault(index_hash, "S")
        if index_range:
            types.setdefault(index_range, range_type)
    throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    more = {"ProvisionedThroughput": throughput} if provisioned else {"BillingMode": "PAY_PER_REQUEST"}
    if indexes:
        more["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index_name,
                "KeySchema": _key_schema(index_hash, index_range),
                "Projection": {"ProjectionType": "ALL"},
            }
            for index_name, index_hash, index_range, _ in indexes
        ]
    table = dynamodb.create_table(
        TableName=name,
        KeySchema=_key_schema(hash_key, range_key),
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": types[name]} for name in types],
        **more,
    )
    table.wait_until_exists()
    return table


def make_articles(dynamodb, indexes=(), provisioned=False):
    """`Articles` by `article_id`, with an index on each attribute in `indexes`."""
    named = [(f"{attribute}-index", attribute, None, None) for attribute in indexes]
    return make_table(dynamodb, "Articles", "article_id", indexes=named, provisioned=provisioned)


def make_single_table(dynamodb):
    """`AppTable`: generic keys PK and SK, and one index on GSI1PK and GSI1SK."""
    return make_table(dynamodb, "AppTable", "PK", "SK", indexes=[("GSI1", "GSI1PK", "GSI1SK", "S")])


def wait_for_indexes(table, seconds_max=30):
    """Waits until all indexes are ACTIVE; reads the table's description anew."""
    deadline = time.monotonic() + seconds_max
    while True:
        table.reload()
        states = [index["IndexStatus"] for index in table.global_secondary_indexes or []]
        if set(states) <= {"ACTIVE"} and table.table_status == "ACTIVE":
            return
        assert time.monotonic() < deadline, f"after {seconds_max} seconds the indexes are {states}"
        time.sleep(0.02)


def _key_schema(hash_key, range_key):
    schema = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    if range_key:
        schema.append({"AttributeName": range_key, "KeyType": "RANGE"})
    return schema
